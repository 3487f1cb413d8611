"""The progress line of a training: below the log on a terminal, nowhere in a pipe."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from pycaffelite.cli.options import note
from pycaffelite.solvers import events


class TrainingProgress:
    """Writes log lines, and on a terminal keeps a line below them: how far, how fast, how long to go.

    Args:
        stream: Where to write; standard error when None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._progress: Progress | None = None
        self._stopping = False
        if self._stream.isatty():
            console = Console(file=self._stream, highlight=False, markup=False)
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                _RateColumn(),
                TextColumn("loss {task.fields[loss]}"),
                TimeRemainingColumn(),
                console=console,
                transient=True,
                expand=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    def __enter__(self) -> TrainingProgress:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def write(self, text: str) -> None:
        """Write a line of the log, above the progress line."""
        if self._progress is not None:
            self._progress.console.print(text, soft_wrap=True)
        else:
            self._stream.write(text + "\n")
            self._stream.flush()

    def note(self, sentence: str) -> None:
        """Write something that the user should read now."""
        if self._progress is not None:
            self._progress.console.print(Text.from_ansi(note(sentence, self._stream)), soft_wrap=True)
        else:
            self.write(note(sentence, self._stream))

    def stopping(self) -> None:
        """Say on the progress line that the end is near; takes no lock, so that a signal handler may call it."""
        self._stopping = True
        self._describe("stopping")

    def take(self, event: events.Event) -> None:
        """Move the progress line."""
        if self._progress is None:
            return
        match event:
            case events.TrainingStarted():
                self._progress.add_task("compiling", total=event.max_iter, completed=event.iteration, loss="-")
            case events.IterationDone():
                self._describe("training")
                for task in self._progress.task_ids:
                    self._progress.update(task, completed=event.iteration + 1, loss=f"{event.loss:.4g}")
            case events.TestStarted() if event.iteration > 0:
                self._describe("testing")

    def _describe(self, word: str) -> None:
        """Say what is being done."""
        for task in self._progress.tasks if self._progress is not None else ():
            task.description = "stopping" if self._stopping else word


class _RateColumn(ProgressColumn):
    """Iterations per second."""

    def render(self, task: Task) -> Text:
        """Return the rate over the last moments."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.3g} iter/s" if speed else "- iter/s")
