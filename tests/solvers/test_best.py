from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.net import build
from pycaffelite.snapshot import load_weights
from pycaffelite.solvers import events
from pycaffelite.solvers.best import BestKeeper
from pycaffelite.solvers.rates import nowhere

TESTS = "test_iter: 1 test_interval: 1 "


def keeper(make_solver, fields):
    solver = make_solver(TESTS + fields, tests=1)
    return BestKeeper(solver.parameter, solver.test_nets, nowhere)


def judged(keeper, values, name="loss"):
    output = [events.OutputValue(name, (value,)) for value in values]
    return [keeper.judge(events.TestDone(i, 0, (value,), None, 0.0)) for i, value in enumerate(output)]


@pytest.mark.parametrize(
    ("fields", "better"),
    [
        ('keep_best: "loss"', [True, False, True, False, False]),
        ('keep_best: "loss" keep_best_mode: "max"', [True, True, False, False, True]),
    ],
)
def test_the_name_tells_which_way_is_up(make_solver, fields, better):
    assert judged(keeper(make_solver, fields), [5.0, 6.0, 4.0, 4.0, 7.0]) == better


def test_what_is_no_number_is_never_the_best(make_solver):
    best = keeper(make_solver, 'keep_best: "loss"')
    assert judged(best, [float("nan"), 3.0, float("nan")]) == [False, True, False]
    assert (best.value, best.missed) == (3.0, 1)


def test_the_best_weights_are_kept(make_solver, tmp_path: Path):
    solver = make_solver(TESTS + 'keep_best: "loss" max_iter: 4', tests=1)
    weights, saved = {}, []
    for event in solver.run():
        if isinstance(event, events.TestDone):
            weights[event.iteration] = solver.net.params["s"][0].data.copy()
        if isinstance(event, events.BestSaved):
            saved.append(event)
    assert saved[0].iteration == 0
    assert [event.value for event in saved] == sorted((event.value for event in saved), reverse=True)
    assert saved[-1].weights_path == str(tmp_path / "snap" / "tiny_best.caffemodel")
    other = build(solver.net.graph, seed=99)
    load_weights(other, saved[-1].weights_path)
    np.testing.assert_array_equal(other.params["s"][0].data, weights[saved[-1].iteration])


def test_patience_ends_training(make_solver):
    fields = 'keep_best: "loss" keep_best_mode: "max" patience: 2 base_lr: 0 snapshot_after_train: true'
    net_of_constants = ('data_filler { type: "gaussian" std: 1 } data_filler { type: "uniform" min: -1 max: 1 }', "")
    solver = make_solver(TESTS + fields, tests=1, edit=net_of_constants)
    seen = list(solver.run())
    assert (seen[-1].reason, seen[-1].iteration) == ("patience", 2)
    assert isinstance(seen[-2], events.SnapshotWritten)


def test_a_resumed_training_remembers_the_best(make_solver):
    fields = TESTS + 'keep_best: "loss" patience: 9'
    first, second = (make_solver(fields, tests=1) for _ in range(2))
    first.step(3)
    second.restore(first.snapshot().state_path)
    assert second._best.state() == first._best.state()
    assert first._best.value is not None


@pytest.mark.parametrize(
    ("fields", "tests", "message"),
    [
        ('keep_best: "los"', 1, "no test tells `los`"),
        ('keep_best: "loss"', 0, "no test tells `loss`"),
        ("patience: 3", 1, "patience with nothing to wait for"),
        ('keep_best: "loss" patience: -1', 1, "patience is negative"),
        ('keep_best: "loss" keep_best_mode: "up"', 1, "unknown keep_best_mode"),
    ],
)
def test_fields_without_sense(make_solver, fields, tests, message):
    with pytest.raises(FieldError, match=message) as error:
        make_solver((TESTS if tests else "") + fields, tests=tests)
    if "los`" in message:
        assert error.value.hint == "did you mean `loss`?"
