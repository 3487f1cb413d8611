from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.report.log import lines
from pycaffelite.solvers import events


def run(solver, iterations):
    """Return what `info` tells and the losses of all iterations."""
    seen = list(solver.run(iterations))
    kinds = (events.InfoWeights, events.InfoBlobs, events.InfoMeanLoss, events.InfoLayerLoss)
    return (
        [event for event in seen if isinstance(event, kinds)],
        [event.raw_loss for event in seen if isinstance(event, events.IterationDone)],
    )


def text(told):
    return [line.text for event in told for line in lines(event)]


def test_mean_train_loss(make_solver):
    told, losses = run(make_solver('info { type: "mean_train_loss" interval: 3 }'), 7)
    assert [(event.iteration, event.loss) for event in told] == [
        (3, pytest.approx(np.mean(losses[:3]))),
        (6, pytest.approx(np.mean(losses[3:6]))),
    ]
    assert text(told)[0] == f"Iter: 3, loss = {told[0].loss:g}"


def test_layer_loss_leaves_one_iteration_out_of_the_count(make_solver):
    told, losses = run(make_solver('info { type: "layer_loss" interval: 3 }'), 6)
    assert [(event.iteration, event.layer) for event in told] == [(3, 0), (6, 0)]
    assert told[0].loss == pytest.approx(sum(losses[:3]) / 2)
    assert told[1].loss == pytest.approx(sum(losses[3:]) / 2)
    assert text(told)[0] == f"Iter: 3, loss_layer 0, loss: {told[0].loss:g}"


def test_layer_loss_of_every_iteration_tells_every_second_one(make_solver):
    told, losses = run(make_solver('info { type: "layer_loss" interval: 1 } iter_size: 2'), 5)
    assert [event.iteration for event in told] == [2, 4]
    assert [event.loss for event in told] == pytest.approx([losses[0] + losses[1], losses[2] + losses[3]])


def test_weight(make_solver):
    solver = make_solver('info { type: "weight" interval: 2 }')
    (told,), _losses = run(solver, 2)
    blob = solver.net.params["s"][1]
    row = told.rows[1]
    size = np.abs(blob.diff.astype(np.float64))
    assert (row.layer, row.param) == ("s", 1)
    assert (row.data_mean, row.diff_mean, row.diff_variance) == pytest.approx(
        (np.abs(blob.data).mean(), size.mean(), size.var())
    )
    assert text([told])[1] == f"s  blob1: {row.data_mean:e} [{row.diff_mean:e}] ({row.diff_variance:e})"


def test_blob(make_solver):
    solver = make_solver('info { type: "blob" interval: 1 }')
    (told,), (loss,) = run(solver, 1)
    rows = {row.name: row for row in told.rows}
    x = solver.net.blobs["x"].data
    assert rows["x"].data == pytest.approx((max(0, x.max()), x.mean(dtype=np.float64), min(0, x.min())))
    assert rows["loss"].data == pytest.approx((loss, loss, 0.0))  # the minimum begins at zero
    assert rows["loss"].diff == (1.0, 1.0, 0.0)
    numbers = ["{:e}, {:e}, {:e}".format(*values) for values in (rows["x"].data, rows["x"].diff)]
    assert text([told])[0] == f"x     data: ({numbers[0]}) diff: ({numbers[1]})"


def test_telling_changes_nothing(make_solver):
    blocks = "".join(f'info {{ type: "{t}" interval: 1 }}' for t in ("weight", "blob", "mean_train_loss", "layer_loss"))
    plain, told = make_solver("first_iteration: 1"), make_solver(blocks)
    assert run(plain, 4)[1] == run(told, 4)[1]


def test_sums_go_on_after_a_restore(make_solver):
    fields = 'info { type: "mean_train_loss" interval: 4 } info { type: "layer_loss" interval: 4 }'
    whole, first, second = (make_solver(fields) for _ in range(3))
    expected, _ = run(whole, 8)
    told, _ = run(first, 6)
    second.restore(first.snapshot().state_path)
    assert told + run(second, 2)[0] == expected


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ('type: "weights" interval: 1', "unknown type of info"),
        ('type: "weight"', "info without an interval"),
    ],
)
def test_blocks_without_sense(make_solver, block, message):
    with pytest.raises(FieldError, match=message) as error:
        make_solver(f"info {{ {block} }}")
    assert error.value.where.path == "solver.prototxt"
