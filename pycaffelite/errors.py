"""The error family: every failure that a user can cause, in one form.

An error says *what* is wrong and *where*, what was *expected*, what was *got*, and a *hint* what to do. A layer knows
only the first and the last three; whoever knows the layer's name and line adds them once, with `within`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and ends of lines
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_NOTHING = re.compile(r"(?!)()")


@dataclass(frozen=True)
class Location:
    """A place in a text file; lines and columns count from 1, None where unknown."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


class PycaffeliteError(Exception):
    """Base of all errors that pycaffelite raises on purpose.

    Args:
        what: The problem in one clause, without the place: "kernel does not fit its input".
        where: File and line, when known.
        expected: What would have been right.
        got: What was found.
        hint: What the user can do about it.
        subject: The thing it is about, "layer `conv2` (Convolution)"; usually added by `within`.

    Attributes:
        severity: "error"; readers also report problems that stop nobody, as a "warning" or a "note".
        mended: What a reader does about such a problem instead of stopping: "the last one counts".
    """

    severity = "error"
    mended = ""

    def __init__(
        self,
        what: str,
        *,
        where: Location | None = None,
        expected: str | None = None,
        got: str | None = None,
        hint: str | None = None,
        subject: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.hint = hint
        self.subject = subject

    def within(self, subject: str, where: Location | None) -> PycaffeliteError:
        """Add the layer and the line, unless something nearer to the problem has done so; return self."""
        self.subject = self.subject or subject
        self.where = self.where or where
        return self

    def __str__(self) -> str:
        return render(self)


class PrototxtError(PycaffeliteError):
    """The text cannot be read: syntax, or a value of the wrong kind."""


class FieldError(PycaffeliteError):
    """A field, an enum value or a layer type that the schema does not know, or a value that its layer refuses."""


class WiringError(PycaffeliteError):
    """Layers do not fit together: an unknown bottom, a top made twice, the wrong number of either."""


class ShapeError(PycaffeliteError):
    """A layer cannot work on blobs of these shapes.

    Attributes:
        tops: The shape that Caffe gives to each top all the same, where it goes on and computes nonsense; else empty.
    """

    tops: tuple[tuple[int, ...], ...] = ()


class DataError(PycaffeliteError):
    """A data source is missing, damaged, empty, or holds what the net cannot use."""


class SnapshotError(PycaffeliteError):
    """A weights or solver-state file cannot be read or written, or does not fit the net."""


class UnsupportedError(PycaffeliteError):
    """Known to Caffe or to one of its forks, and not implemented here."""


class DivergenceError(PycaffeliteError):
    """Training has left the finite numbers."""


def render(error: PycaffeliteError) -> str:
    """Write the error as the text that users see, without a final newline.

    The first line is `error: PLACE: SUBJECT: WHAT`; expected and got stand below it, aligned; the hint comes last.
    """
    head = ": ".join(str(part) for part in (error.severity, error.where, error.subject, error.what) if part)
    lines = [head]
    if error.expected is not None:
        lines.append(f"  expected: {error.expected}")
    if error.got is not None:
        lines.append(f"  got:      {error.got}")
    if error.hint is not None:
        lines += ["", f"hint: {error.hint}"]
    return harmless("\n".join(lines))


def harmless(text: str, *, colours: bool = False) -> str:
    """Write control characters as escapes: a name in somebody's file must not steer the terminal that shows it.

    Args:
        text: What is about to be shown.
        colours: Whether sequences that set colours stay, since they are our own.
    """
    keep = _COLOUR if colours else _NOTHING
    return "".join(
        part if number % 2 else _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", part)
        for number, part in enumerate(keep.split(text))
    )
