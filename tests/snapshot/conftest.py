from __future__ import annotations

import numpy as np

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.schema.reader import parse_net

NET = """
name: "n"
layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "Scale" bottom: "x" top: "a" scale_param { bias_term: true filler { type: "gaussian" } } }
layer { name: "b/c" type: "Scale" bottom: "a" top: "b" scale_param { filler { type: "gaussian" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "x" top: "loss" }
"""


def make(text=NET, seed=1, dtype=np.float32):
    return build(build_graph(parse_net(text, "net.prototxt")), seed=seed, dtype=dtype)


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def values(net):
    return [blob.data.copy() for blobs in net.params.values() for blob in blobs]


def same(net, other):
    return all(np.array_equal(a, b) for a, b in zip(values(net), values(other), strict=True))
