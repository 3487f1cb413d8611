from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite import caffe

NET = """
layer { name: "data" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 } shape { dim: 4 }
  data_filler { type: "constant" value: 1 } data_filler { type: "constant" } } }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "y" top: "loss" }
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    caffe.set_random_seed(1)
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 4 display: 1 test_iter: 1 test_interval: 100\n'
        'type: "Adam" snapshot_prefix: "s"'
    )
    return "solver.prototxt"


def test_steps(path: str) -> None:
    solver = caffe.SGDSolver(path)
    assert solver.param.type == "SGD"
    assert solver.iter == 0
    solver.net.forward()
    before = float(solver.net.blobs["loss"].data)
    solver.step(3)
    assert solver.iter == 3
    solver.net.forward()
    assert float(solver.net.blobs["loss"].data) < before
    (test_net,) = solver.test_nets
    np.testing.assert_array_equal(test_net.params["fc"][0].data, solver.net.params["fc"][0].data)


def test_solve_snapshot_restore(path: str) -> None:
    whole = caffe.get_solver(path)
    assert whole.param.type == "Adam"
    whole.solve()
    assert whole.iter == 4
    halves = caffe.get_solver(path)
    halves.step(2)
    halves.snapshot()
    again = caffe.get_solver(path)
    again.solve("s_iter_2.solverstate")
    np.testing.assert_array_equal(again.net.params["fc"][0].data, whole.net.params["fc"][0].data)


@pytest.mark.parametrize("name", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
def test_the_class_decides_about_the_type(path: str, name: str) -> None:
    solver: caffe.Solver = getattr(caffe, f"{name}Solver")(path)
    assert solver.param.type == name
    solver.step(1)


def test_weights_can_be_lent(path: str) -> None:
    solver = caffe.get_solver(path)
    other = caffe.Net("net.prototxt", caffe.TEST)
    solver.share_weights(other)
    solver.step(1)
    np.testing.assert_array_equal(other.params["fc"][0].data, solver.net.params["fc"][0].data)


def test_the_log(path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    caffe.get_solver(path).step(1)
    assert "] Iteration 0 (" in capsys.readouterr().err
    monkeypatch.setenv("GLOG_minloglevel", "2")
    caffe.get_solver(path).step(1)
    assert capsys.readouterr().err == ""
