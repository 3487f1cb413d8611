"""What is in a weights file, and how it is read."""

import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.errors import SnapshotError
from pycaffelite.schema import messages
from pycaffelite.snapshot import load_weights, save_weights, weights
from pycaffelite.snapshot.stored import StoredBlob, stored_blob, stored_weights

from .conftest import make, same, values

INTEROP = Path(__file__).parents[1] / "golden" / "interop"


def test_axes_of_length_one_do_not_count():
    def fits(stored, shape):
        return StoredBlob(stored, lambda: [np.zeros(stored)]).fits(shape)

    for shape in ((4,), (1, 4), (1, 1, 1, 4), (4, 1), (1, 4, 1, 1)):  # a bias; BN of two forks
        assert fits((1, 1, 1, 4), shape)
        assert fits(shape, (4,))
    assert fits((1, 1, 6, 3), (6, 3, 1, 1))  # `cccp` of the deeply-supervised-nets fork
    assert not fits((1, 1, 6, 3), (3, 6, 1, 1))
    assert not fits((2, 2), (4,))
    assert not fits((1,), (2,))


def test_a_scalar_has_no_shape_field(tmp_path):
    encoded = b"".join(bytes(chunk) for chunk in weights.wire.blob_chunks(np.array(2.5, np.float32)))
    blob = messages.BlobProto.FromString(encoded)
    assert not blob.HasField("shape")
    assert stored_blob(tmp_path, blob, "b").fits(())


def test_doubles_are_read(tmp_path):
    path = tmp_path / "double.caffemodel"
    message = messages.NetParameter()
    for name, count in (("a", 2), ("b/c", 1)):
        layer = message.layer.add(name=name, type="Scale")
        for _ in range(count):
            layer.blobs.add(num=1, channels=1, height=1, width=3, double_data=[0.5, 0.25, 1e-3])
    path.write_bytes(message.SerializeToString())
    net = make()
    load_weights(net, path)
    assert all((value == np.array([0.5, 0.25, 1e-3], np.float32)).all() for value in values(net))


def test_a_solver_state_is_no_weights():
    with pytest.raises(SnapshotError) as error:
        load_weights(make(), INTEROP / "snapshots" / "sgd_iter_10.solverstate")
    assert error.value.what == "this is a solver state, not weights"
    assert error.value.hint == "give it as the snapshot to resume from: `--snapshot`"


def test_a_shape_that_belies_the_data(tmp_path):
    message = messages.NetParameter()
    layer = message.layer.add(name="a", type="Scale")
    layer.blobs.add(data=[1.0], shape=messages.BlobShape(dim=[1 << 40, 1 << 40]))
    (tmp_path / "w.caffemodel").write_bytes(message.SerializeToString())
    with pytest.raises(SnapshotError, match="damaged file") as error:
        load_weights(make(), tmp_path / "w.caffemodel")
    assert error.value.got == "1"


def test_a_file_that_is_replaced_while_it_is_read(tmp_path):
    def write(name, value):
        message = messages.NetParameter()
        message.layer.add(name="a", type="Scale").blobs.add(data=[value, value], shape=messages.BlobShape(dim=[2]))
        (tmp_path / name).write_bytes(message.SerializeToString())

    write("w", 1)
    write("other", 2)
    with stored_weights(tmp_path / "w") as stored:
        blob, target = stored["a"][0], np.zeros(2, np.float32)
        blob.copy_to(target)
        (tmp_path / "other").replace(tmp_path / "w")
        with pytest.raises(SnapshotError, match="the file was changed while it was read"):
            blob.copy_to(target)
    assert target.tolist() == [1, 1]


def damage(content, position, bit, cut):
    at = position % len(content)
    if cut:
        return content[:at]
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["caffemodel", "caffemodel.h5"]), st.integers(0, 1 << 20), st.integers(0, 7), st.booleans())
def test_damaged_files_are_refused_or_read(tmp_path_factory, kind, position, bit, cut):
    path = tmp_path_factory.mktemp("damage") / f"w.{kind}"
    net = make()
    save_weights(net, path)
    path.write_bytes(damage(path.read_bytes(), position, bit, cut))
    try:
        load_weights(net, path)
    except SnapshotError:
        pass
    finally:
        shutil.rmtree(path.parent)


LARGE = """
name: "large"
layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 dim: 1000 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3000 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 2000 } }
"""


@pytest.mark.parametrize("name", ["w.caffemodel", "w.caffemodel.h5"])
def test_neither_the_file_nor_a_blob_is_whole_in_memory(tmp_path, name):
    net, other = make(LARGE), make(LARGE, seed=2)
    save_weights(net, tmp_path / name)
    load_weights(other, tmp_path / name)  # what is loaded at the first time does not count
    tracemalloc.start()
    save_weights(net, tmp_path / name)
    load_weights(other, tmp_path / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert same(net, other)
    assert peak < 10 << 20  # a blob of 12 MB and one of 24 MB


def test_a_file_that_is_cut_off_while_it_is_read(tmp_path):
    save_weights(make(), tmp_path / "w")
    with stored_weights(tmp_path / "w") as stored:
        blob = stored["a"][0]
        (tmp_path / "w").write_bytes(b"")
        with pytest.raises(SnapshotError, match="the file was changed while it was read"):
            blob.copy_to(np.zeros(3, np.float32))
        (tmp_path / "w").unlink()
        with pytest.raises(SnapshotError, match="no such file"):
            blob.copy_to(np.zeros(3, np.float32))
