from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pycaffelite
from pycaffelite.errors import FieldError, ShapeError, UnsupportedError
from pycaffelite.snapshot import save_weights

NET = """name: "small"
layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 6 } shape { dim: 4 } }
        include { not_stage: "dummy" } }
layer { name: "dummy" type: "DummyData" top: "data" top: "label" include { stage: "dummy" }
        dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 } data_filler { type: "gaussian" }
                           data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt"
train_state { stage: "dummy" }
base_lr: 0.1
lr_policy: "fixed"
max_iter: 5
random_seed: 4
snapshot_after_train: false
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_net_runs_on_what_it_is_given(folder: Path) -> None:
    net = pycaffelite.load_net("net.prototxt", seed=1)
    assert net.inputs == ("data", "label")
    outputs = net.forward(data=np.ones((4, 6)), label=[0, 1, 2, 0])
    assert list(outputs) == ["loss"]
    assert outputs["loss"] == pytest.approx(net.loss)
    diffs = net.backward()
    assert set(diffs) == {"data", "label"}
    assert np.abs(net.params["ip"][0].diff).max() > 0


def test_an_input_of_another_batch_size_reshapes_the_net(folder: Path) -> None:
    net = pycaffelite.load_net(folder / "net.prototxt", seed=1)
    net.forward(data=np.ones((7, 6)), label=np.zeros(7))
    assert net.blobs["ip"].shape == (7, 3)


def test_a_net_for_its_outputs_alone_gives_the_same_and_does_not_learn(folder: Path) -> None:
    nets = [pycaffelite.load_net("net.prototxt", seed=1, outputs_only=only) for only in (False, True)]
    first, second = (net.forward(data=np.ones((4, 6)), label=[0, 1, 2, 0]) for net in nets)
    assert first == second
    with pytest.raises(UnsupportedError, match="no backward pass"):
        nets[1].backward()


def test_wrong_names_and_shapes_are_told(folder: Path) -> None:
    net = pycaffelite.load_net("net.prototxt", seed=1)
    with pytest.raises(ShapeError, match="did you mean `data`"):
        net.forward(dta=np.ones((4, 6)))
    with pytest.raises(ShapeError, match="is not an output"):
        net.backward(ip=np.ones((4, 3)))
    with pytest.raises(ShapeError, match="wrong shape of the diff of `loss`"):
        net.backward(loss=np.ones(2))


def test_a_solver_steps(folder: Path) -> None:
    solver = pycaffelite.load_solver("solver.prototxt")
    before = solver.net.params["ip"][0].data.copy()
    solver.step(3)
    assert solver.iteration == 3
    assert not np.array_equal(before, solver.net.params["ip"][0].data)
    assert solver.net.seed == 4


def test_overrides_leave_the_file_as_it_was(folder: Path) -> None:
    file = pycaffelite.api.read_solver("solver.prototxt")
    solver = pycaffelite.load_solver(file, overrides={"base_lr": 0.5, "stepvalue": [1, 2]})
    assert solver.parameter.base_lr == 0.5
    assert list(solver.parameter.stepvalue) == [1, 2]
    assert file.solver.base_lr == pytest.approx(0.1)
    with pytest.raises(FieldError, match="did you mean `base_lr`"):
        pycaffelite.load_solver(file, overrides={"base_lrr": 0.5})
    with pytest.raises(FieldError, match="wrong value for `base_lr`"):
        pycaffelite.load_solver(file, overrides={"base_lr": "fast"})


def solver_error(folder: Path, text: str) -> str:
    (folder / "s.prototxt").write_text(text)
    with pytest.raises(FieldError) as caught:
        pycaffelite.load_solver("s.prototxt")
    return str(caught.value)


def test_which_nets_a_solver_names(folder: Path) -> None:
    rest = SOLVER.replace('net: "net.prototxt"\n', "")
    assert solver_error(folder, rest) == (
        "error: s.prototxt: the solver must name one net to train\n"
        "  expected: one of net, train_net, net_param and train_net_param\n"
        "  got:      none\n"
        "\n"
        'hint: add `net: "train_val.prototxt"`'
    )
    both = SOLVER + 'train_net: "net.prototxt"\n'
    assert "got:      train_net and net" in solver_error(folder, both)
    assert "test_iter does not match the test nets" in solver_error(
        folder, SOLVER + 'test_net: "net.prototxt" test_interval: 1\n'
    )
    stage = 'test_state { stage: "dummy" }\n'
    assert "test_state does not match the test nets" in solver_error(
        folder, SOLVER + "test_iter: 1 test_interval: 1\n" + stage * 2
    )


def test_several_test_nets_come_in_the_order_of_the_reference(folder: Path) -> None:
    (folder / "other.prototxt").write_text(NET.replace('"small"', '"other"'))
    inline = 'test_net_param { name: "inline" ' + NET.replace('name: "small"\n', "") + " }\n"
    text = SOLVER + inline + 'test_net: "other.prototxt" test_iter: 1 test_iter: 2 test_iter: 3 test_interval: 2\n'
    (folder / "s.prototxt").write_text(text + 'test_state { stage: "dummy" }\n' * 3)
    solver = pycaffelite.load_solver("s.prototxt")
    assert [net.name for net in solver.test_nets] == ["inline", "other", "small"]
    assert all(net.phase == "TEST" for net in solver.test_nets)
    assert all(net.params["ip"][0] is solver.net.params["ip"][0] for net in solver.test_nets)


def test_a_phase_that_is_stated_counts(folder: Path) -> None:
    (folder / "s.prototxt").write_text(
        SOLVER + 'test_iter: 1 test_iter: 1 test_interval: 1 test_state { phase: TRAIN stage: "dummy" }\n'
        'test_state { stage: "dummy" }\n'
    )
    assert [net.phase for net in pycaffelite.load_solver("s.prototxt").test_nets] == ["TRAIN", "TEST"]
    (folder / "net.prototxt").write_text("state { phase: TEST }\n" + NET)
    assert pycaffelite.load_solver("solver.prototxt").net.phase == "TEST"
    assert pycaffelite.load_net("net.prototxt", "train").net.phase == "TRAIN"


def test_weights_reach_layers_that_only_a_test_net_has(folder: Path) -> None:
    more = """layer { name: "more" type: "InnerProduct" bottom: "ip" top: "more" include { phase: TEST }
      inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }"""
    (folder / "net.prototxt").write_text(NET + more)
    (folder / "s.prototxt").write_text(SOLVER + 'test_iter: 1 test_interval: 1 test_state { stage: "dummy" }\n')
    source = pycaffelite.load_net("net.prototxt", "test", seed=7)
    save_weights(source.net, "w.caffemodel")
    solver = pycaffelite.load_solver("s.prototxt", weights="w.caffemodel")
    for name in ("ip", "more"):
        found = solver.test_nets[0].params[name][0].data
        np.testing.assert_array_equal(found, source.params[name][0].data)


def test_the_net_is_found_beside_the_solver(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "solvers").mkdir()
    (folder / "solvers" / "s.prototxt").write_text(SOLVER)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert pycaffelite.load_solver("../solvers/s.prototxt").net.name == "small"
    assert pycaffelite.load_solver("../solver.prototxt").net.name == "small"


def test_a_seed_wins_over_the_solvers_own(folder: Path) -> None:
    first, second = (pycaffelite.load_solver("solver.prototxt", seed=9).net for _ in range(2))
    assert np.array_equal(first.params["ip"][0].data, second.params["ip"][0].data)
    own = pycaffelite.load_solver("solver.prototxt").net
    assert not np.array_equal(first.params["ip"][0].data, own.params["ip"][0].data)


def test_a_resumed_solver_ends_with_the_bits_of_one_that_never_stopped(folder: Path) -> None:
    dropped = NET.replace('bottom: "ip" bottom: "label"', 'bottom: "drop" bottom: "label"').replace(
        'layer { name: "loss"', 'layer { name: "drop" type: "Dropout" bottom: "ip" top: "drop" }\nlayer { name: "loss"'
    )
    (folder / "net.prototxt").write_text(dropped)
    (folder / "solver.prototxt").write_text(SOLVER.replace("random_seed: 4\n", 'snapshot_prefix: "s"\n'))
    whole = pycaffelite.load_solver("solver.prototxt")
    whole.step(3)
    written = whole.snapshot()
    whole.step(4)
    resumed = pycaffelite.load_solver("solver.prototxt", snapshot=written.state_path)
    resumed.step(4)
    assert resumed.iteration == whole.iteration == 7
    for ours, theirs in zip(resumed.net.learnables, whole.net.learnables, strict=True):
        assert np.array_equal(ours.blob.data, theirs.blob.data)
