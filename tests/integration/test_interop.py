"""Nets with the weights that the reference tools wrote, against the blobs that those tools computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite import load_net

MODELS = Path(__file__).parents[1] / "golden" / "interop" / "models"


@pytest.mark.parametrize(
    ("weights", "values"),
    [
        ("v1.caffemodel", "v1.npz"),
        ("v1_upgraded.caffemodel", "v1.npz"),
        ("sgd_iter_20.caffemodel", "sgd_iter_20.npz"),
        ("sgd_h5_iter_20.caffemodel.h5", "sgd_h5_iter_20.npz"),
    ],
)
def test_a_pass_with_weights_of_the_reference(weights, values):
    net = load_net(MODELS / "deploy.prototxt", "test", MODELS / weights)
    golden = np.load(MODELS / values)
    net.forward(data=golden["input"])
    compared = [name for name in net.blobs if f"data/{name}" in golden]
    assert compared == ["data", "conv1", "pool1", "ip1", "prob"]
    for name in compared:
        scale = np.abs(golden[f"data/{name}"]).max()
        np.testing.assert_allclose(net.blobs[name].data, golden[f"data/{name}"], rtol=0, atol=1e-5 * scale)
