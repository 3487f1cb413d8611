from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pycaffelite.blob import Array
from pycaffelite.snapshot.hdf5_writer import _Pages, written

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12)
FLOATS = hnp.arrays(np.float32, SHAPES) | hnp.arrays(np.float64, SHAPES)


def encoded(arrays: list[Array]) -> bytes:
    with written() as (writer, chunks):
        for index, array in enumerate(arrays):
            group = writer.file.require_group(f"data/layer {index // 2}")
            writer.put(group, str(index), array)
    return b"".join(bytes(chunk) for chunk in chunks)


@given(st.lists(FLOATS, max_size=6))
def test_the_library_reads_what_it_would_have_written(arrays: list[Array]) -> None:
    content = encoded(arrays)
    assert content == encoded(arrays)
    with h5py.File(io.BytesIO(content)) as file:
        for index, array in enumerate(arrays):
            dataset = file[f"data/layer {index // 2}/{index}"]
            assert (dataset.shape, dataset.dtype) == (array.shape, array.dtype)
            np.testing.assert_array_equal(dataset[()], array)


def test_arrays_that_are_not_contiguous_and_of_the_other_byte_order() -> None:
    plain = np.arange(6, dtype=np.float32).reshape(2, 3)
    with h5py.File(io.BytesIO(encoded([plain.T, plain.astype(">f4")]))) as file:
        np.testing.assert_array_equal(file["data/layer 0/0"][()], plain.T)
        np.testing.assert_array_equal(file["data/layer 0/1"][()], plain)


def test_numbers_are_not_copied() -> None:
    array = np.zeros(1 << 20, np.float32)
    with written() as (writer, chunks):
        writer.put(writer.file, "a", array)
    array[:] = 1
    with h5py.File(io.BytesIO(b"".join(bytes(chunk) for chunk in chunks))) as file:
        assert file["a"][-1] == 1
    assert sum(len(chunk) for chunk in chunks if isinstance(chunk, bytes)) < 1 << 14


WRITES = st.lists(st.tuples(st.integers(0, 20000), st.binary(min_size=1, max_size=9000)), max_size=8)


@given(WRITES, st.integers(0, 30000), st.integers(0, 9000))
def test_pages_are_a_file(writes: list[tuple[int, bytes]], start: int, length: int) -> None:
    ours, theirs = _Pages(), io.BytesIO()
    for offset, content in writes:
        for file in (ours, theirs):
            file.seek(offset)
            assert file.write(content) == len(content)
            assert file.tell() == offset + len(content)
    whole = theirs.getvalue()
    assert ours.seek(0, io.SEEK_END) == len(whole)
    assert ours.between(0, len(whole)) == whole
    ours.seek(start)
    assert ours.read(length) == whole[start : start + length]


@pytest.mark.parametrize("size", [0, 3, 5000])
def test_a_file_that_is_cut_or_grown(size: int) -> None:
    pages = _Pages()
    pages.write(b"abcd")
    assert pages.truncate(size) == size
    assert pages.between(0, size) == b"abcd"[:size].ljust(size, b"\0")
    assert pages.seek(0, io.SEEK_END) == size
    assert pages.seek(-size, io.SEEK_CUR) == 0
