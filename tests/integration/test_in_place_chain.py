"""A chain of layers on one blob has the right gradients: each keeps what backward needs of what it overwrites."""

from __future__ import annotations

import numpy as np

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 2 dim: 2 } } }
layer { name: "first" type: "Scale" bottom: "x" top: "y" }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
layer { name: "norm" type: "BatchNorm" bottom: "y" top: "y" }
layer { name: "scale" type: "Scale" bottom: "y" top: "y" scale_param { bias_term: true } }
layer { name: "sigmoid" type: "Sigmoid" bottom: "y" top: "y" }
layer { name: "tanh" type: "TanH" bottom: "y" top: "y" }
layer { name: "drop" type: "Dropout" bottom: "y" top: "y" dropout_param { dropout_ratio: 0.1 } }
layer { name: "leaky" type: "ReLU" bottom: "y" top: "y" relu_param { negative_slope: -0.3 } }
layer { name: "last" type: "Scale" bottom: "y" top: "y" }
layer { name: "loss" type: "LRN" bottom: "y" top: "z" loss_weight: 1 }
"""


def test_gradients():
    net = build(build_graph(parse_net(NET)), dtype=np.float64, seed=1)
    plan = compile_plan(net)
    random = np.random.default_rng(0)
    x = random.standard_normal((4, 3, 2, 2))
    learnables = [learnable.blob for learnable in net.learnables if learnable.lr_mult]
    for blob in learnables:
        blob.data[...] = random.standard_normal(blob.shape)

    def loss():
        net.blobs["x"].data[...] = x
        for entry in net.layers:
            if entry.node.name == "drop":
                entry.layer.restore({"passes": 0})
        return plan.forward()

    loss()
    plan.backward()
    assert len(learnables) == 4
    for blob in learnables:
        for i in range(3):
            kept = blob.data[i]
            blob.data[i] = kept + 1e-5
            above = loss()
            blob.data[i] = kept - 1e-5
            below = loss()
            blob.data[i] = kept
            assert abs((above - below) / 2e-5 - blob.diff[i]) < 1e-8
