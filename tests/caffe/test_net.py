from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite import caffe
from pycaffelite.errors import FieldError, ShapeError, SnapshotError

NET = """
name: "n"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "h"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } bias_filler { type: "constant" value: 0.5 } } }
layer { name: "relu" type: "ReLU" bottom: "h" top: "h" }
layer { name: "fc2" type: "InnerProduct" bottom: "h" top: "out"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "extra" type: "Power" bottom: "h" top: "twice" power_param { scale: 2 } }
layer { name: "dropped" type: "Dropout" bottom: "out" top: "dropped" include { phase: TRAIN } }
force_backward: true
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "n.prototxt"
    file.write_text(NET)
    return str(file)


@pytest.fixture
def net(path: str) -> caffe.Net:
    caffe.set_random_seed(3)
    return caffe.Net(path, caffe.TEST)


def test_names(net: caffe.Net) -> None:
    assert net._layer_names == ["data", "fc1", "relu", "h_relu_0_split", "fc2", "extra"]
    assert net._blob_names == ["data", "h", "h_relu_0_split_0", "h_relu_0_split_1", "out", "twice"]
    assert (net.inputs, net.outputs) == (["data"], ["out", "twice"])
    assert list(net.params) == ["fc1", "fc2"]
    assert net.bottom_names["fc2"] == ["h_relu_0_split_0"]
    assert net.top_names["relu"] == ["h"]
    assert net.layer_dict["fc1"].type == "InnerProduct"
    assert [blob.shape for blob in net.layers[1].blobs] == [(4, 3), (4,)]
    assert net.blob_loss_weights["out"] == 0


def test_a_blob(net: caffe.Net) -> None:
    blob = net.blobs["data"]
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (2, 3, 1, 1, 6)
    assert blob.data.shape == blob.diff.shape == blob.shape == (2, 3)
    blob.data[...] = 7
    assert net.blobs["data"].data[1, 2] == 7
    blob.reshape(1, 2, 3, 4, 5)
    with pytest.raises(ShapeError):
        _ = blob.num


def test_forward(net: caffe.Net) -> None:
    data = np.float32([[1, 2, 3], [-1, 0, 1]])
    net.blobs["data"].data[...] = data
    (w1, b1), (w2, b2) = ([blob.data for blob in net.params[name]] for name in ("fc1", "fc2"))
    hidden = np.maximum(data @ w1.T + b1, 0)
    outputs = net.forward()
    assert set(outputs) == {"out", "twice"}
    np.testing.assert_allclose(outputs["out"], hidden @ w2.T + b2, rtol=1e-5)
    np.testing.assert_allclose(net.forward(blobs=["h"], data=data)["h"], hidden, rtol=1e-5)


def test_part_of_the_net(net: caffe.Net) -> None:
    net.blobs["data"].data[...] = 1
    assert set(net.forward(end="fc1")) == {"h"}
    before = net.blobs["h"].data.copy()
    net.blobs["data"].data[...] = 5
    net.forward(start="relu")
    np.testing.assert_array_equal(net.blobs["h"].data, np.maximum(before, 0))
    with pytest.raises(FieldError, match="did you mean `fc2` or `fc1`"):
        net.forward(end="fc")


def test_backward(net: caffe.Net) -> None:
    net.forward(data=np.ones((2, 3)))
    diffs = net.backward(out=np.ones((2, 2)), twice=np.zeros((2, 4)))
    assert set(diffs) == {"data"}
    assert np.abs(diffs["data"]).sum() > 0
    once = net.params["fc1"][0].diff.copy()
    net.backward(out=np.ones((2, 2)), twice=np.zeros((2, 4)))
    np.testing.assert_allclose(net.params["fc1"][0].diff, 2 * once, rtol=1e-5)  # they add up, as in pycaffe
    net.clear_param_diffs()
    assert not net.params["fc1"][0].diff.any()
    assert set(net.backward(diffs=["h"], end="relu", out=np.ones((2, 2)), twice=np.zeros((2, 4)))) == {"h"}


def test_wrong_arguments(net: caffe.Net) -> None:
    with pytest.raises(ShapeError, match="do not match"):
        net.forward(dada=np.ones((2, 3)))
    with pytest.raises(ShapeError, match="batch size"):
        net.forward(data=np.ones((3, 3)))


def test_reshape(net: caffe.Net) -> None:
    net.blobs["data"].reshape(5, 3)
    net.reshape()
    assert net.blobs["out"].shape == (5, 2)
    assert net.forward(data=np.ones((5, 3)))["out"].shape == (5, 2)


def test_forward_all(net: caffe.Net) -> None:
    data = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    outputs = net.forward_all(data=data)
    assert outputs["out"].shape == (5, 2)
    np.testing.assert_allclose(outputs["out"][4], net.forward(data=data[[4, 4]])["out"][0], rtol=1e-5)


@pytest.mark.parametrize("name", ["w.caffemodel", "w.caffemodel.h5"])
def test_weights(net: caffe.Net, path: str, tmp_path: Path, name: str) -> None:
    file = str(tmp_path / name)
    net.save(file)
    wanted = net.params["fc1"][0].data
    caffe.set_random_seed(4)
    for other in (caffe.Net(path, file, caffe.TEST), caffe.Net(path, caffe.TEST, weights=file)):
        np.testing.assert_array_equal(other.params["fc1"][0].data, wanted)
    fresh = caffe.Net(path, caffe.TRAIN)
    assert "dropped" in fresh.blobs
    assert (fresh.params["fc1"][0].data != wanted).any()
    fresh.copy_from(file)
    np.testing.assert_array_equal(fresh.params["fc1"][0].data, wanted)
    with pytest.raises(SnapshotError):
        net.copy_from(str(tmp_path / "none.caffemodel"))


def test_shared_weights(net: caffe.Net, path: str) -> None:
    caffe.set_random_seed(9)
    other = caffe.Net(path, caffe.TEST)
    other.share_with(net)
    net.params["fc1"][1].data[...] = 3
    assert (other.params["fc1"][1].data == 3).all()
    data = np.ones((2, 3))
    np.testing.assert_array_equal(other.forward(data=data)["out"], net.forward(data=data)["out"])


def test_a_phase_is_needed(path: str) -> None:
    with pytest.raises(FieldError, match=r"caffe\.TRAIN or caffe\.TEST"):
        caffe.Net(path)


def test_memory_data(tmp_path: Path) -> None:
    file = tmp_path / "m.prototxt"
    file.write_text(
        'layer { name: "d" type: "MemoryData" top: "x" top: "y" '
        "memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 } }"
    )
    net = caffe.Net(str(file), caffe.TEST)
    net.set_input_arrays(np.arange(6, dtype=np.float32).reshape(2, 1, 1, 3), np.float32([4, 5]))
    outputs = net.forward()
    assert outputs["x"].ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert outputs["y"].tolist() == [4, 5]


def test_modes(capsys: pytest.CaptureFixture[str]) -> None:
    caffe.set_mode_cpu()
    caffe.set_mode_gpu()
    caffe.set_mode_gpu()
    assert capsys.readouterr().err.count("pycaffelite computes on the CPU") <= 1
    assert "Convolution" in caffe.layer_type_list()
