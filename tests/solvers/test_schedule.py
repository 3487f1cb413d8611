from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.schema.reader import parse_net, parse_solver
from pycaffelite.solvers.schedule import Schedule

LOCAL = ("lr_mult: 1 }", 'lr_mult: 1 lr_policy: "%s" }')


def schedule(make_solver, fields, policy=None, basics="base_lr: 1 max_iter: 9\n"):
    edit = (LOCAL[0], LOCAL[1] % policy) if policy else ("", "")
    solver = make_solver(fields, edit=edit, basics=basics)
    return Schedule(solver.parameter, solver.net)


def test_plateau_takes_a_step_when_the_loss_has_no_new_minimum(make_solver):
    plan = schedule(make_solver, 'lr_policy: "plateau" gamma: 0.5 plateau_winsize: 3 plateau_winsize: 2')
    losses = [9, 8, 8, 8, 8, 7, 7, 7, 7, 7]
    # The minimum of iteration 1 is three iterations old at 4; that of 5 two at 7; then there are no windows left.
    assert [plan.rate(i, loss) for i, loss in enumerate(losses)] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert plan.current_step == 2


def test_plateau_does_not_watch_while_warming_up(make_solver):
    plan = schedule(make_solver, 'lr_policy: "plateau" gamma: 0.5 plateau_winsize: 2 warmup_iter: 2 warmup_start_lr: 1')
    assert [plan.rate(i, loss) for i, loss in enumerate([1, 1, 5, 5, 5])] == [1, 1, 1, 1, 0.5]


def test_plateau_goes_on_after_a_restore(make_solver):
    fields = 'lr_policy: "plateau" gamma: 0.5 plateau_winsize: 3 plateau_winsize: 3'
    whole, first, second = (schedule(make_solver, fields) for _ in range(3))
    losses = [5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3]
    expected = [whole.rate(i, loss) for i, loss in enumerate(losses)]
    found = [first.rate(i, loss) for i, loss in enumerate(losses[:6])]
    second.restore(first.state())
    second.current_step = first.current_step
    assert found + [second.rate(i, loss) for i, loss in enumerate(losses) if i >= 6] == expected


def test_rates_are_reckoned_ahead_and_anew_for_each_run(make_solver):
    fields = 'lr_policy: "multistep" gamma: 0.5 stepvalue: 2 stepvalue: 5'
    one_by_one, ahead = (schedule(make_solver, fields) for _ in range(2))
    ahead.begin(4)
    found = [(ahead.rate(i, 0.0), ahead.current_step) for i in range(4)]
    ahead.parameter.gamma = 0.25
    assert ahead.rate(3, 0.0) == 0.5  # known already
    ahead.begin(100)
    assert [ahead.rate(i, 0.0) for i in range(4, 7)] == [0.25, 0.0625, 0.0625]
    assert found == [(one_by_one.rate(i, 0.0), one_by_one.current_step) for i in range(4)]


def test_a_restore_forgets_the_rates_ahead(make_solver):
    plan = schedule(make_solver, 'lr_policy: "multistep" gamma: 0.5 stepvalue: 2')
    plan.begin(100)
    assert plan.rate(0, 0.0) == 1.0
    plan.current_step = 1
    plan.restore({})
    assert plan.rate(1, 0.0) == 0.5


@pytest.mark.parametrize(
    ("policy", "fields", "factors"),
    [
        ("power_inv", "", {1: 0.999925, 1000: 0.931012, 10000: 0.594604, 50000: 0.260847}),
        ("naive_inv", "", {499: 1, 500: 1 / 2, 1000: 1 / 3}),
        ("step", "localgamma: 0.5 localstepsize: 10", {9: 1, 10: 0.5, 39: 0.125}),
    ],
)
def test_a_blob_has_a_policy_of_its_own(make_solver, policy, fields, factors):
    plan = schedule(make_solver, 'lr_policy: "fixed" first_iteration: 1 ' + fields, policy)
    for number, factor in factors.items():
        assert plan.blob_factors(number - 1) == pytest.approx([factor, 1.0], abs=6e-7)


def test_without_policies_of_blobs_there_are_no_factors(make_solver):
    assert schedule(make_solver, 'lr_policy: "fixed"', "nothing").blob_factors(5) == []


def test_the_policy_of_a_blob_changes_its_update(make_solver):
    fields = 'lr_policy: "fixed" localgamma: 0.25 localstepsize: 1'
    plain, local = (make_solver(fields, edit=edit) for edit in (("", ""), (LOCAL[0], LOCAL[1] % "step")))
    for solver in (plain, local):
        solver.step(1)
    weights, biases = zip(*([b.diff for b in solver.net.params["s"]] for solver in (plain, local)), strict=True)
    np.testing.assert_array_equal(weights[0] * np.float32(0.25), weights[1])
    np.testing.assert_array_equal(biases[0], biases[1])


def test_an_unknown_policy_of_a_blob(make_solver):
    with pytest.raises(FieldError) as error:
        make_solver(edit=(LOCAL[0], LOCAL[1] % "power"))
    assert error.value.what == "unknown learning-rate policy of a blob"
    assert error.value.hint == "did you mean `power_inv`?"
    assert error.value.where.path == "net.prototxt"


def test_the_fork_that_has_them_spells_them_another_way():
    layer = """layers { layer { name: "ip" type: "innerproduct" num_output: 2 blobs_lr: 1 blobs_lr: 2
      blobs_lr_policy: "power_inv" blobs_lr_policy: "nothing" weight_filler { type: "xavier" } }
      bottom: "x" top: "ip" }"""
    text = 'name: "n" input: "x" input_dim: 2 input_dim: 3 input_dim: 1 input_dim: 1 ' + layer
    net = build(build_graph(parse_net(text, "net.prototxt")), seed=1)
    solver = parse_solver('base_lr: 1 lr_policy: "fixed" localgamma: 0.0001').solver
    assert Schedule(solver, net).blob_factors(999) == pytest.approx([0.931012, 1.0], abs=6e-7)  # the thousandth


def test_steps_of_a_blob_need_their_length(make_solver):
    with pytest.raises(FieldError, match="localstepsize must be positive"):
        schedule(make_solver, 'lr_policy: "fixed" localgamma: 0.5 localstepsize: 0', "step")
