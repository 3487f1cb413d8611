"""A Python layer that reshapes its top in its forward pass: views and joins behind it follow, in every kind of plan."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import data_options
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

CODE = """
import caffe
import numpy as np


class Growing(caffe.Layer):
    def setup(self, bottom, top):
        self.rows = 0
        top[0].reshape(1, 2)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        self.rows = self.rows % 3 + 1
        top[0].reshape(self.rows, 2)
        top[0].data[...] = np.arange(2 * self.rows).reshape(-1, 2)


class Twice(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""
NET = """
force_backward: true
layer { name: "s" type: "Python" top: "s" python_param { module: "growing_of_mine" layer: "Growing" } }
layer { name: "f" type: "Flatten" bottom: "s" top: "f" }
layer { name: "m" type: "Python" bottom: "f" top: "m" python_param { module: "growing_of_mine" layer: "Twice" } }
layer { name: "r" type: "ReLU" bottom: "m" top: "m" }
layer { name: "k" type: "Concat" bottom: "m" bottom: "f" bottom: "s" top: "k" concat_param { axis: 0 } }
layer { name: "ip" type: "InnerProduct" bottom: "k" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "t" type: "Reduction" bottom: "ip" top: "t" loss_weight: 1 reduction_param { operation: SUMSQ } }
"""


@pytest.fixture(autouse=True)
def _code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("growing_of_mine.py").write_text(CODE)
    before = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = before[0], before[1]
    for name in set(sys.modules) - before[2]:
        if name.split(".")[0] in ("caffe", "growing_of_mine"):
            del sys.modules[name]


def passes(naive: bool) -> Iterator[list[np.ndarray]]:
    options = data_options("net.prototxt", allow_python_layers=True)
    net = build(build_graph(parse_net(NET)), dtype=np.float64, seed=1, data=options)
    plan = compile_plan(net, naive=naive)
    for _ in range(5):
        loss = plan.forward()
        net.clear_param_diffs()
        plan.backward()
        learned = net.params["ip"][0].diff
        yield [np.array(loss), *(a.copy() for a in (net.blobs["k"].data, net.blobs["m"].diff, learned))]


def test_the_compiled_plan_does_what_the_naive_one_does() -> None:
    rows = []
    for expected, actual in zip(passes(naive=True), passes(naive=False), strict=True):
        rows.append(len(expected[1]) // 3)
        for truth, array in zip(expected, actual, strict=True):
            np.testing.assert_allclose(array, truth)
    assert rows == [1, 2, 3, 1, 2]
