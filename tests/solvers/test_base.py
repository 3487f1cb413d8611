import numpy as np
import pytest

from pycaffelite.errors import FieldError, SnapshotError, WiringError
from pycaffelite.solvers import events

TESTS = "test_iter: 2 test_interval: 2\n"
ENDS = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 4\n'


def names(stream):
    return [f"{type(event).__name__} {event.iteration}" for event in stream]


def losses(solver, n=None):
    return [event.raw_loss for event in solver.run(n) if isinstance(event, events.IterationDone)]


def weights(solver):
    return [learnable.blob.data.copy() for learnable in solver.net.learnables]


def test_events_come_in_caffes_order(make_solver):
    solver = make_solver(TESTS + "display: 2 snapshot: 3", tests=1, basics=ENDS)
    assert names(solver.run()) == [
        "TrainingStarted 0",
        *["TestStarted 0", "TestDone 0", "IterationDone 0", "IterationDone 1"],
        *["TestStarted 2", "TestDone 2", "IterationDone 2", "SnapshotWritten 3", "IterationDone 3"],
        *["SnapshotWritten 4", "FinalLoss 4", "TestStarted 4", "TestDone 4", "TrainingFinished 4"],
    ]


def test_test_initialization_and_snapshot_after_train_can_be_off(make_solver):
    solver = make_solver("test_initialization: false snapshot_after_train: false " + TESTS, tests=1, basics=ENDS)
    expected = ["TestStarted 2", "TestDone 2", "TestStarted 4", "TestDone 4"]
    assert [name for name in names(solver.run()) if name.startswith(("Test", "Snap"))] == expected


def test_no_second_snapshot_at_the_end(make_solver):
    assert names(make_solver("snapshot: 2", basics=ENDS).run()).count("SnapshotWritten 4") == 1


def test_what_events_say(make_solver):
    solver = make_solver("display: 2 test_iter: 2 test_iter: 1 test_interval: 2 max_iter: 3", tests=2, basics=ENDS)
    seen = list(solver.run())
    started = seen[0]
    assert (started.net, started.lr_policy, started.max_iter) == ("tiny", "fixed", 3)
    done = [event for event in seen if isinstance(event, events.IterationDone)]
    assert [event.display for event in done] == [True, False, True]
    assert all(event.lr == np.float32(0.1) for event in done)
    (output,) = done[0].outputs
    assert (output.name, output.values, output.loss_weight) == ("loss", (done[0].raw_loss,), 1.0)
    assert [event.iterations for event in done] == [1, 1, 2]
    assert done[0].rate == pytest.approx(1 / done[0].seconds)
    tested = [event.net_index for event in seen if isinstance(event, events.TestDone)]
    assert tested == [0, 1, 0, 1]
    assert seen[-1].reason == "done"
    assert seen[-1].loss == done[-1].loss


def test_step_runs_so_many_iterations(make_solver):
    solver = make_solver()
    solver.step(3)
    assert solver.iteration == 3
    solver.step(2)
    assert solver.iteration == 5


def test_a_test_net_reports_the_mean_over_its_batches(make_solver):
    solver = make_solver(TESTS + "test_compute_loss: true", tests=1)
    (done,) = [event for event in solver.run(1) if isinstance(event, events.TestDone)]
    again = make_solver(TESTS, tests=1).test_plans[0]
    expected = (again.forward() + again.forward()) / 2
    assert done.loss == pytest.approx(expected)
    assert done.outputs[0].values[0] == pytest.approx(expected)


def test_average_loss_smooths_over_a_window(make_solver):
    solver = make_solver("average_loss: 3")
    done = [event for event in solver.run(6) if isinstance(event, events.IterationDone)]
    raw = [event.raw_loss for event in done]
    expected = [np.mean(raw[max(0, i - 2) : i + 1]) for i in range(6)]
    assert [event.loss for event in done] == pytest.approx(expected)


def test_iter_size_averages_the_passes(make_solver):
    twice, once = make_solver("iter_size: 2", dtype=np.float64), make_solver(dtype=np.float64)
    (loss,) = losses(twice, 1)
    gradient, total = 0.0, 0.0
    for _ in range(2):
        total += once.plan.forward()
        once.plan.backward()
    gradient = once.net.learnables[0].blob.diff / 2
    assert loss == total / 2
    np.testing.assert_allclose(weights(twice)[0], 0.5 - np.float32(0.1) * gradient, 1e-12)


def test_diffs_hold_the_update_afterwards(make_solver):
    solver = make_solver("momentum: 0.9 weight_decay: 0.1")
    solver.step(2)
    before = weights(solver)
    solver.step(1)
    for old, learnable in zip(before, solver.net.learnables, strict=True):
        np.testing.assert_array_equal(old - learnable.blob.diff, learnable.blob.data)


def test_frozen_parameters_do_not_move(make_solver):
    for kind in ("SGD", "Adam", "AdaDelta", "RMSProp"):
        solver = make_solver(f'type: "{kind}" weight_decay: 0.1', edit=("lr_mult: 1", "lr_mult: 0"))
        solver.step(3)
        assert (weights(solver)[0] == 0.5).all()
        assert (weights(solver)[1] != 0).any()


def test_clipping_bounds_the_gradient(make_solver):
    solver = make_solver("clip_gradients: 0.01", dtype=np.float64)
    solver.step(1)
    norm = np.sqrt(sum(np.square(learnable.blob.diff / learnable.lr_mult).sum() for learnable in solver.net.learnables))
    assert norm == pytest.approx(0.01 * np.float32(0.1), rel=1e-6)


def test_requests_are_acted_on_between_iterations(make_solver):
    solver = make_solver(basics=ENDS)
    seen = []
    for event in solver.run():
        seen.append(event)
        if event.iteration == 1 and isinstance(event, events.IterationDone):
            solver.request("snapshot")
            solver.request("stop")
    assert names(seen)[-3:] == ["SnapshotWritten 2", "SnapshotWritten 2", "TrainingFinished 2"]
    assert seen[-1].reason == "stopped"
    assert names(solver.run())[0] == "TrainingStarted 2"  # and it can go on


def test_a_stop_interrupts_a_test(make_solver):
    solver = make_solver("test_iter: 2 test_iter: 2 test_interval: 2", tests=2)
    solver.request("snapshot")
    solver.request("stop")
    expected = ["TrainingStarted 0", "TestStarted 0", "SnapshotWritten 0", "TestInterrupted 0", "TrainingFinished 0"]
    assert names(solver.run()) == expected


def test_debug_info_tells_every_size(make_solver):
    solver = make_solver("debug_info: true display: 1 momentum: 0.9")
    seen = list(solver.run(1))
    told = [(event.layer, event.blob, event.param) for event in seen if isinstance(event, events.DebugForward)]
    assert told[:4] == [("in", "x", None), ("in", "y", None), ("s", "s", None), ("s", None, 0)]
    told = [(event.layer, event.blob, event.param) for event in seen if isinstance(event, events.DebugBackward)]
    assert told == [("loss", "s", None), ("d", "s", None), ("s", None, 0), ("s", None, 1)]
    kinds = [type(event).__name__ for event in seen]
    assert kinds.index("DebugNorms") < kinds.index("IterationDone") < kinds.index("DebugUpdate")
    assert [event.name for event in seen if isinstance(event, events.DebugUpdate)] == ["s/0", "s/1"]
    assert losses(make_solver("momentum: 0.9"), 1) == [seen[kinds.index("IterationDone")].raw_loss]


def test_the_seed_decides(make_solver):
    assert losses(make_solver(), 3) == losses(make_solver(), 3) != losses(make_solver(seed=6), 3)


def test_large_outputs_are_told_when_displayed(make_solver):
    net = """
    layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 10 dim: 10 } } }
    layer { name: "s" type: "Scale" bottom: "x" top: "s" loss_weight: 2 }
    """
    done = [e for e in make_solver("display: 2", net=net).run(2) if isinstance(e, events.IterationDone)]
    assert [len(event.outputs[0].values) for event in done] == [100, 0]
    assert done[0].outputs[0].loss_weight == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("iter_size: 0", "iter_size is out of range\n  expected: at least 1\n  got:      iter_size: 0"),
        ("average_loss: 0", "average_loss is out of range\n  expected: at least 1\n  got:      average_loss: 0"),
        ("max_iter: -5", "max_iter is out of range\n  expected: at least 0\n  got:      max_iter: -5"),
        ("display: -1", "display is out of range\n  expected: at least 0\n  got:      display: -1"),
        ("snapshot: -1", "snapshot is out of range\n  expected: at least 0\n  got:      snapshot: -1"),
        (
            'type: "Adam" momentum: 1',
            "momentum is out of range\n  expected: at least 0 and below 1\n  got:      momentum: 1",
        ),
        ('type: "RMSProp" rms_decay: 1', "rms_decay is out of range\n  expected: at least 0 and below 1\n"),
        ("delta: nan", "delta is out of range\n  expected: a finite number, not negative\n  got:      delta: nan"),
        ("clip_gradients: inf", "clip_gradients is out of range\n  expected: a finite number\n"),
        (
            'regularization_type: "L3" weight_decay: 1',
            'unknown regularization type\n  expected: regularization_type: "L2" or "L1"',
        ),
        ("test_iter: 1 test_interval: 5", "test_iter does not match the test nets\n  expected: 0 test_iter"),
    ],
)
def test_fields_without_sense(make_solver, fields, message):
    basics = 'base_lr: 0.1 lr_policy: "fixed"\n' + ("" if "max_iter" in fields else "max_iter: 9\n")
    with pytest.raises(FieldError) as error:
        make_solver(fields, basics=basics)
    assert message in str(error.value)
    assert str(error.value.where).startswith("solver.prototxt:")


def test_test_fields_must_match(make_solver):
    with pytest.raises(FieldError, match="test_iter without test_interval") as error:
        make_solver("test_iter: 1", tests=1)
    assert error.value.hint == "add `test_interval: 500`, or remove `test_iter`"
    with pytest.raises(FieldError, match="test_iter is negative"):
        make_solver("test_iter: 1 test_iter: -1 test_interval: 5", tests=2)


@pytest.mark.parametrize(
    "fields",
    [
        "base_lr: -0.1",
        "weight_decay: -0.01",
        "momentum: 1",
        "momentum: -0.5",
        "rms_decay: 7 momentum2: 3",
        'regularization_type: "none"',
    ],
)
def test_unusual_fields_run_where_the_reference_takes_them(make_solver, fields):
    solver = make_solver(
        fields, basics='lr_policy: "fixed" max_iter: 9\n' + ("" if "base" in fields else "base_lr: 0.1\n")
    )
    solver.step(2)
    assert np.isfinite(solver.net.params["s"][0].data).all()


def test_no_test_batches_is_a_test_of_nothing(make_solver):
    solver = make_solver("test_iter: 0 test_interval: 1 test_compute_loss: true", tests=1)
    done = [event for event in solver.run(1) if isinstance(event, events.TestDone)]
    assert [(event.outputs, event.loss) for event in done] == [((), None)]


def test_base_lr_and_max_iter_must_be_there(make_solver):
    with pytest.raises(FieldError, match="no base_lr"):
        make_solver(basics='lr_policy: "fixed"\n')
    solver = make_solver(basics='base_lr: 1 lr_policy: "fixed"\n')
    solver.step(1)
    with pytest.raises(FieldError, match="no max_iter"):
        solver.solve()


def test_a_net_without_a_loss(make_solver):
    net = 'name: "n" layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 2 } } }'
    with pytest.raises(WiringError) as error:
        make_solver(net=net)
    assert str(error.value) == (
        "error: net.prototxt: net `n`: the net has no loss in phase TRAIN\n"
        "  expected: a loss layer, or a top with a loss_weight\n"
        "  got:      outputs `x`\n"
        "\n"
        "hint: add a layer such as SoftmaxWithLoss, or remove an `include` that keeps it out of TRAIN"
    )


def test_a_net_with_nothing_to_learn(make_solver):
    net = 'layer { name: "i" type: "DummyData" top: "x" loss_weight: 1 dummy_data_param { shape { dim: 2 } } }'
    with pytest.raises(WiringError, match="the net has no parameters to learn"):
        make_solver(net=net)


def test_an_unwritable_prefix_is_found_before_training(make_solver, tmp_path):
    (tmp_path / "file").write_text("in the way")
    solver = make_solver(f'snapshot_prefix: "{tmp_path / "file" / "x"}"', basics=ENDS)
    with pytest.raises(SnapshotError, match="cannot write"):
        list(solver.run())
    assert solver.iteration == 0
