from __future__ import annotations

import importlib

import numpy as np
import pytest

import pycaffelite
from pycaffelite.graph.wiring import build_graph
from pycaffelite.schema.reader import parse_net, read_net


def tiny(net, x):
    """Windows that overlap and stick out, of both kinds, ReLUs in place and not, and a side head behind a split."""
    x = net.relu(net.pool(net.conv(x, "conv1", 3, 5, pad=2), "pool1", "MAX", 3, 2), "relu1")
    side = net.full(x, "side", 5)
    net.layer("SoftmaxWithLoss", "l1", [side, "label"], top="l1")
    x = net.layer("ReLU", "relu2", net.conv(x, "conv2", 4, 2))
    return net.full(net.full(net.pool(x, "pool2", "AVE", 3, 2), "ip1", 6), "ip2", 5)


@pytest.fixture
def job(tmp_path):
    jobs, nets = map(importlib.import_module, ("jobs", "nets"))
    return jobs.net_job(tmp_path / "job", nets.Definition(tiny, 2, 9, 5), 3, "gradients")


def test_it_computes_our_outputs_and_runs(job):
    pairs = importlib.import_module("pairs")
    worker = pairs.Worker("numpy_peer.py", job.arguments(), threads=1)
    assert worker.about["difference"] < 1e-6
    assert worker.about["peer"].startswith("NumPy")
    assert worker.run(2) > 0
    assert worker.close()["peak_mib"] != 0


def test_its_gradients_are_ours(job):
    numpy_net = importlib.import_module("numpy_net")
    ours = pycaffelite.load_net(job.net, "train", job.folder / "weights.caffemodel")
    ours.plan.forward()
    with np.load(job.folder / "inputs.npz") as inputs:
        for name in inputs.files:
            ours.blobs[name].data[...] = inputs[name]
        data, label = inputs["data"].transpose(1, 0, 2, 3), inputs["label"]
    ours.plan.forward()
    ours.plan.backward(anew=True)
    net = numpy_net.NumpyNet(job.folder)
    for _ in range(2):  # the second pass finds the arrays of the first
        net.forward(data, label)
        net.backward()
    found = {layer.message["name"]: layer.gradients for layer, _, _ in net.layers if layer.weights}
    assert set(found) == set(ours.params) == {"conv1", "conv2", "side", "ip1", "ip2"}
    for name, blobs in ours.params.items():
        for blob, gradient in zip(blobs, found[name], strict=True):
            np.testing.assert_allclose(gradient, blob.diff, rtol=1e-4, atol=1e-6, err_msg=name)


def test_it_updates_as_sgd_with_momentum_does():
    numpy_net, numpy_peer = map(importlib.import_module, ("numpy_net", "numpy_peer"))
    layer = numpy_net.InnerProduct({"param": [{"lr_mult": 2.0, "decay_mult": 0.0}]}, [np.ones((1, 1)), np.ones(1)])
    layer.gradients[0][...], layer.gradients[1][...] = 3.0, 5.0
    sgd = numpy_peer.Momentum([layer])
    for _ in range(2):
        sgd.step(0.1)
    assert layer.weights[0].item() == pytest.approx(1 - 0.6 - (0.9 * 0.6 + 0.6))
    first = 0.1 * (5 + 0.0005)
    assert layer.weights[1].item() == pytest.approx(1 - first - (0.9 * first + 0.1 * (5 + 0.0005 * (1 - first))))


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("Convolution", {"convolution_param": {"group": 2}}, "c: only square kernels"),
        ("Pooling", {"pooling_param": {"kernel_size": 2, "pad": 1}}, "c: only square windows"),
    ],
)
def test_what_it_cannot_do_it_refuses(kind, fields, message):
    numpy_net = importlib.import_module("numpy_net")
    with pytest.raises(SystemExit, match=message):
        getattr(numpy_net, kind)({"name": "c"} | fields, [])


def test_it_knows_the_layers_of_all_its_rows():
    numpy_net, rows, nets = map(importlib.import_module, ("numpy_net", "rows", "nets"))
    for row in [row for row in rows.ROWS if rows.NUMPY in row.targets]:
        if row.net in nets.NETS:
            file = parse_net(nets.prototxt(nets.NETS[row.net], row.batch, train=True))
        else:
            file = read_net(rows.ROOT / "nets" / f"{row.net}.prototxt")
        types = {node.type for node in build_graph(file, "TRAIN").nodes}
        assert types <= {*numpy_net.TYPES, *numpy_net.SOURCES}
