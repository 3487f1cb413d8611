"""Caffe's own logs, made again from events, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pycaffelite.report.log import Line, LogWriter, lines
from pycaffelite.solvers import events
from pycaffelite.solvers.events import Event, OutputValue

GOLDEN = Path(__file__).parent.parent / "golden" / "logs"

NUMBER = r"([-+.\deE]+|nan|inf)"


def solver_lines(name: str) -> list[str]:
    """Return the lines of a golden log from `Solving` to the solver's last word."""
    text = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(text) if "] Solving " in line)
    end = next(i for i, line in enumerate(text) if "solver.cpp" in line and "Optimization Done." in line)
    # The prefetch thread's remark belongs to the reference's data layer, not to its solver.
    return [line for line in text[start : end + 1] if "data_layer.cpp" not in line]


class LogReader:
    """Turns lines of Caffe's back into events: the opposite of what is tested."""

    def __init__(self, text: list[str]) -> None:
        self.text = [re.sub(r"^[IWE]\S+ \S+ +\d+ \S+\] ", "", line) for line in text]

    def events(self) -> Iterator[Event]:
        while self.text:
            yield self._next()

    def _next(self) -> Event:  # noqa: PLR0911  (one return per kind of line)
        line = self.text.pop(0)
        if match := re.fullmatch(r"Solving (.*)", line):
            policy = self.text.pop(0).removeprefix("Learning Rate Policy: ")
            return events.TrainingStarted(0, match[1], policy, 0)
        if match := re.fullmatch(rf"Iteration (\d+) \({NUMBER} iter/s, {NUMBER}s/(\d+) iters\), loss = {NUMBER}", line):
            outputs = self._outputs("Train")
            lr = float(self.text.pop(0).rpartition(" = ")[2])
            count, seconds = int(match[4]), float(match[3])
            return events.IterationDone(int(match[1]), float(match[5]), 0.0, lr, outputs, True, seconds, count)
        if match := re.fullmatch(r"Iteration (\d+), Testing net \(#(\d+)\)", line):
            return events.TestStarted(int(match[1]), int(match[2]), 100)
        if line.startswith("    Test net output"):
            self.text.insert(0, line)
            return events.TestDone(0, 0, self._outputs("Test"), None, 1.0)
        if match := re.fullmatch(r"Snapshotting to binary proto file (.*)", line):
            state = self.text.pop(0).rpartition(" ")[2]
            return events.SnapshotWritten(0, match[1], state, False)
        if match := re.fullmatch(rf"Iteration (\d+), loss = {NUMBER}", line):
            return events.FinalLoss(int(match[1]), float(match[2]), ())
        if line == "Optimization Done.":
            return events.TrainingFinished(0, "done", None, (), 1.0)
        return self._debug(line)

    def _outputs(self, kind: str) -> tuple[OutputValue, ...]:
        found = []
        pattern = rf"    {kind} net output #\d+: (\S+) = {NUMBER}(?: \(\* {NUMBER} = .*\))?"
        while self.text and (match := re.fullmatch(pattern, self.text[0])):
            found.append(OutputValue(match[1], (float(match[2]),), float(match[3] or 0)))
            self.text.pop(0)
        return tuple(found)

    @staticmethod
    def _debug(line: str) -> Event:
        if "All net params" in line:
            return events.DebugNorms(
                0, *map(float, re.findall(r"[-+.\d]+(?:e[-+]\d+)?(?=[,)])", line.split("diff): ")[1]))
            )
        match = re.fullmatch(
            rf"    \[(\w+)\] Layer (\S+), (?:(?:top|bottom) blob (\S+)|param blob (\d+)) \w+: {NUMBER}", line
        )
        assert match, line
        kind = {"Forward": events.DebugForward, "Backward": events.DebugBackward}[match[1]]
        return kind(0, match[2], match[3], None if match[4] is None else int(match[4]), float(match[5]))


@pytest.mark.parametrize("name", ["lenet_dsn_train.classic.log", "lenet_dsn_debug_info.classic.log"])
def test_golden_logs(name: str) -> None:
    wanted = solver_lines(name)
    made = [line for event in LogReader(wanted).events() for line in lines(event)]
    assert len(made) == len(wanted)
    for line, golden in zip(made, wanted, strict=True):
        severity, _, rest = golden.partition(" ")
        source, _, text = rest.partition("] ")
        if " iter/s, " in text:  # the reference's clock began before its first iteration; the rate of a line is ours
            text, made_text = (re.sub(r"\(\S+ iter/s", "(", each) for each in (text, line.text))
        else:
            made_text = line.text
        assert (severity[0], source.split()[-1], text) == (line.severity, line.source, made_text)


def test_prefix() -> None:
    written: list[str] = []
    writer = LogWriter(written.append, lambda: datetime(2026, 11, 22, 8, 59, 45, 61898), thread=8006)
    writer.line(Line("Solving LeNet", "solver.cpp:289"))
    assert written == ["I1122 08:59:45.061898  8006 solver.cpp:289] Solving LeNet"]


def test_prefix_is_that_of_the_golden_log() -> None:
    pattern = r"[IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} [ \d]{5} \w+\.cpp:\d+\] "
    written: list[str] = []
    LogWriter(written.append).event(events.TestInterrupted(3, 0))
    assert re.match(pattern, written[0])
    assert all(re.match(pattern, line) for line in solver_lines("lenet_dsn_debug_info.classic.log"))


@pytest.mark.parametrize(
    ("event", "texts"),
    [
        (
            events.IterationDone(100, 0.21, 0.2, 0.00992565, (OutputValue("loss", (0.21,), 1.0),), True, 2.07, 100),
            [
                "Iteration 100 (48.3092 iter/s, 2.07s/100 iters), loss = 0.21",
                "    Train net output #0: loss = 0.21 (* 1 = 0.21 loss)",
                "Iteration 100, lr = 0.00992565",
            ],
        ),
        (events.IterationDone(1, 1.0, 1.0, 0.1, (), False, 0.1, 1), []),
        (events.IterationDone(0, float("nan"), 0, 1e-7, (), True, 0.0, 0),
         ["Iteration 0 (0 iter/s, 0s/0 iters), loss = nan", "Iteration 0, lr = 1e-07"]),
        (
            events.TestDone(5, 1, (OutputValue("class", (0.5, 1.0)), OutputValue("l", (2.0,), 0.3)), 0.6, 1.0),
            [
                "Test loss: 0.6",
                "    Test net output #0: class = 0.5",
                "    Test net output #1: class = 1",
                "    Test net output #2: l = 2 (* 0.3 = 0.6 loss)",
            ],
        ),
        (
            events.SnapshotWritten(5, "a.caffemodel.h5", "a.solverstate.h5", True),
            ["Snapshotting to HDF5 file a.caffemodel.h5", "Snapshotting solver state to HDF5 file a.solverstate.h5"],
        ),
        (events.DebugUpdate(1, "a/conv1/0", 0.5, 1e-7), ["    [Update] Layer a/conv1, param 0 data: 0.5; diff: 1e-07"]),
        (events.TestInterrupted(1, 0), ["Test interrupted."]),
        (events.TrainingFinished(1, "stopped", None, (), 1.0), ["Optimization stopped early."]),
        (events.TrainingFinished(1, "patience", None, (), 1.0), ["Optimization stopped early."]),
        (
            events.BestSaved(40, "accuracy", 0.75, "a_best.caffemodel"),
            ["Best accuracy = 0.75 at iteration 40, snapshotting to a_best.caffemodel"],
        ),
        (events.Diverged(3, "the loss is nan"), ["Iteration 3, the loss is nan"]),
    ],
)  # fmt: skip
def test_texts(event: Event, texts: list[str]) -> None:
    assert [line.text for line in lines(event)] == texts


def test_regular_expressions_of_log_parsers() -> None:
    """A parser of BVLC's reads what it needs from a displayed iteration."""
    event = events.IterationDone(40, 1.5e-05, 0, 0.01, (OutputValue("loss", (1.5e-05,), 1.0),), True, 1.0, 20)
    texts = [line.text for line in lines(event)]
    assert re.search(r"Iteration (\d+)", texts[0])
    assert re.search(r"Train net output #(\d+): (\S+) = ([\.\deE+-]+)", texts[1]).groups() == ("0", "loss", "1.5e-05")
    assert re.search(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)", texts[2])[1] == "0.01"
