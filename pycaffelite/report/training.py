"""What a training came to: collected from its events, then written as a table that people read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from pycaffelite.graph.graph import Graph
from pycaffelite.report import tables
from pycaffelite.report.heads import Head, heads
from pycaffelite.report.stand_ins import warning
from pycaffelite.solvers import events
from pycaffelite.solvers.events import OutputValue


@dataclass(frozen=True)
class TestScores:
    """The last scores of a test net.

    Attributes:
        net_index: Its number, from 0.
        iteration: After how many updates.
        heads: The scored blobs.
        others: Outputs that score no blob.
    """

    __test__ = False  # no test case, whatever pytest makes of its name

    net_index: int
    iteration: int
    heads: tuple[Head, ...]
    others: tuple[OutputValue, ...]


@dataclass(frozen=True)
class TrainingReport:
    """A training.

    Attributes:
        net: The net's name.
        reason: Why it ended: "done", "stopped", or "interrupted" where the solver could not say.
        iteration: How many updates the parameters have had, those before a resume included.
        iterations: How many of them this training made.
        seconds: How long it took.
        rate: Iterations per second after the first, which compiles; tests and snapshots left out.
        loss: The smoothed training loss.
        outputs: The train net's outputs of the last iteration.
        tests: The last scores of each test net.
        weights_path, state_path: The last snapshot; None where there was none.
        stand_ins: The sources that the built-in digits stood in for.
        best: The best test of `keep_best`, whose weights are kept; None without, or where an earlier training had it.
    """

    net: str
    reason: str
    iteration: int
    iterations: int
    seconds: float
    rate: float
    loss: float | None
    outputs: tuple[OutputValue, ...]
    tests: tuple[TestScores, ...]
    weights_path: str | None
    state_path: str | None
    stand_ins: tuple[str, ...] = ()
    best: events.BestSaved | None = None


class TrainingCollector:
    """Listens to a solver's events.

    Args:
        net: The train net's name.
        test_graphs: The graphs of the test nets, to tell what each output scores.
        stand_ins: The sources that the built-in digits stand in for.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        net: str,
        test_graphs: Sequence[Graph],
        stand_ins: tuple[str, ...] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._stand_ins = stand_ins
        self._net = net
        self._graphs = test_graphs
        self._clock = clock
        self._heard_at = 0.0  # when the last event came
        self._iterations = 0
        self._train_seconds = 0.0
        self._tests: dict[int, TestScores] = {}
        self._last: events.IterationDone | None = None
        self._finished: events.TrainingFinished | None = None
        self._snapshot: events.SnapshotWritten | None = None
        self._best: events.BestSaved | None = None

    def take(self, event: events.Event) -> None:
        """Remember what the report will need of an event."""
        now = self._clock()
        heard_at, self._heard_at = self._heard_at, now
        match event:
            case events.IterationDone():
                # Between two events lies the work of the later one.
                self._train_seconds += now - heard_at if self._iterations else 0.0
                self._iterations += 1
                self._last = event
            case events.TestDone():
                found, others = heads(self._graphs[event.net_index], event.outputs)
                scores = TestScores(event.net_index, event.iteration, tuple(found), tuple(others))
                self._tests[event.net_index] = scores
            case events.SnapshotWritten():
                self._snapshot = event
            case events.BestSaved():
                self._best = event
            case events.TrainingFinished():
                self._finished = event

    def report(self) -> TrainingReport:
        """Return the report of what was heard so far."""
        last, finished = self._last, self._finished
        return TrainingReport(
            net=self._net,
            reason=finished.reason if finished else "interrupted",
            iteration=finished.iteration if finished else (last.iteration + 1 if last else 0),
            iterations=self._iterations,
            seconds=finished.seconds if finished else 0.0,
            rate=(self._iterations - 1) / self._train_seconds if self._train_seconds > 0 else 0.0,
            loss=last.loss if last else None,
            outputs=last.outputs if last else (),
            tests=tuple(self._tests[index] for index in sorted(self._tests)),
            weights_path=self._snapshot.weights_path if self._snapshot else None,
            state_path=self._snapshot.state_path if self._snapshot else None,
            stand_ins=self._stand_ins,
            best=self._best,
        )


def render(report: TrainingReport, advice: Sequence[str] = ()) -> RenderableType:
    """Lay out the scores, the speed and the snapshot; `advice` lists commands to type next."""
    parts: list[RenderableType] = [""]
    for test in report.tests:
        parts += [scores_table(test.heads, test.others, _test_title(report, test)), ""]
    if not report.tests:
        rows = [(output.name, tables.values(output.values)) for output in report.outputs]
        parts += [tables.table(("training output", "value"), rows), ""]
    parts += [*_facts(report)]
    if advice:
        parts += ["", "next:", *(tables.line(f"  {command}") for command in advice)]
    return Group(*parts)


def scores_table(found: Sequence[Head], others: Sequence[OutputValue], title: str) -> RenderableType:
    """Lay out heads as rows: accuracy, loss, and how much the loss counts; then whatever else was measured."""
    rows = [
        (
            head.name,
            ", ".join([*head.accuracies, *head.losses]),
            ", ".join(f"{100 * value:.2f} %" for value in head.accuracies.values()) or "-",
            ", ".join(f"{value:.5g}" for value in head.losses.values()) or "-",
            ", ".join(f"{weight:g}" for weight in head.weights.values()) or "-",
        )
        for head in found
    ]
    parts: list[RenderableType] = [Text(title, style="bold"), ""]
    if rows:
        parts.append(tables.table(("head", "outputs", "accuracy", "loss", "weight"), rows, left=2))
    if rows and others:
        parts.append("")
    if others:
        parts.append(tables.table(("output", "value"), [(each.name, tables.values(each.values)) for each in others]))
    return Group(*parts)


def _test_title(report: TrainingReport, test: TestScores) -> str:
    which = f"test net #{test.net_index}" if len(report.tests) > 1 else "test"
    return f"{report.net or 'net'}: {which} after {tables.count(test.iteration)} iterations"


def _facts(report: TrainingReport) -> Iterator[RenderableType]:
    """Yield the lines below the table."""
    if report.stand_ins:
        yield tables.labelled("data         ", warning(report.stand_ins))
    ended = {
        "done": "",
        "stopped": ", stopped early",
        "patience": ", out of patience",
        "interrupted": ", interrupted",
    }[report.reason]
    yield f"iterations   {tables.count(report.iterations)} in {report.seconds:.1f} s{ended}"
    if report.rate:
        yield f"speed        {report.rate:.1f} iterations per second, compilation and tests left out"
    if report.loss is not None:
        yield f"train loss   {report.loss:.6g}"
    if report.best:
        best = report.best
        yield f"best         {best.name} {best.value:.5g} after {tables.count(best.iteration)} iterations"
        yield tables.line(f"             {best.weights_path}")
    if report.weights_path:
        yield tables.line(f"snapshot     {report.weights_path}")
        yield tables.line(f"             {report.state_path}")
    else:
        yield "snapshot     none written"
