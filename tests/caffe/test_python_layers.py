from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pycaffelite import caffe, load_solver
from pycaffelite.caffe.alias import be_caffe
from pycaffelite.errors import UnsupportedError

CODE = """
import caffe


class Counting(caffe.Layer):
    def set_step(self, step):
        self.step = step

    def setup(self, bottom, top):
        self.step = self.at = 0

    def reshape(self, bottom, top):
        top[0].reshape(2)

    def forward(self, bottom, top):
        self.at += self.step
        top[0].data[...] = self.at
"""
NET = 'layer { name: "c" type: "Python" top: "c" python_param { module: "counting_of_mine" layer: "Counting" } }\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("counting_of_mine.py").write_text(CODE)
    Path("net.prototxt").write_text(NET)
    before = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    caffe.allow_python_layers(False)
    sys.path[:], sys.meta_path[:] = before[0], before[1]
    for name in set(sys.modules) - before[2]:
        if name.split(".")[0] in ("caffe", "counting_of_mine"):
            del sys.modules[name]


def test_python_layers_must_be_allowed() -> None:
    with pytest.raises(UnsupportedError):
        caffe.Net("net.prototxt", caffe.TEST)


def test_scripts_reach_the_object_behind_a_layer() -> None:
    caffe.allow_python_layers()
    net = caffe.Net("net.prototxt", caffe.TEST)
    net.layers[0].set_step(3)
    for n in (3, 6):
        np.testing.assert_array_equal(net.forward()["c"], [n, n])


def test_a_solver_trains_with_them() -> None:
    learner = 'layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 2 } } }\n'
    loss = 'layer { name: "l" type: "EuclideanLoss" bottom: "p" bottom: "c" top: "l" }\n'
    Path("net.prototxt").write_text(NET + learner + loss)
    Path("solver.prototxt").write_text(
        'train_net: "net.prototxt" base_lr: 1 momentum: 0 lr_policy: "fixed" max_iter: 2 display: 0\n'
    )
    caffe.allow_python_layers()
    solver = caffe.get_solver("solver.prototxt")
    solver.net.layers[0].set_step(1)
    solver.step(2)
    assert solver.net.params["p"][0].data.tolist() == [1.25, 1.25]


def test_caffe_is_this_package_once() -> None:
    be_caffe()
    be_caffe()
    found = importlib.import_module("caffe")
    assert found is caffe
    assert importlib.import_module("caffe.mode") is sys.modules["pycaffelite.caffe.mode"]
    assert found.__spec__.name == "pycaffelite.caffe"
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("caffe.nothing")


STATE = """
    def state_to_resume(self):
        return self.at

    def resume(self, state):
        self.at = state
"""


@pytest.mark.parametrize("exact", [False, True])
def test_resuming_is_exact_when_the_class_says_where_it_is(exact: bool) -> None:
    if exact:
        Path("counting_of_mine.py").write_text(
            CODE.replace("self.step = self.at = 0", "self.step = 1; self.at = 0") + STATE
        )
    learner = 'layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 2 } } }\n'
    loss = 'layer { name: "l" type: "EuclideanLoss" bottom: "p" bottom: "c" top: "l" }\n'
    Path("net.prototxt").write_text(NET + learner + loss)
    Path("solver.prototxt").write_text(
        'train_net: "net.prototxt" base_lr: 1 lr_policy: "fixed" max_iter: 3 random_seed: 1\n'
    )
    first = load_solver("solver.prototxt", allow_python_layers=True)
    first.step(2)
    first.snapshot()
    second = load_solver("solver.prototxt", allow_python_layers=True)
    resumed = second.restore("solver_iter_2.solverstate")
    assert resumed.exact == exact
    assert resumed.note == ("" if exact else "`c` cannot tell what came last")
    if exact:
        second.step(1)
        assert second.net.blobs["c"].data[0] == 3
