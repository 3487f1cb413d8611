from __future__ import annotations

import gc
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.data.datum import make_datum
from pycaffelite.data.loader import Loader
from pycaffelite.data.reader import BatchReader
from pycaffelite.data.records import from_position, grouped
from pycaffelite.data.sources.base import Source
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError, ShapeError
from pycaffelite.schema import messages

RANDOM = messages.TransformationParameter(mirror=True, crop_size=3)


class ListSource(Source):
    backend = "list"

    def __init__(self, values):
        super().__init__(Path("list"))
        self.values = values

    def pieces(self, start=0):
        return from_position(start, grouped((b"%d" % n, value) for n, value in enumerate(self.values)))


def images(count=10, size=4):
    random = np.random.default_rng(1)
    return ListSource([make_datum(random.integers(0, 256, (1, size, size), np.uint8), n) for n in range(count)])


def loader(source=None, parameter=RANDOM, *, batch=4, prefetch=3, **options):
    transformer = Transformer(parameter, "TRAIN", np.random.default_rng(7))
    reader = BatchReader(images() if source is None else source, transformer, **options)
    return Loader(reader, (batch, *reader.row_shape()), prefetch=prefetch)


def take(made, count):
    labels = np.zeros(made._spare[0].count, np.float32)
    rooms, batches = [], []

    def room(shape):
        rooms.append(np.empty(shape, np.float32))
        return rooms[-1]

    for _ in range(count):
        made.next_into(room, labels)
        batches.append((rooms[-1], [int(label) for label in labels]))
    return batches


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x[0], y[0]) and x[1] == y[1] for x, y in zip(a, b, strict=True))


def test_order_and_wrap():
    assert [labels for _, labels in take(loader(), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1], [2, 3, 4, 5]]


def test_a_batch_larger_than_the_source():
    assert take(loader(images(3), batch=7), 1)[0][1] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("prefetch", [1, 2, 4])
def test_the_thread_changes_nothing(prefetch):
    assert same(take(loader(prefetch=prefetch), 9), take(loader(prefetch=0), 9))


def test_shards_deal_like_cards_over_epochs():
    plain = messages.TransformationParameter()
    labels = [
        [label for _, labels in take(loader(images(5), plain, batch=2, rank=r, size=3), 5) for label in labels]
        for r in range(3)
    ]
    dealt = [n % 5 for n in range(30)]
    assert labels == [dealt[r::3] for r in range(3)]


def test_skip_also_beyond_the_end():
    assert take(loader(skip=3), 1)[0][1] == [3, 4, 5, 6]
    assert take(loader(skip=23), 1)[0][1] == [3, 4, 5, 6]


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("before", [0, 1, 2, 5])
def test_resume_goes_on_bit_for_bit(prefetch, before):
    straight = take(loader(prefetch=prefetch), 12)
    first = loader(prefetch=prefetch)
    head = take(first, before)
    time.sleep(0.01)  # lets the thread read ahead, which must not count
    state = json.loads(json.dumps(first.state()))
    second = loader(prefetch=prefetch)
    take(second, 3)
    second.restore(state)
    assert same(head + take(second, 12 - before), straight)


@pytest.mark.parametrize("field", ["position", "dealt"])
def test_a_state_before_the_first_record(field):
    made = loader()
    with pytest.raises(ValueError, match="a place before the first record"):
        made.restore({**made.state(), field: -5})
    assert take(made, 1)[0][1] == [0, 1, 2, 3]


def test_close_and_go_on():
    made = loader()
    head = take(made, 3)
    made.close()
    made.close()
    assert same(head + take(made, 3), take(loader(), 6))


def test_what_goes_wrong_in_the_thread_is_raised_at_its_turn():
    source = images(6)
    source.values[5] = b"\xff\xff"
    made = loader(source)
    take(made, 1)
    for _ in range(2):
        with pytest.raises(DataError, match="record `5` of `list` cannot be used"):
            take(made, 1)


@pytest.mark.parametrize("prefetch", [0, 3])
def test_an_error_does_not_end_the_epoch(prefetch):
    class Damaged(ListSource):
        def records_until_damage(self):
            yield from ((b"%d" % n, value) for n, value in enumerate(self.values))
            raise DataError("the database is damaged")

        def pieces(self, start=0):
            return from_position(start, grouped(self.records_until_damage()))

    made = loader(Damaged(images(6).values), prefetch=prefetch)
    take(made, 1)
    for _ in range(2):
        with pytest.raises(DataError, match="the database is damaged"):
            take(made, 1)
        assert made.state()["position"] == 4


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_no_batch_is_lost_where_the_consumer_fails(prefetch):
    def no_room(_shape):
        raise MemoryError

    made = loader(prefetch=prefetch)
    batches = take(made, 1)
    for _ in range(3 * len(made._spare)):
        with pytest.raises(MemoryError):
            made.next_into(no_room, None)
    assert same(batches + take(made, 5), take(loader(), 6))


@pytest.mark.parametrize("shape", [(-1, -1, 16), (-4, -4, 1), (0, 4, 4)])
def test_lengths_that_are_not_positive(shape):
    source = images(8)
    lengths = dict(zip(("channels", "height", "width"), shape, strict=True))
    bad = messages.Datum(data=bytes(16), **lengths).SerializeToString()
    source.values[4:] = [bad] * 4
    made = loader(source)
    take(made, 1)
    with pytest.raises(DataError, match="record `4` of `list` cannot be used"):
        take(made, 1)


def test_another_shape():
    source = images()
    source.values[6] = make_datum(np.zeros((1, 5, 4), np.uint8), 1)
    made = loader(source, messages.TransformationParameter())
    take(made, 1)
    with pytest.raises(DataError) as error:
        take(made, 1)
    assert str(error.value) == (
        "error: record `6` of `list` has another shape than the first record of its batch\n"
        "  expected: 1x4x4\n  got:      1x5x4\n\n"
        "hint: set crop_size or batch_size: 1, or make the database from images of one size"
    )


@pytest.mark.parametrize("prefetch", [0, 2])
def test_each_batch_has_the_shape_of_its_first_record(prefetch):
    source = images(4)
    source.values[1] = make_datum(np.full((1, 5, 2), 9, np.uint8), 1)
    made = loader(source, messages.TransformationParameter(), batch=1, prefetch=prefetch)
    sizes = [(4, 4), (5, 2), (4, 4), (4, 4), (4, 4), (5, 2)]
    assert [data.shape for data, _ in take(made, 6)] == [(1, 1, *size) for size in sizes]


def test_other_shapes_are_cropped():
    source = images()
    source.values[1] = make_datum(np.full((1, 9, 3), 200, np.uint8), 1)
    data, _ = take(loader(source), 1)[0]
    assert (data[1] == 200).all()


@pytest.mark.parametrize("batch", [1, 4])
def test_a_record_that_is_smaller_than_its_crop(batch):
    source = images()
    source.values[6] = make_datum(np.zeros((1, 2, 4), np.uint8), 1)
    made = loader(source, batch=batch)
    take(made, 6 // batch)
    with pytest.raises(ShapeError) as error:
        take(made, 1)
    assert error.value.what == "record `6` of `list` does not fit: the image is smaller than its crop"


def test_images_that_are_large_for_their_crops_are_cut():
    source = ListSource([make_datum(np.full((2, 9, 9), n, np.uint8), n) for n in range(10)])
    source.values[1] = make_datum(np.arange(450, dtype=np.uint8).reshape(2, 15, 15), 1)
    made = loader(source, prefetch=0)
    made._next()
    assert [images.shape for images, _ in made._spare[0].parts] == [(1, 2, 3, 3)] * 4
    made._next()
    assert [images.shape for images, _ in made._spare[0].parts] == [(4, 2, 3, 3)]


def test_empty():
    with pytest.raises(DataError, match="the database is empty"):
        take(loader(images(0), prefetch=0), 1)


@pytest.mark.parametrize(("shape", "count"), [((4, 1, 3, 3), 12), ((4, 3, 350, 350), 3), ((64, 1, 40, 40), 10)])
def test_small_batches_are_read_ahead_further(shape, count):
    reader = BatchReader(images(), Transformer(RANDOM, "TRAIN", np.random.default_rng(7)))
    assert len(Loader(reader, shape, prefetch=3)._spare) == count


@pytest.mark.parametrize("prefetch", [1, 2, 4])
def test_a_thread_that_is_slower_than_the_consumer(monkeypatch, prefetch):
    fill = BatchReader.fill
    monkeypatch.setattr(BatchReader, "fill", lambda *args: (time.sleep(0.001), fill(*args)))
    assert same(take(loader(images(400), prefetch=prefetch), 40), take(loader(images(400), prefetch=0), 40))


def prefetchers():
    return [thread for thread in threading.enumerate() if thread.name == "pycaffelite-prefetch"]


def test_the_thread_ends_with_the_loader():
    gc.collect()
    before = len(prefetchers())
    made = loader(images(400))  # more than it reads ahead
    take(made, 2)
    assert len(prefetchers()) == before + 1
    del made
    gc.collect()
    assert len(prefetchers()) == before
