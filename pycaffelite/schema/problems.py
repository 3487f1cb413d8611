"""Where readers report what is wrong: a sink that gets each problem, and may raise it or keep it.

A problem is an error of the family with a severity. An *error* leaves a piece of the file unread. A *warning* was read
in the one sensible way although Caffe refuses it, or will not do here what the file's author wanted. A *note* stops
nobody. The parser and the upgrades go on after a problem whenever there is a sensible way to go on. So the default
reader stops at the first error, a strict one at the first warning too, and a checker collects them all, without three
code paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError, UnsupportedError

Report = Callable[[PycaffeliteError], None]
Problem = TypeVar("Problem", bound=PycaffeliteError)

ERROR, WARNING, NOTE = "error", "warning", "note"


class TemplateError(PrototxtError):
    """The text is a template from which a prototxt is made, not a prototxt."""


class UnknownValueError(FieldError, UnsupportedError):
    """A value of an enum that neither the schema nor a fork in our table has; the author's Caffe may have it."""


def warning(problem: Problem, mended: str = "") -> Problem:
    """Make a problem one that stops only a strict reader; `mended` says what is done instead of stopping."""
    problem.severity = WARNING
    problem.mended = mended
    return problem


def note(problem: Problem) -> Problem:
    """Make a problem one that stops nobody."""
    problem.severity = NOTE
    return problem


def raise_problem(problem: PycaffeliteError) -> None:
    """Stop at the first error and let warnings pass: the sink of every reader that is not told otherwise."""
    if problem.severity == ERROR:
        raise problem


def strict_problem(problem: PycaffeliteError) -> None:
    """Stop at the first error or warning."""
    if problem.severity != NOTE:
        problem.severity = ERROR
        raise problem


class Findings:
    """A sink that keeps every problem and lets the reader go on: `read_net(path, findings)`.

    Attributes:
        problems: All of them, in the order in which they were found.
    """

    def __init__(self) -> None:
        self.problems: list[PycaffeliteError] = []

    def __call__(self, problem: PycaffeliteError) -> None:
        """Keep a problem."""
        self.problems.append(problem)

    def of(self, severity: str) -> list[PycaffeliteError]:
        """Return the problems of one severity."""
        return [problem for problem in self.problems if problem.severity == severity]
