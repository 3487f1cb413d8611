from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.blob import Blob
from pycaffelite.data.feed import ListFeed
from pycaffelite.data.listing import ListReader, Samples, name_and_label, read_lines, two_names
from pycaffelite.errors import DataError


class Numbers(Samples):
    """Sample i is the number i and a random number; odd ones may be longer."""

    def __init__(self, count, longer=0):
        super().__init__(np.random.default_rng(4))
        self.count, self.longer = count, longer

    def __len__(self):
        return self.count

    def read(self, index):
        return index, self.generator.integers(1000)

    def shapes(self, sample):
        return [(2 + self.longer * (sample[0] % 2),), ()]

    def write(self, sample, rows):
        rows[0][...] = sample[0]
        rows[1][...] = sample[1]


def feed(count=5, batch=3, prefetch=2, **options):
    return ListFeed(lambda: ListReader(Numbers(count, options.pop("longer", 0)), batch, **options), prefetch)


def batches(source, count):
    tops = [Blob(shape) for shape in source.shapes]
    for _ in range(count):
        source.next_into(tops)
        yield tops[0].data[:, 0].tolist(), tops[1].data.tolist()


def test_the_list_comes_over_and_over():
    numbers = [n for batch, _ in batches(feed(), 5) for n in batch]
    assert numbers == [n % 5 for n in range(15)]


def test_each_epoch_has_an_order_of_its_own():
    numbers = np.array([n for batch, _ in batches(feed(key=7), 5) for n in batch]).reshape(3, 5)
    assert (np.sort(numbers) == np.arange(5)).all()
    assert len({tuple(epoch) for epoch in numbers.tolist()}) > 1
    assert list(batches(feed(key=7), 5)) == list(batches(feed(key=7, prefetch=0), 5))


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("before", [0, 1, 4])
def test_a_state_goes_on_bit_for_bit(before, prefetch):
    straight = list(batches(feed(key=7, prefetch=prefetch), 9))
    first = feed(key=7, prefetch=prefetch)
    assert list(batches(first, before)) == straight[:before]
    state = json.loads(json.dumps(first.state()))
    second = feed(key=7, prefetch=prefetch)
    list(batches(second, 2))
    second.restore(state)
    assert list(batches(second, 9 - before)) == straight[before:]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_no_batch_is_lost_where_the_consumer_fails(prefetch):
    class Small(Blob):
        def resize(self, shape):
            raise MemoryError

    source = feed(key=7, prefetch=prefetch)
    found = list(batches(source, 1))
    for _ in range(4):
        with pytest.raises(MemoryError):
            source.next_into([Small((3, 2))])
    assert found + list(batches(source, 5)) == list(batches(feed(key=7), 6))


def test_looking_at_shapes_changes_nothing():
    plain = feed()
    state = plain.state()
    assert plain.shapes == [(3, 2), (3,)]
    assert plain.state() == state


def test_rand_skip():
    starts = set()
    for seed in range(8):
        samples = Numbers(5)
        samples.generator = np.random.default_rng(seed)
        starts.add(ListReader(samples, 1, rand_skip=5).state()["position"])
    assert len(starts) > 2
    with pytest.raises(DataError, match="rand_skip passes over the whole list"):
        ListReader(Numbers(1), 1, rand_skip=1000)


def test_a_batch_takes_the_shape_of_its_first_sample():
    source = feed(batch=1, longer=3)
    tops = [Blob(shape) for shape in source.shapes]
    shapes = []
    for _ in range(4):
        source.next_into(tops)
        shapes.append(tops[0].shape)
    assert shapes == [(1, 2), (1, 5), (1, 2), (1, 5)]


def test_other_shapes_within_a_batch():
    source = feed(longer=3)
    with pytest.raises(DataError) as caught:
        source.next_into([Blob((3, 2)), Blob((3,))])
    assert caught.value.what == "line 2 of the list has another shape than the first sample of its batch"
    assert (caught.value.expected, caught.value.got) == ("2", "5")


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("a b.png 3", ("a b.png", 3)),
        ("a.png  -12", ("a.png", -12)),
        ("a b.png\t4", ("a b.png", 4)),
        ("a.png", ("a.png", 0)),
        ("a.png 7x", ("a.png", 7)),
        ("a.png x", ("a.png", 0)),
        ("a.png 2.9", ("a.png", 2)),
    ],
)
def test_names_and_labels(line, entry):
    assert name_and_label(line) == entry


def test_two_names():
    assert two_names("a.png  b.png", Path("l")) == ("a.png", "b.png")
    with pytest.raises(DataError, match="a line does not hold two names"):
        two_names("a.png", Path("l"))


def test_lines(tmp_path):
    (tmp_path / "l").write_bytes(b"a.png 1\r\n\n  \xff.png 2\t\n")
    assert read_lines(tmp_path / "l") == ["a.png 1", "\udcff.png 2"]
    (tmp_path / "l").write_text("\n")
    with pytest.raises(DataError, match="the list is empty"):
        read_lines(tmp_path / "l")
    with pytest.raises(DataError, match="the list cannot be read"):
        read_lines(tmp_path)
