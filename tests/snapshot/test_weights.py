import errno
import os
import resource
from pathlib import Path

import h5py
import numpy as np
import pytest

from pycaffelite.errors import SnapshotError
from pycaffelite.schema import messages
from pycaffelite.snapshot import files, load_weights, save_weights, weights

from .conftest import NET, listed, make, same, values

INTEROP = Path(__file__).parents[1] / "golden" / "interop"


@pytest.mark.parametrize("name", ["w.caffemodel", "w.caffemodel.h5"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(tmp_path, name, dtype):
    net, other = make(dtype=dtype), make(seed=2, dtype=dtype)
    save_weights(net, tmp_path / "new" / name)
    report = load_weights(other, tmp_path / "new" / name)
    assert report == weights.LoadReport(("a", "b/c"), (), ())
    assert same(net, other)
    assert listed(tmp_path / "new") == [name]  # no temporary file is left


@pytest.mark.parametrize("name", ["w.caffemodel", "w.caffemodel.h5"])
def test_weights_of_one_precision_load_into_the_other(tmp_path, name):
    net = make(dtype=np.float64)
    save_weights(net, tmp_path / name)
    other = make(seed=2)
    load_weights(other, tmp_path / name)
    for ours, theirs in zip(values(other), values(net), strict=True):
        np.testing.assert_array_equal(ours, theirs.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_message_holds_layers_and_splits_as_caffe_writes_them(tmp_path, dtype):
    net = make(dtype=dtype)
    net.params["a"][0].diff[...] = 7
    save_weights(net, tmp_path / "w.caffemodel", diff=True)
    message = messages.NetParameter.FromString((tmp_path / "w.caffemodel").read_bytes())
    assert message.SerializeToString() == (tmp_path / "w.caffemodel").read_bytes()
    assert [layer.name for layer in message.layer] == ["in", "x_in_0_split", "a", "b/c", "loss"]
    assert message.layer[2].bottom == ["x_in_0_split_0"]
    assert message.layer[4].loss_weight == [1]
    assert all(layer.phase == messages.TRAIN and layer.HasField("phase") for layer in message.layer)
    blob = message.layer[2].blobs[0]
    assert list(blob.shape.dim) == [3]
    assert list(blob.diff if dtype == np.float32 else blob.double_diff) == [7, 7, 7]


def test_hdf5_layout(tmp_path):
    net = make()
    save_weights(net, tmp_path / "w.caffemodel.h5", diff=True)
    with h5py.File(tmp_path / "w.caffemodel.h5") as file:
        assert set(file) == {"data", "diff"}
        assert set(file["data"]) == {"in", "x_in_0_split", "a", "b", "loss"}
        np.testing.assert_array_equal(file["data/b/c/0"], net.params["b/c"][0].data)
        assert file["data/a/1"].dtype == np.float32


def test_hdf5_refuses_names_that_collide(tmp_path):
    net = make(NET.replace('"b/c"', '"a/0"'))
    with pytest.raises(SnapshotError, match="layer `a/0` cannot be written to HDF5") as error:
        save_weights(net, tmp_path / "w.caffemodel.h5")
    assert error.value.hint == "rename it, or use snapshot_format: BINARYPROTO"
    assert listed(tmp_path) == []


def test_report_of_other_nets(tmp_path):
    save_weights(make(), tmp_path / "w.caffemodel")
    other = make(NET.replace('"a" type', '"new" type'))
    before = values(other)[0]
    assert load_weights(other, tmp_path / "w.caffemodel") == weights.LoadReport(("b/c",), ("a",), ("new",))
    np.testing.assert_array_equal(values(other)[0], before)


@pytest.mark.parametrize("name", ["w.caffemodel", "w.caffemodel.h5"])
def test_a_shape_that_does_not_fit_changes_nothing(tmp_path, name):
    save_weights(make(), tmp_path / name)
    other = make(NET.replace("dim: 3", "dim: 4"), seed=2)
    before = values(other)
    with pytest.raises(SnapshotError) as error:
        load_weights(other, tmp_path / name)
    assert str(error.value) == (
        f"error: net.prototxt:4:1: layer `a` (Scale): parameter 0 has another shape in {tmp_path / name}\n"
        "  expected: shape 4, as the net has it\n"
        "  got:      shape 3 in the file\n"
        "\n"
        "hint: rename the layer, or skip such layers with `--skip-mismatch`, to train it from scratch"
    )
    for ours, theirs in zip(values(other), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    report = load_weights(other, tmp_path / name, skip_mismatch=True)
    assert report == weights.LoadReport((), (), (), ("a", "b/c"))


def test_another_number_of_parameters(tmp_path):
    save_weights(make(), tmp_path / "w.caffemodel")
    with pytest.raises(SnapshotError, match=r"layer `a` \(Scale\): another number of parameters"):
        load_weights(make(NET.replace("bias_term: true", "")), tmp_path / "w.caffemodel")


def test_weights_for_a_layer_without_any_are_refused(tmp_path):
    save_weights(make(), tmp_path / "w.caffemodel")
    silent = NET.replace(
        '"Scale" bottom: "a" top: "b" scale_param { filler { type: "gaussian" } }', '"ReLU" bottom: "a" top: "b"'
    )
    with pytest.raises(SnapshotError, match=r"layer `b/c` \(ReLU\): another number of parameters"):
        load_weights(make(silent), tmp_path / "w.caffemodel")


def test_hdf5_is_known_by_its_content(tmp_path):
    net, other = make(), make(seed=2)
    save_weights(net, tmp_path / "w.caffemodel.h5")
    (tmp_path / "w.caffemodel.h5").rename(tmp_path / "w.caffemodel")
    load_weights(other, tmp_path / "w.caffemodel")
    assert same(net, other)


@pytest.mark.parametrize(("given", "written"), [("", [(0, 1)] * 3), ("param { lr_mult: 0 name: 'm' } ", [(0, 1)] * 3)])
def test_a_layer_that_freezes_its_parameters_says_so_in_the_file(tmp_path, given, written):
    statistics = f'layer {{ name: "n" type: "BatchNorm" bottom: "a" top: "n" {given}}}'
    save_weights(make(NET + statistics), tmp_path / "w.caffemodel")
    message = messages.NetParameter.FromString((tmp_path / "w.caffemodel").read_bytes())
    specs = {layer.name: layer.param for layer in message.layer}
    assert [(spec.lr_mult, spec.decay_mult) for spec in specs["n"]] == written
    assert not specs["a"]


SHARED = """
name: "s"
layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "Scale" bottom: "x" top: "a" param { name: "w" } scale_param { filler { type: "gaussian" } } }
layer { name: "b" type: "Scale" bottom: "a" top: "b" param { name: "w" } }
"""


@pytest.mark.parametrize("name", ["w.caffemodel", "w.caffemodel.h5"])
def test_shared_parameters(tmp_path, name):
    net, other = make(SHARED), make(SHARED, seed=2)
    save_weights(net, tmp_path / name, diff=True)
    load_weights(other, tmp_path / name)
    assert same(net, other)
    assert other.params["a"][0] is other.params["b"][0]
    if name.endswith(".h5"):
        with h5py.File(tmp_path / name) as file:  # data are held once, by the owner, diffs by both
            assert [list(file[group]) for group in ("data/a", "data/b", "diff/a", "diff/b")] == [
                ["0"],
                [],
                ["0"],
                ["0"],
            ]


GOLDEN_NET = """
name: "deploy"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 4 kernel_size: 5
  stride: 2 } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1" inner_product_param { num_output: 10 } }
"""


@pytest.mark.parametrize(
    ("file", "arrays", "prefix"),
    [
        ("models/v1.caffemodel", "models/v1.npz", "param/"),
        ("models/v1_upgraded.caffemodel", "models/v1.npz", "param/"),
        ("models/sgd_iter_20.caffemodel", "models/sgd_iter_20.npz", "param/"),
        ("models/sgd_h5_iter_20.caffemodel.h5", "models/sgd_h5_iter_20.npz", "param/"),
        ("snapshots/sgd_iter_10.caffemodel", "snapshots/sgd_iter_10.caffemodel.npz", "data/"),
        ("snapshots/sgd_h5_iter_10.caffemodel.h5", "snapshots/sgd_h5_iter_10.caffemodel.h5.npz", "data/"),
    ],
)
def test_reads_what_the_reference_wrote(file, arrays, prefix):
    net = make(GOLDEN_NET)
    report = load_weights(net, INTEROP / file)
    assert report.copied == ("conv1", "ip1")
    golden = np.load(INTEROP / arrays)
    for name, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            np.testing.assert_array_equal(blob.data, golden[f"{prefix}{name}/{index}"])


@pytest.mark.parametrize("name", ["none.caffemodel", "none.caffemodel.h5"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(SnapshotError):
        load_weights(make(), tmp_path / name)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "w.caffemodel"
    save_weights(make(), path)
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(SnapshotError) as error:
            save_weights(make(seed=2), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.got == os.strerror(errno.EFBIG)
    assert path.read_bytes() == old
    assert listed(tmp_path) == ["w.caffemodel"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_any_failure_of_the_system_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "w.caffemodel"
    save_weights(make(), path)
    old = path.read_bytes()

    def fail(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os if call == "fsync" else Path, call, fail)
    with pytest.raises(SnapshotError) as error:
        save_weights(make(seed=2), path)
    monkeypatch.undo()
    assert str(error.value) == (
        f"error: {path}: cannot write this file\n"
        "  got:      No space left on device\n"
        "\n"
        "hint: files that stood there before are unharmed; make room, or set another snapshot_prefix"
    )
    assert path.read_bytes() == old
    assert listed(tmp_path) == ["w.caffemodel"]


def test_too_large_for_protobuf(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "_PROTOBUF_LIMIT", 50)
    with pytest.raises(SnapshotError, match="too large for a binary") as error:
        save_weights(make(), tmp_path / "w.caffemodel")
    assert error.value.hint == "use `snapshot_format: HDF5`"


def test_filters_of_the_deeply_supervised_nets_fork(tmp_path):
    text = """
    input: "x" input_dim: 1 input_dim: 6 input_dim: 2 input_dim: 2
    layers { layer { name: "cccp1" type: "cccp" num_output: 2 group: 3 } bottom: "x" top: "y" }
    """
    net = make(text)
    stored = messages.NetParameter()
    layer = stored.layer.add(name="cccp1", type="Convolution")
    layer.blobs.add(num=1, channels=1, height=6, width=2, data=range(12))
    layer.blobs.add(num=1, channels=1, height=1, width=6, data=range(6))
    (tmp_path / "w.caffemodel").write_bytes(stored.SerializeToString())
    assert load_weights(net, tmp_path / "w.caffemodel").copied == ("cccp1",)
    weights, bias = (blob.data for blob in net.params["cccp1"])
    assert weights.shape == (6, 2, 1, 1)
    assert weights.reshape(-1).tolist() == list(range(12))
    assert bias.tolist() == list(range(6))
