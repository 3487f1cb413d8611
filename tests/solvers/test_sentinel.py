from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.errors import DataError, DivergenceError, FieldError
from pycaffelite.plan.plan import Step
from pycaffelite.report.log import lines
from pycaffelite.solvers import events

from .conftest import NET

NORMALIZED = """
name: "normalized"
layer {
  name: "in" type: "DummyData" top: "x" top: "y"
  dummy_data_param {
    shape { dim: 8 dim: 3 } data_filler { type: "gaussian" std: 1 } data_filler { type: "uniform" min: -1 max: 1 }
  }
}
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "n" }
layer { name: "s" type: "Scale" bottom: "n" top: "s" scale_param { filler { type: "constant" value: 0.5 } } }
layer { name: "drop" type: "Dropout" bottom: "s" top: "s" }
layer { name: "loss" type: "EuclideanLoss" bottom: "s" bottom: "y" top: "loss" loss_weight: 1 }
"""


def diverge(solver, n=None):
    """Run until the sentinel stops it; return the error and the events before."""
    seen = []
    with pytest.raises(DivergenceError) as error:
        seen.extend(solver.run(n))
    return error.value, seen


def state(solver):
    return [blob.data.copy() for blobs in solver.net.params.values() for blob in blobs], [
        array.copy() for array in solver._history()
    ]


def equal(one, other):
    return all(np.array_equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


def test_it_stops_before_the_bad_update_and_writes_the_last_good_state(make_solver, tmp_path: Path):
    fields = "base_lr: 1e13 momentum: 0.9 snapshot_after_train: true"
    solver = make_solver(fields, net=NORMALIZED)
    error, seen = diverge(solver)
    bad = solver.iteration
    assert bad > 0
    assert f"training diverged at iteration {bad}: the loss is inf" in error.what
    assert error.where.path == "net.prototxt"
    assert "nan or infinite; made of `s` up to " in error.got
    path = tmp_path / "snap" / f"tiny_iter_{bad}.solverstate"
    assert error.hint == (
        "lower base_lr, to a tenth for example, or keep gradients small with `clip_gradients: 10`; "
        f"the last good state is in {path}"
    )
    assert isinstance(seen[-1], events.SnapshotWritten)
    good = make_solver(fields + ' on_nan: "ignore"', net=NORMALIZED)
    good.step(bad)
    assert equal(state(solver), state(good))  # the statistics of BatchNorm too
    again = make_solver(fields, net=NORMALIZED)
    assert again.restore(str(path)).exact
    assert diverge(again)[0].what == error.what  # the data and the masks are those of the bad iteration


def test_without_snapshots_nothing_is_written(make_solver, tmp_path: Path):
    error, _seen = diverge(make_solver("base_lr: 1e30"))
    assert error.hint.endswith("`clip_gradients: 10`")
    assert not (tmp_path / "snap").exists()


WIDE = """
name: "wide"
layer { name: "in" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 4 dim: 200 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 200 bias_term: false } }
layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
"""


@pytest.mark.parametrize("place", [np.s_[7], np.s_[:, 41]], ids=["row", "column"])
@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e30])
def test_a_row_or_column_of_a_large_gradient_is_seen(make_solver, place, bad):
    solver = make_solver(net=WIDE)
    solver.step(1)
    solver.net.params["ip"][0].diff[place] = bad
    assert solver._watcher.trouble(0.0) == ("" if np.isfinite(bad) else "the gradient of ip/0 is not finite")


def test_data_that_are_not_finite(make_solver):
    net = NET.replace('data_filler { type: "gaussian" std: 1 }', 'data_filler { type: "constant" value: nan }')
    error, _seen = diverge(make_solver(net=net))
    assert error.subject == "layer `in` (DummyData)"
    assert error.what.endswith("blob `x` is the first that is not finite")
    assert error.got == "12 of 12 values are nan or infinite"
    assert error.hint.startswith("the data themselves hold such values")


def test_data_out_of_range(make_solver):
    net = NET.replace('"gaussian" std: 1 }', '"gaussian" std: 1e18 }')
    error, _seen = diverge(make_solver("base_lr: 1e-3", net=net))
    assert error.hint.startswith("the values of `x` are out of the usual range: scale them")


def test_a_heavy_loss(make_solver):
    net = NET.replace('top: "loss"', 'top: "loss" loss_weight: 1e30')
    error, _seen = diverge(make_solver(net=net))
    assert error.hint == "lower the loss_weight of `loss`, which is 1e+30, or base_lr"


def test_a_loss_weight_that_is_no_number(make_solver):
    net = NET.replace('top: "loss"', 'top: "loss" loss_weight: nan')
    error, _seen = diverge(make_solver(net=net))
    assert error.hint == "correct the loss_weight of `loss`, which is nan"


def test_weights_that_were_not_finite_before(make_solver):
    solver = make_solver()
    solver.net.params["s"][0].data[1] = np.inf
    error, _seen = diverge(solver)
    assert error.what.endswith("parameter 0 is the first that is not finite")
    assert error.hint.startswith("weights from a file that are so: start from others")


def test_an_update_that_overflows_leaves_no_good_state(make_solver):
    error, seen = diverge(make_solver("base_lr: 1e30 weight_decay: 1e30 snapshot_after_train: true"))
    assert "parameter 0 is the first that is not finite" in error.what
    assert error.hint.endswith("the update before made them so: lower base_lr")
    assert not any(isinstance(event, events.SnapshotWritten) for event in seen)


def test_a_gradient_that_is_not_finite(make_solver):
    # At 0 the slope of the square root is infinite, and the loss is finite.
    root = 'layer { name: "root" type: "Power" bottom: "s" top: "r" power_param { power: 0.5 } }'
    net = NET.replace('layer { name: "d" type: "Dropout" bottom: "s" top: "s" }', root)
    net = net.replace('bottom: "s" bottom: "y"', 'bottom: "r" bottom: "y"').replace("value: 0.5", "value: 0")
    error, _seen = diverge(make_solver(net=net))
    assert "the gradient of s/" in error.what
    assert error.what.endswith("the gradient of blob `s` is the first that is not finite")
    assert error.subject == "layer `root` (Power)"


def test_an_earlier_pass_of_the_iteration(make_solver):
    solver = make_solver("iter_size: 2")
    forward, calls = solver.plan.forward, []

    def bad_once():
        calls.append(forward())
        return float("nan") if len(calls) == 1 else calls[-1]

    solver.plan.forward = bad_once
    error, _seen = diverge(solver, 1)
    assert error.what == "training diverged at iteration 0: the loss is nan"


def test_warnings_come_once_and_change_nothing(make_solver):
    warned, ignored = (make_solver(f'base_lr: 1e13 on_nan: "{mode}"') for mode in ("warn", "ignore"))
    told = [event for event in warned.run(20) if isinstance(event, events.Diverged)]
    quiet = [event for event in ignored.run(20) if isinstance(event, events.Diverged)]
    assert (len(told), len(quiet)) == (1, 0)
    assert [line.severity for line in lines(told[0])] == ["W"]
    for ours, theirs in zip(state(warned), state(ignored), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.isfinite(state(warned)[0][0]).all()


def test_watching_changes_nothing(make_solver):
    watched, ignored = (make_solver(f'on_nan: "{mode}"', net=NORMALIZED) for mode in ("stop", "ignore"))
    for solver in (watched, ignored):
        solver.step(5)
    assert equal(state(watched), state(ignored))


def test_an_unknown_mode(make_solver):
    with pytest.raises(FieldError, match="unknown on_nan") as error:
        make_solver('on_nan: "wran"')
    assert error.value.hint == "did you mean `warn`?"


def test_a_layer_that_fails_leaves_the_state_before_its_iteration(make_solver, tmp_path: Path):
    solver, whole = (make_solver("snapshot: 100", net=NORMALIZED) for _ in range(2))

    def fail():
        raise DataError("a label is no class", hint="correct the labels")

    solver.step(3)
    plan = solver.plan
    solver.plan = plan.replaced(forward_steps=(*plan.forward_steps[:-1], Step(plan.forward_steps[-1].layers, fail)))
    with pytest.raises(DataError) as error:
        solver.step(1)
    path = tmp_path / "snap" / "tiny_iter_3.solverstate"
    assert str(error.value) == (
        "error: net.prototxt:12:1: layer `loss` (EuclideanLoss): a label is no class (iteration 3)\n\n"
        f"hint: correct the labels; the last good state is in {path}"
    )
    resumed = make_solver("snapshot: 100", net=NORMALIZED)
    assert resumed.restore(str(path)).exact
    resumed.step(4)
    whole.step(7)
    assert equal(state(resumed), state(whole))
