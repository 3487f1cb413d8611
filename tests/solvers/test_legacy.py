"""Solver text of all eras: every field of Caffe's that old files have does what it did."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pycaffelite.api import load_solver
from pycaffelite.report.log import lines
from pycaffelite.schema.binary import read_weights_message
from pycaffelite.solvers import events

NET = """
name: "%s"
layer { name: "in" type: "DummyData" top: "x" top: "y"
  dummy_data_param { shape { dim: 4 dim: 3 } data_filler { type: "gaussian" } data_filler { type: "uniform" } } }
layer { name: "s" type: "InnerProduct" bottom: "x" top: "s"
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 1 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "s" bottom: "y" top: "loss" }
layer { name: "more" type: "Silence" bottom: "x" include { stage: "fancy" } }
layer { name: "high" type: "Silence" bottom: "x" include { min_level: 2 } }
"""
BASICS = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 4 snapshot_after_train: false '


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("train", "first", "second"):
        (tmp_path / f"{name}.prototxt").write_text(NET % name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(text: str, **options: object):
    Path("solver.prototxt").write_text(BASICS + text)
    return load_solver("solver.prototxt", **options)


def types(net) -> set[str]:
    return {entry.node.name for entry in net.layers}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SGD", "SGD"),
        ("NESTEROV", "Nesterov"),
        ("ADAGRAD", "AdaGrad"),
        ("RMSPROP", "RMSProp"),
        ("ADADELTA", "AdaDelta"),
        ("ADAM", "Adam"),
        ("1", "Nesterov"),
    ],
)
def test_solver_type(old: str, new: str) -> None:
    solver = make(f'net: "train.prototxt" solver_type: {old} random_seed: 1')
    other = make(f'net: "train.prototxt" type: "{new}" random_seed: 1')
    for each in (solver, other):
        each.step(2)
    assert solver.parameter.type == new
    np.testing.assert_array_equal(solver.net.params["s"][0].data, other.net.params["s"][0].data)


def test_train_net_and_test_nets() -> None:
    nets = 'train_net: "train.prototxt" test_net: "first.prototxt" test_net: "second.prototxt"'
    solver = make(nets + " test_iter: 1 test_iter: 2 test_interval: 2")
    assert (solver.net.name, [net.name for net in solver.test_nets]) == ("train", ["first", "second"])
    assert solver.test_nets[1].params["s"][0].data is solver.net.params["s"][0].data
    done = [event.net_index for event in solver.run() if isinstance(event, events.TestDone)]
    assert done == [0, 1] * 3


def test_nets_inside_the_solver() -> None:
    solver = make(
        "train_net_param {" + NET % "inside" + "} test_net_param {" + NET % "tested" + "} test_iter: 1 test_interval: 2"
    )
    assert (solver.net.name, solver.test_nets[0].name) == ("inside", "tested")
    both = make("net_param {" + NET % "both" + "} test_iter: 1 test_interval: 2")
    assert (both.net.name, both.test_nets[0].name) == ("both", "both")


def test_states_of_the_nets() -> None:
    fields = 'net: "train.prototxt" test_iter: 1 test_iter: 1 test_interval: 2 '
    solver = make(
        fields + 'train_state { stage: "fancy" level: 2 } test_state { level: 2 } test_state { stage: "fancy" }'
    )
    assert {"more", "high"} <= types(solver.net)
    assert [types(net) & {"more", "high"} for net in solver.test_nets] == [{"high"}, {"more"}]


def test_the_graphics_card_is_read_and_not_needed() -> None:
    solver = make('net: "train.prototxt" solver_mode: GPU device_id: 1')
    solver.step(1)
    assert solver.iteration == 1


def test_random_seed() -> None:
    weights = [make(f'net: "train.prototxt" random_seed: {seed}').net.params["s"][0].data for seed in (3, 3, 4, -1, -1)]
    same = [np.array_equal(weights[0], other) for other in weights[1:]]
    assert same == [True, False, False, False]
    assert not np.array_equal(weights[3], weights[4])


def test_weights() -> None:
    source = make('net: "train.prototxt" snapshot_prefix: "a" random_seed: 1')
    written = source.snapshot().weights_path
    loaded = make(f'net: "train.prototxt" random_seed: 2 weights: "{written}"')
    np.testing.assert_array_equal(loaded.net.params["s"][0].data, source.net.params["s"][0].data)


@pytest.mark.parametrize("diff", [True, False])
@pytest.mark.parametrize("kind", ["HDF5", "BINARYPROTO"])
def test_snapshot_diff_and_format(diff: bool, kind: str) -> None:
    fields = f'net: "train.prototxt" snapshot_prefix: "a" snapshot_diff: {str(diff).lower()} snapshot_format: {kind}'
    solver = make(fields)
    solver.step(1)
    written = solver.snapshot()
    tail = ".h5" if kind == "HDF5" else ""
    assert (written.weights_path, written.state_path) == (f"a_iter_1.caffemodel{tail}", f"a_iter_1.solverstate{tail}")
    update = solver.net.params["s"][0].diff
    if kind == "HDF5":
        with h5py.File(written.weights_path) as file:
            assert ("diff" in file) == diff
            if diff:
                np.testing.assert_array_equal(file["diff/s/0"], update)
    else:
        (layer,) = [layer for layer in read_weights_message(written.weights_path).layer if layer.name == "s"]
        np.testing.assert_array_equal(list(layer.blobs[0].diff), update.reshape(-1) if diff else [])


def test_snapshots_and_the_one_after_training() -> None:
    for text, iterations in [
        ("snapshot: 3 snapshot_after_train: true", [3, 4]),
        ("snapshot: 2 snapshot_after_train: true", [2, 4]),
        ("snapshot_after_train: true", [4]),
        ("snapshot: 3", [3]),
    ]:
        fields = BASICS.replace("snapshot_after_train: false", "") if "after" in text else BASICS
        Path("solver.prototxt").write_text(fields + 'net: "train.prototxt" snapshot_prefix: "a" ' + text)
        seen = load_solver("solver.prototxt").run()
        assert [event.iteration for event in seen if isinstance(event, events.SnapshotWritten)] == iterations


@pytest.mark.parametrize("computed", [True, False])
def test_test_compute_loss(computed: bool) -> None:
    fields = f"test_iter: 1 test_interval: 2 test_compute_loss: {str(computed).lower()}"
    seen = list(make('net: "train.prototxt" ' + fields).run(1))
    (done,) = [event for event in seen if isinstance(event, events.TestDone)]
    assert (done.loss is not None) == computed
    assert any(line.text.startswith("Test loss: ") for line in lines(done)) == computed


def test_debug_info() -> None:
    seen = make('net: "train.prototxt" debug_info: true display: 2').run(2)
    told = [line.text for event in seen for line in lines(event)]
    assert sum("[Forward] Layer s, top blob s data:" in text for text in told) == 1
    assert sum("[Backward] Layer s, param blob 0 diff:" in text for text in told) == 1
    assert sum("[Update] Layer s, param 0 data:" in text for text in told) == 1
