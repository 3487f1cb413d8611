"""Read nets and solvers of any era from prototxt files, in the current form."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pycaffelite.errors import Location, PrototxtError, PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.files import decode_text, read_bytes
from pycaffelite.schema.fork_types import forks_of
from pycaffelite.schema.notes import Note, Notes
from pycaffelite.schema.problems import Report, raise_problem
from pycaffelite.schema.sourcemap import SourceMap
from pycaffelite.schema.text import parse_text
from pycaffelite.schema.tokens import tokenize
from pycaffelite.schema.upgrade import upgrade_net, upgrade_solver

__all__ = [
    "NetFile",
    "Note",
    "SolverFile",
    "kind_of",
    "parse_net",
    "parse_solver",
    "read_net",
    "read_solver",
    "wrap_net",
]


@dataclass(frozen=True)
class NetFile:
    """A net as read from a file.

    Attributes:
        path: The file as the user named it.
        net: The NetParameter in current form: only `layer`, with Input layers instead of `input` fields.
        source: Where its fields were written: `source.where("layer", 3)`.
        notes: What was upgraded, mended or passed over; a note of the severity "warning" needs the user's eye.
        dialect: The form it was written in: "V0", "V1" or "current".
        used: The fields that the text gives, each as its message and its name there.
        skipped: What the schema does not have: where, and the text from the field's name to the end of its value.
    """

    path: str
    net: Any
    source: SourceMap
    notes: tuple[Note, ...]
    dialect: str
    used: frozenset[tuple[str, str]] = frozenset()
    skipped: tuple[tuple[Location, str], ...] = ()

    @property
    def forks(self) -> tuple[str, ...]:
        """The forks of Caffe that explain the most of the additions that the file uses; empty where it uses none."""
        return forks_of(self.used, (layer.type for layer in self.net.layer))


@dataclass(frozen=True)
class SolverFile:
    """A solver as read from a file: the SolverParameter in current form; the rest as in NetFile."""

    path: str
    solver: Any
    source: SourceMap
    notes: tuple[Note, ...]
    used: frozenset[tuple[str, str]] = frozenset()
    skipped: tuple[tuple[Location, str], ...] = ()

    @property
    def forks(self) -> tuple[str, ...]:
        """The forks of Caffe that explain the most of the additions that the file uses; empty where it uses none."""
        return forks_of(self.used)


def read_net(path: str | Path, report: Report = raise_problem) -> NetFile:
    """Read a net from a prototxt file.

    Raises:
        PrototxtError: No such file, not a text, or not a prototxt.
        FieldError: A field, enum value or option that the schema does not know.
    """
    notes = Notes()
    text = decode_text(read_bytes(path, "a net"), str(path), _noting(report, notes))
    return parse_net(text, str(path), report, notes)


def parse_net(text: str, path: str = "<string>", report: Report = raise_problem, notes: Notes | None = None) -> NetFile:
    """Read a net from a text; `path` is what errors call it, `notes` what is known of it already."""
    notes = notes if notes is not None else Notes()
    report = _noting(report, notes)
    net, source = parse_text(text, messages.NetParameter, path, report)
    if not source.root.fields:
        raise _empty(text, path, "a net: `name`, and a `layer { ... }` for each layer")
    upgraded = upgrade_net(net, source, report, notes)
    return NetFile(path, upgraded.net, upgraded.source, notes.summary(), upgraded.dialect, *_read(source))


def read_solver(path: str | Path, report: Report = raise_problem) -> SolverFile:
    """Read a solver from a prototxt file; raises as `read_net`."""
    notes = Notes()
    text = decode_text(read_bytes(path, "a solver"), str(path), _noting(report, notes))
    return parse_solver(text, str(path), report, notes)


def parse_solver(
    text: str, path: str = "<string>", report: Report = raise_problem, notes: Notes | None = None
) -> SolverFile:
    """Read a solver from a text; `path` is what errors call it, `notes` what is known of it already."""
    notes = notes if notes is not None else Notes()
    report = _noting(report, notes)
    solver, source = parse_text(text, messages.SolverParameter, path, report)
    if not source.root.fields:
        raise _empty(text, path, "a solver: `net`, `base_lr`, `lr_policy`, `max_iter` and more")
    upgraded = upgrade_solver(solver, source, report, notes)
    return SolverFile(path, upgraded.solver, upgraded.source, notes.summary(), *_read(source))


def _read(source: SourceMap) -> tuple[frozenset[tuple[str, str]], tuple[tuple[Location, str], ...]]:
    """Return what was read, and what was passed over."""
    skipped = tuple((source.at(start), source.text[start:end]) for start, end in source.skipped)
    return frozenset(source.used), skipped


def _noting(report: Report, notes: Notes) -> Report:
    """Make a sink that also keeps what is no error for the notes of the file."""

    def keep(problem: PycaffeliteError) -> None:
        notes.keep(problem)
        report(problem)

    return keep


def wrap_net(net: Any, solver: SolverFile, field: str, index: int = 0, report: Report = raise_problem) -> NetFile:
    """Bring a net that stands inside a solver, in its `net_param` or `test_net_param`, to the current form.

    Args:
        net: The NetParameter; it is not changed.
        solver: The file in which it stands.
        field: The solver's field that holds it.
        index: Which one, where the field is repeated.
        report: Takes the problems.
    """
    copy = messages.NetParameter()
    copy.CopyFrom(net)
    notes = Notes()
    upgraded = upgrade_net(copy, solver.source.part(field, index), _noting(report, notes), notes)
    return NetFile(solver.path, upgraded.net, upgraded.source, notes.summary(), upgraded.dialect, *_read(solver.source))


def kind_of(path: str | Path) -> Literal["net", "solver", "other"]:
    """Tell by its content what a file is; it need not be free of errors.

    Raises:
        PrototxtError: There is no such file, or it cannot be read.
    """
    content = read_bytes(path, "a net or a solver")
    try:
        text = decode_text(content, str(path), lambda _problem: None)
    except PrototxtError:
        return "other"
    begin = text[: text.rfind("\n", 0, _BEGIN) + 1]  # of most nets it is enough
    if top_level_names(begin) & _OF_NETS:
        return "net"
    names = top_level_names(text)
    votes = {
        kind: sum(name in message.DESCRIPTOR.fields_by_name for name in names)
        for kind, message in (("net", messages.NetParameter), ("solver", messages.SolverParameter))
    }
    if names & _OF_NETS or votes["net"] > votes["solver"]:
        return "net"
    return "solver" if votes["solver"] else "other"


_OF_NETS = {"layer", "layers"}
_BEGIN = 4096  # characters
_SHOWN = 4  # names in an error


def top_level_names(text: str) -> set[str]:
    """Return the names of the outermost fields of a text, which need not be free of errors."""
    names, depth = set(), 0
    tokens = tokenize(text)
    for (kind, word, _), (_, following, _) in pairwise(tokens):
        if kind == "mark":
            depth = max(0, depth + (word in "{<[") - (word in "}>]"))
        elif kind == "word" and depth == 0 and following in (":", "{", "<"):
            names.add(word)
    return names


def _empty(text: str, path: str, expected: str) -> PrototxtError:
    where = SourceMap(path).where()
    if not text.strip():
        return PrototxtError("the file is empty", where=where, expected=expected)
    names = sorted(top_level_names(text))
    if not names:
        return PrototxtError("the file holds nothing but comments", where=where, expected=expected)
    more = ", ..." if len(names) > _SHOWN else ""
    got = ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more
    return PrototxtError(
        "none of the fields belongs here: this is another kind of file", where=where, expected=expected, got=got
    )
