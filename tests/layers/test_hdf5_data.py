from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from pycaffelite.errors import DataError
from pycaffelite.layers.base import DataOptions
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def rows(start, count):
    return np.arange(start, start + count, dtype=float)


def make(folder, sizes=(7, 5), name="list.txt"):
    """Write files whose rows are numbered through."""
    start, names = 0, []
    for n, size in enumerate(sizes):
        with h5py.File(folder / f"{n}.h5", "w") as file:
            file["t0"] = rows(start, size)[:, None] * [1, 10]
            file["t1"] = rows(start, size).astype(np.int32)
        names.append(f"{n}.h5")
        start += size
    (folder / name).write_text("\n".join(names), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdf5")
    make(path)
    return path


def runner(folder, fields="", batch=4):
    text = f'hdf5_data_param {{ source: "list.txt" batch_size: {batch} {fields} }}'
    return LayerRunner(layer_text("HDF5Data", text, bottoms=0, tops=2), data=DataOptions(folder=folder))


class TestHDF5Data(LayerContract):
    type_name = "HDF5Data"
    fields = 'hdf5_data_param { source: "list.txt" batch_size: 9 %s }'
    cases = {
        "default": Case(
            fields % "",
            [],
            tops=2,
            oracle=lambda bottoms, params: [rows(0, 9)[:, None] * [1, 10], rows(0, 9)],
            gradients=False,
        ),
        "shuffle": Case(fields % "shuffle: true", [], tops=2, gradients=False),
    }
    errors = {
        "no_batch_size": ErrorCase(
            'hdf5_data_param { source: "list.txt" }',
            [],
            message="""
            error: an HDF5Data layer needs a batch size
              expected: hdf5_data_param { batch_size: 1 } or more
              got:      0 or none
            """,
        )
    }

    @pytest.fixture(autouse=True)
    def _here(self, folder, monkeypatch):
        monkeypatch.chdir(folder)


def test_batches_go_on_in_the_next_file_and_from_the_start(folder):
    made = runner(folder)
    labels = np.concatenate([made.forward()[1] for _ in range(6)])
    np.testing.assert_array_equal(labels, np.tile(np.arange(12), 2))


def test_shuffle_shows_each_row_once_an_epoch(folder):
    made = runner(folder, "shuffle: true")
    epochs = [np.concatenate([made.forward()[1] for _ in range(3)]) for _ in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(12))
    assert not np.array_equal(epochs[0], epochs[1])
    data = runner(folder, "shuffle: true").forward()
    np.testing.assert_array_equal(data[0], data[1][:, None] * [1, 10])


@pytest.mark.parametrize("shuffle", ["", "shuffle: true"])
@pytest.mark.parametrize("before", [0, 1, 4, 6])
def test_state_goes_on_bit_for_bit(folder, shuffle, before):
    straight = runner(folder, shuffle)
    batches = [straight.forward()[1] for _ in range(14)]
    first = runner(folder, shuffle)
    for _ in range(before):
        first.forward()
    second = runner(folder, shuffle)
    second.forward()
    second.layer.restore(json.loads(json.dumps(first.layer.state())))
    for expected in batches[before:]:
        np.testing.assert_array_equal(second.forward()[1], expected)


def test_one_file_is_read_once(tmp_path):
    make(tmp_path, sizes=(3,))
    made = runner(tmp_path, batch=2)
    (tmp_path / "0.h5").unlink()
    assert [made.forward()[1].tolist() for _ in range(3)] == [[0, 1], [2, 0], [1, 2]]


def test_rows_change_their_shape(tmp_path):
    make(tmp_path)
    with h5py.File(tmp_path / "1.h5", "w") as file:
        file["t0"], file["t1"] = np.zeros((3, 4)), np.zeros(3)
    made = runner(tmp_path)
    made.forward()
    with pytest.raises(DataError, match="dataset `t0` changes its shape from file to file"):
        made.forward()


def test_missing_files(tmp_path):
    with pytest.raises(DataError, match="the list of HDF5 files does not exist"):
        runner(tmp_path)
    (tmp_path / "list.txt").write_text("0.h5\n", encoding="utf-8")
    with pytest.raises(DataError, match="the HDF5 file does not exist"):
        runner(tmp_path)


def test_another_list_after_a_snapshot(tmp_path, folder):
    make(tmp_path, sizes=(3,))
    with pytest.raises(DataError, match="has changed since the snapshot"):
        runner(tmp_path).layer.restore(runner(folder).layer.state())


def test_records(folder):
    assert runner(folder).layer.records() == 12
