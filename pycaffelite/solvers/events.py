"""What a running solver tells: frozen records, yielded in the order in which things happen.

The solver prints nothing and does not know who listens; `report.log` makes Caffe's lines of these, others make JSON
lines, a progress bar or plots. Numbers are plain Python numbers, so that an event can be kept, pickled and written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Reason = Literal["done", "stopped", "patience"]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events.

    Attributes:
        iteration: How many updates the parameters have had when it happens.
    """

    iteration: int

    __test__: ClassVar[bool] = False  # TestDone is no test case, whatever pytest thinks of its name


@dataclass(frozen=True, slots=True)
class OutputValue:
    """The values of one net output.

    Attributes:
        name: The blob's name.
        values: Its elements in order; a loss or an accuracy has one.
        loss_weight: What each element counts in the total loss; 0 where it is not a loss.
    """

    name: str
    values: tuple[float, ...]
    loss_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainingStarted(Event):
    """A whole training begins, or goes on after a restore; once for each `run()` without a number.

    Attributes:
        net: The train net's name.
        lr_policy: The learning-rate policy.
        max_iter: The iteration at which training will end.
    """

    net: str
    lr_policy: str
    max_iter: int


@dataclass(frozen=True, slots=True)
class IterationDone(Event):
    """One iteration has been computed and its update applied.

    `iteration` is the number that Caffe prints: of updates before this one.

    Attributes:
        loss: The loss, averaged over the last `average_loss` iterations.
        raw_loss: The loss of this iteration alone, averaged over its `iter_size` passes.
        lr: The learning rate of the update.
        outputs: The outputs of the (last) forward pass, in Caffe's order; taken before the update.
        display: Whether Caffe would print this iteration.
        seconds: The time since the last displayed iteration, or since the start of the run.
        iterations: How many iterations that time was spent on.
    """

    loss: float
    raw_loss: float
    lr: float
    outputs: tuple[OutputValue, ...]
    display: bool
    seconds: float
    iterations: int

    @property
    def rate(self) -> float:
        """Iterations per second since the last displayed iteration."""
        return self.iterations / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class TestStarted(Event):
    """A test net is about to run.

    Attributes:
        net_index: The number of the test net, from 0.
        batches: How many batches it will see (`test_iter`).
    """

    net_index: int
    batches: int


@dataclass(frozen=True, slots=True)
class TestDone(Event):
    """A test net has run over its batches.

    Attributes:
        net_index: The number of the test net, from 0.
        outputs: Its outputs, averaged over the batches.
        loss: The average total loss, when `test_compute_loss` asks for it.
        seconds: How long it took.
    """

    net_index: int
    outputs: tuple[OutputValue, ...]
    loss: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class TestInterrupted(Event):
    """A stop was requested while a test net ran; its averages are not known.

    Attributes:
        net_index: The number of the test net, from 0.
    """

    net_index: int


@dataclass(frozen=True, slots=True)
class SnapshotWritten(Event):
    """Weights and solver state stand on disk, complete.

    Attributes:
        weights_path: The .caffemodel or .caffemodel.h5 file.
        state_path: The .solverstate or .solverstate.h5 file.
        hdf5: Whether they are HDF5 files.
    """

    weights_path: str
    state_path: str
    hdf5: bool


@dataclass(frozen=True, slots=True)
class DebugForward(Event):
    """`debug_info`: the mean absolute value of a top or a parameter after the layer's forward pass.

    Attributes:
        layer: The layer's name.
        blob: The top's name, or None for a parameter.
        param: The parameter's index in its layer, or None for a top.
        mean_abs: The mean absolute value of its data.
    """

    layer: str
    blob: str | None
    param: int | None
    mean_abs: float


@dataclass(frozen=True, slots=True)
class DebugBackward(Event):
    """`debug_info`: the mean absolute diff of a bottom or a parameter after the layer's backward pass.

    Attributes:
        layer: The layer's name.
        blob: The bottom's name, or None for a parameter.
        param: The parameter's index in its layer, or None for a bottom.
        mean_abs: The mean absolute value of its diff.
    """

    layer: str
    blob: str | None
    param: int | None
    mean_abs: float


@dataclass(frozen=True, slots=True)
class DebugNorms(Event):
    """`debug_info`: norms over all learnable parameters after a backward pass, before clipping and decay.

    Attributes:
        data_l1: Sum of the absolute data.
        diff_l1: Sum of the absolute diffs.
        data_l2: Square root of the sum of squared data.
        diff_l2: Square root of the sum of squared diffs.
    """

    data_l1: float
    diff_l1: float
    data_l2: float
    diff_l2: float


@dataclass(frozen=True, slots=True)
class DebugUpdate(Event):
    """`debug_info`: a learnable parameter and the update that was just subtracted from it.

    Caffe 1.0 computes these but does not print them; older versions do.

    Attributes:
        name: The parameter, as layer name and index: `conv1/0`.
        data_mean_abs: The mean absolute value of the parameter before the update.
        diff_mean_abs: The mean absolute value of the update.
    """

    name: str
    data_mean_abs: float
    diff_mean_abs: float


@dataclass(frozen=True, slots=True)
class BestSaved(Event):
    """A test was better than all before, and its weights stand on disk: `keep_best`.

    Attributes:
        name: The output by which tests are judged.
        value: Its value.
        weights_path: The file.
    """

    name: str
    value: float
    weights_path: str


@dataclass(frozen=True, slots=True)
class Diverged(Event):
    """The loss or a gradient is no finite number, and training goes on: `on_nan: "warn"`; told once a run.

    Attributes:
        trouble: What is not finite.
    """

    trouble: str


@dataclass(frozen=True, slots=True)
class InfoWeight:
    """A parameter in `InfoWeights`.

    Attributes:
        layer: The layer's name.
        param: The parameter's index in its layer.
        data_mean: The mean absolute value of its data.
        diff_mean, diff_variance: Mean and variance of the absolute values of its last update.
    """

    layer: str
    param: int
    data_mean: float
    diff_mean: float
    diff_variance: float


@dataclass(frozen=True, slots=True)
class InfoWeights(Event):
    """`info { type: "weight" }`; the iteration is counted from 1, as in all events of `info`.

    Attributes:
        rows: The parameters in the order of the net.
    """

    rows: tuple[InfoWeight, ...]


@dataclass(frozen=True, slots=True)
class InfoBlob:
    """A blob in `InfoBlobs`.

    Attributes:
        name: The blob's name.
        data, diff: Maximum (at least 0), mean and minimum (at most 0).
    """

    name: str
    data: tuple[float, float, float]
    diff: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class InfoBlobs(Event):
    """`info { type: "blob" }`.

    Attributes:
        rows: The blobs in the order of the net.
    """

    rows: tuple[InfoBlob, ...]


@dataclass(frozen=True, slots=True)
class InfoMeanLoss(Event):
    """`info { type: "mean_train_loss" }`.

    Attributes:
        loss: The mean of the total loss since the last such event.
    """

    loss: float


@dataclass(frozen=True, slots=True)
class InfoLayerLoss(Event):
    """`info { type: "layer_loss" }`, for one layer.

    Attributes:
        layer: Its position among the layers that take part in the backward pass, counted from the end of the net.
        loss: The sum of its losses since the last such event, divided as the fork divides it.
    """

    layer: int
    loss: float


@dataclass(frozen=True, slots=True)
class FinalLoss(Event):
    """The loss of one more forward pass at the end, which Caffe makes when the last iteration would be displayed.

    Attributes:
        loss: The smoothed loss, with this pass in it.
        outputs: The outputs of the pass.
    """

    loss: float
    outputs: tuple[OutputValue, ...]


@dataclass(frozen=True, slots=True)
class TrainingFinished(Event):
    """The training has ended; once for each `run()` without a number.

    Attributes:
        reason: "done" at `max_iter`, "stopped" after a requested stop, "patience" after so many tests without a
            better one.
        loss: The smoothed loss of the last iteration; None when there was none.
        outputs: The train net's outputs of the last iteration.
        seconds: How long the run took, tests and snapshots included.
    """

    reason: Reason
    loss: float | None
    outputs: tuple[OutputValue, ...]
    seconds: float
