"""What a check finds: problems with their severity, collected instead of raised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from pycaffelite.errors import Location, PycaffeliteError, UnsupportedError
from pycaffelite.schema.notes import Note

Severity = Literal["error", "unsupported", "warning", "note"]
Status = Literal["ok", "warnings", "unsupported", "errors"]

_STATUS: tuple[Status, ...] = ("errors", "unsupported", "warnings", "ok")
_RANK: dict[Severity, int] = {"error": 0, "unsupported": 1, "warning": 2, "note": 3}


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        severity: "error": cannot be read or wired; "unsupported": read, but cannot run here; "warning": read in a way
            that the author may not have meant; "note": good to know.
        message: The finding in one line.
        line: The line in the file, from 1; None where it is about no line of it.
        hint: What can be done.
    """

    severity: Severity
    message: str
    line: int | None = None
    hint: str | None = None


def problem_of(error: PycaffeliteError, severity: Severity | None = None) -> Problem:
    """Put an error on one line."""
    found: Severity = severity or error.severity  # type: ignore[assignment]
    if found == "error" and isinstance(error, UnsupportedError):
        found = "unsupported"
    text = f"{error.subject}: {error.what}" if error.subject else error.what
    if error.expected is not None:
        text += f"; expected {error.expected}"
    if error.got is not None:
        text += f"; got {error.got}"
    if error.mended:
        text += f"; {error.mended}"
    return Problem(found, text, error.where.line if error.where else None, error.hint)


class Findings:
    """Collects problems, each once: two phases of a net share most of theirs."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._by_line: dict[int | None, list[Problem]] = {}

    def add(self, problem: Problem) -> None:
        """Keep a problem."""
        if problem not in self._problems:
            self._problems[problem] = None
            self._by_line.setdefault(problem.line, []).append(problem)

    def report(self, error: PycaffeliteError) -> None:
        """Keep an error: the sink for readers and for the wiring."""
        self.add(problem_of(error))

    def note(self, note: Note) -> None:
        """Keep what a reader noted, unless it was reported as a problem too."""
        line = note.where.line if note.where else None
        clause = note.what.partition(";")[0]
        if not any(problem.message.startswith(clause) for problem in self._by_line.get(line, ())):
            self.add(Problem(note.severity, note.what, line, note.hint))  # type: ignore[arg-type]

    def say(self, severity: Severity, message: str, where: Location | None = None, hint: str | None = None) -> None:
        """Keep a finding of our own."""
        self.add(Problem(severity, message, where.line if where else None, hint))

    def sorted(self) -> tuple[Problem, ...]:
        """Return the problems, the worst first, then by line."""
        return tuple(sorted(self._problems, key=lambda problem: (_RANK[problem.severity], problem.line or 0)))


def status_of(problems: Iterable[Problem]) -> Status:
    """Return what a file is worth."""
    worst = min((_RANK[problem.severity] for problem in problems), default=3)
    return _STATUS[worst]


def as_strict(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems with every warning as an error."""
    return tuple(
        replace(problem, severity="error") if problem.severity == "warning" else problem for problem in problems
    )
