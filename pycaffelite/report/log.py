"""A solver's events as the lines that Caffe prints, so that people's log parsers work on them.

A line is a record first: its severity, the source line of Caffe that prints it (some parsers look for it), its text.
`LogWriter` puts the classic prefix of Google's logging library before it:

    I1122 08:59:45.061898  8006 solver.cpp:289] Solving LeNet
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pycaffelite.errors import harmless
from pycaffelite.solvers import events


@dataclass(frozen=True)
class Line:
    """One line of a log: "I", "W" or "E", where Caffe prints it, and the text."""

    text: str
    source: str = "caffe.cpp:1"
    severity: str = "I"


class LogWriter:
    """Writes lines with their prefix.

    Args:
        write: Takes one line without its end.
        now: The clock.
        thread: The number that stands for the thread; None takes the system's.
    """

    def __init__(
        self, write: Callable[[str], None], now: Callable[[], datetime] = datetime.now, thread: int | None = None
    ) -> None:
        self._write = write
        self._now = now
        self._thread = threading.get_native_id() if thread is None else thread

    def line(self, line: Line) -> None:
        """Write a line; of a text of several lines, the prefix stands on the first only, as in Caffe's logs."""
        time = self._now().strftime("%m%d %H:%M:%S.%f")
        self._write(f"{line.severity}{time} {self._thread:5d} {line.source}] {harmless(line.text)}")

    def event(self, event: events.Event) -> None:
        """Write the lines of an event."""
        for line in lines(event):
            self.line(line)


def lines(event: events.Event) -> Iterator[Line]:
    """Yield the lines that Caffe prints when this happens; none for what Caffe keeps to itself."""
    match event:
        case events.TrainingStarted():
            yield Line(f"Solving {event.net}", "solver.cpp:289")
            yield Line(f"Learning Rate Policy: {event.lr_policy}", "solver.cpp:290")
        case events.IterationDone() if event.display:
            yield from _iteration(event)
        case events.TestStarted():
            yield Line(f"Iteration {event.iteration}, Testing net (#{event.net_index})", "solver.cpp:347")
        case events.TestDone():
            if event.loss is not None:
                yield Line(f"Test loss: {event.loss:g}", "solver.cpp:395")
            yield from _outputs("Test", event.outputs, "solver.cpp:414")
        case events.TestInterrupted():
            yield Line("Test interrupted.", "solver.cpp:384")
        case events.SnapshotWritten():
            kind = "HDF5" if event.hdf5 else "binary proto"
            yield Line(
                f"Snapshotting to {kind} file {event.weights_path}",
                "solver.cpp:472" if event.hdf5 else "solver.cpp:464",
            )
            yield Line(
                f"Snapshotting solver state to {kind} file {event.state_path}",
                "sgd_solver.cpp:295" if event.hdf5 else "sgd_solver.cpp:284",
            )
        case events.FinalLoss():
            yield Line(f"Iteration {event.iteration}, loss = {event.loss:g}", "solver.cpp:327")
        case events.TrainingFinished():
            done = event.reason == "done"
            yield Line("Optimization Done." if done else "Optimization stopped early.", "solver.cpp:332")
        case _:
            yield from _rest(event)


def _iteration(event: events.IterationDone) -> Iterator[Line]:
    """Yield the lines of a displayed iteration."""
    pace = f"{event.rate:g} iter/s, {event.seconds:g}s/{event.iterations} iters"
    yield Line(f"Iteration {event.iteration} ({pace}), loss = {event.loss:g}", "solver.cpp:239")
    yield from _outputs("Train", event.outputs, "solver.cpp:258")
    yield Line(f"Iteration {event.iteration}, lr = {event.lr:g}", "sgd_solver.cpp:112")


def _outputs(kind: str, outputs: Sequence[events.OutputValue], source: str) -> Iterator[Line]:
    """Yield a line per element of each output, numbered through."""
    number = 0
    for output in outputs:
        for value in output.values:
            weight = output.loss_weight
            loss = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
            yield Line(f"    {kind} net output #{number}: {output.name} = {value:g}{loss}", source)
            number += 1


def _rest(event: events.Event) -> Iterator[Line]:
    """Yield the lines of what Caffe 1.0 does not know, and of `debug_info`."""
    match event:
        case events.BestSaved():
            text = f"Best {event.name} = {event.value:g} at iteration {event.iteration}"
            yield Line(f"{text}, snapshotting to {event.weights_path}", "solver.cpp:464")
        case events.Diverged():
            yield Line(f"Iteration {event.iteration}, {event.trouble}", "solver.cpp:239", "W")
        case events.InfoWeights() | events.InfoBlobs() | events.InfoMeanLoss() | events.InfoLayerLoss():
            yield from _info(event)
        case _:
            yield from _debug(event)


def _debug(event: events.Event) -> Iterator[Line]:
    """Yield the lines of `debug_info`."""
    match event:
        case events.DebugForward():
            what = f"top blob {event.blob}" if event.param is None else f"param blob {event.param}"
            source = "net.cpp:593" if event.param is None else "net.cpp:605"
            yield Line(f"    [Forward] Layer {event.layer}, {what} data: {event.mean_abs:g}", source)
        case events.DebugBackward():
            what = f"bottom blob {event.blob}" if event.param is None else f"param blob {event.param}"
            source = "net.cpp:621" if event.param is None else "net.cpp:632"
            yield Line(f"    [Backward] Layer {event.layer}, {what} diff: {event.mean_abs:g}", source)
        case events.DebugNorms():
            norms = (
                f"L1 norm = ({event.data_l1:g}, {event.diff_l1:g}); L2 norm = ({event.data_l2:g}, {event.diff_l2:g})"
            )
            yield Line(f"    [Backward] All net params (data, diff): {norms}", "net.cpp:721", "E")
        case events.DebugUpdate():
            layer, _, param = event.name.rpartition("/")
            means = f"data: {event.data_mean_abs:g}; diff: {event.diff_mean_abs:g}"
            yield Line(f"    [Update] Layer {layer}, param {param} {means}", "net.cpp:649")


def _info(event: events.Event) -> Iterator[Line]:
    """Yield the lines of `info`, as the deeply-supervised-nets fork writes them."""
    match event:
        case events.InfoWeights():
            width = max((len(row.layer) for row in event.rows), default=0) + 1
            for row in event.rows:
                means = f"{row.data_mean:e} [{row.diff_mean:e}] ({row.diff_variance:e})"
                yield Line(f"{row.layer:<{width}} blob{row.param}: {means}", "solver.cpp:1")
        case events.InfoBlobs():
            width = max((len(blob.name) for blob in event.rows), default=0) + 1
            for blob in event.rows:
                data, diff = (", ".join(f"{value:e}" for value in values) for values in (blob.data, blob.diff))
                yield Line(f"{blob.name:<{width}} data: ({data}) diff: ({diff})", "solver.cpp:1")
        case events.InfoMeanLoss():
            yield Line(f"Iter: {event.iteration}, loss = {event.loss:g}", "solver.cpp:1")
        case events.InfoLayerLoss():
            yield Line(f"Iter: {event.iteration}, loss_layer {event.layer}, loss: {event.loss:g}", "solver.cpp:1")


def batch_lines(index: int, outputs: Sequence[events.OutputValue]) -> Iterator[Line]:
    """Yield the lines of `caffe test` for one batch."""
    for output in outputs:
        for value in output.values:
            yield Line(f"Batch {index}, {output.name} = {value:g}", "caffe.cpp:304")


def mean_lines(loss: float, outputs: Sequence[events.OutputValue]) -> Iterator[Line]:
    """Yield the last lines of `caffe test`: the averages over all batches."""
    yield Line(f"Loss: {loss:g}", "caffe.cpp:309")
    for output in outputs:
        for value in output.values:
            weight = output.loss_weight
            counted = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
            yield Line(f"{output.name} = {value:g}{counted}", "caffe.cpp:321")
