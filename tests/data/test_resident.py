from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.data import resident
from pycaffelite.data.datum import make_datum
from pycaffelite.data.loader import Loader
from pycaffelite.data.reader import BatchReader
from pycaffelite.data.records import from_position, grouped
from pycaffelite.data.sources.base import Source
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError
from pycaffelite.schema import messages

PLAIN = messages.TransformationParameter(scale=0.5)
RANDOM = messages.TransformationParameter(mirror=True, crop_size=3)


class ListSource(Source):
    backend = "list"

    def __init__(self, values):
        super().__init__(Path("list"))
        self.values = values

    def pieces(self, start=0):
        return from_position(start, grouped((b"%d" % n, value) for n, value in enumerate(self.values)))


def images(count=10):
    random = np.random.default_rng(1)
    return ListSource([make_datum(random.integers(0, 256, (1, 4, 4), np.uint8), n) for n in range(count)])


def reader(source=None, parameter=PLAIN, **options):
    source = images() if source is None else source
    return BatchReader(source, Transformer(parameter, "TRAIN", np.random.default_rng(7)), **options)


def loader(made, *, batch=4, prefetch=3):
    return Loader(made, (batch, *made.row_shape()), prefetch=prefetch)


def take(made, count, batch=4):
    """Return the bytes of batches, and the state behind each."""
    result = []
    for _ in range(count):
        room = []
        labels = np.empty(batch, np.float32)
        made.next_into(lambda shape, room=room: room.append(np.empty(shape, np.float32)) or room[0], labels)
        result.append((room[0].tobytes(), labels.tolist(), repr(made.state())))
    return result


def unkept(monkeypatch):
    monkeypatch.setattr(resident, "MOST_BYTES", 0)


@pytest.mark.parametrize("parameter", [PLAIN, RANDOM], ids=["plain", "random"])
@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("skip", [0, 3, 23])
@pytest.mark.parametrize("batch", [1, 4, 5, 10, 33])
def test_memory_changes_nothing(monkeypatch, parameter, prefetch, skip, batch):
    made = reader(parameter=parameter, skip=skip)
    kept = take(loader(made, batch=batch, prefetch=prefetch), 45, batch)
    assert made._resident.length == 10
    unkept(monkeypatch)
    made = reader(parameter=parameter, skip=skip)
    assert take(loader(made, batch=batch, prefetch=prefetch), 45, batch) == kept
    assert made._resident.length is None


@pytest.mark.parametrize("parameter", [PLAIN, RANDOM], ids=["plain", "random"])
@pytest.mark.parametrize("before", [1, 2, 3, 7])
@pytest.mark.parametrize("after", [0, 1, 2, 3, 7])
def test_resume_in_any_epoch(parameter, before, after):
    straight = take(loader(reader(parameter=parameter)), 20)
    first = loader(reader(parameter=parameter))
    take(first, before)
    second = loader(reader(parameter=parameter))
    take(second, after)
    second.restore(first.state())
    assert take(second, 20 - before) == straight[before:]


@pytest.mark.parametrize("parameter", [PLAIN, RANDOM], ids=["plain", "random"])
def test_the_source_is_read_once_and_the_thread_ends(parameter):
    source = images()
    made = loader(reader(source, parameter))
    take(made, 8)
    source.values = []
    assert made._worker is None
    assert [labels for _, labels, _ in take(made, 2)] == [[2, 3, 4, 5], [6, 7, 8, 9]]


def test_without_labels():
    made = loader(reader(), prefetch=0)
    data = np.empty((4, 1, 4, 4), np.float32)
    for _ in range(6):
        made.next_into(lambda _shape: data, None)
    assert made.state()["position"] == 4


@pytest.mark.parametrize(
    "other",
    [
        make_datum(np.ones((1, 2, 2), np.uint8), 9),
        messages.Datum(channels=1, height=1, width=2, float_data=[1, 2]).SerializeToString(),
    ],
    ids=["shape", "floats"],
)
def test_other_records_are_not_kept(other):
    source = images()
    source.values[6] = other
    made = reader(source)
    first = take(loader(made, batch=1), 10, 1)
    again = take(loader(reader(source), batch=1), 30, 1)
    assert made._resident.length is None
    assert [batch[:2] for batch in again] == [batch[:2] for batch in first] * 3


class BrokenSource(ListSource):
    def pieces(self, start=0):
        yield from from_position(start, [next(super().pieces())[:7]])
        raise DataError("damage")


@pytest.mark.parametrize("parameter", [PLAIN, RANDOM], ids=["plain", "random"])
def test_damage_is_met_in_every_epoch(parameter):
    made = loader(reader(BrokenSource(images().values), parameter), batch=1, prefetch=0)
    start = made.state()
    for _ in range(3):
        made.restore(start)
        assert [labels for _, labels, _ in take(made, 7, 1)] == [[n] for n in range(7)]
        for _ in range(2):
            with pytest.raises(DataError, match="damage"):
                take(made, 1, 1)


def test_shards_are_not_kept():
    made = reader(size=2)
    take(loader(made), 9)
    assert made._resident.length is None
