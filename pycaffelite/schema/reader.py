"""Read nets and solvers of any era from prototxt files, in the current form."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pycaffelite.errors import PrototxtError
from pycaffelite.schema import messages
from pycaffelite.schema.files import decode_text, read_bytes
from pycaffelite.schema.notes import Note
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
        notes: What was upgraded.
        dialect: The form it was written in: "V0", "V1" or "current".
    """

    path: str
    net: Any
    source: SourceMap
    notes: tuple[Note, ...]
    dialect: str


@dataclass(frozen=True)
class SolverFile:
    """A solver as read from a file: the SolverParameter in current form, where its fields were written, notes."""

    path: str
    solver: Any
    source: SourceMap
    notes: tuple[Note, ...]


def read_net(path: str | Path, report: Report = raise_problem) -> NetFile:
    """Read a net from a prototxt file.

    Raises:
        PrototxtError: No such file, not a text, or not a prototxt.
        FieldError: A field, enum value or option that the schema does not know.
    """
    return parse_net(_read_text(path, "a net"), str(path), report)


def parse_net(text: str, path: str = "<string>", report: Report = raise_problem) -> NetFile:
    """Read a net from a text; `path` is what errors call it."""
    net, source = parse_text(text, messages.NetParameter, path, report)
    if not source.root.fields:
        raise _empty(text, path, "a net: `name`, and a `layer { ... }` for each layer")
    upgraded = upgrade_net(net, source, report)
    return NetFile(path, upgraded.net, upgraded.source, upgraded.notes, upgraded.dialect)


def read_solver(path: str | Path, report: Report = raise_problem) -> SolverFile:
    """Read a solver from a prototxt file; raises as `read_net`."""
    return parse_solver(_read_text(path, "a solver"), str(path), report)


def parse_solver(text: str, path: str = "<string>", report: Report = raise_problem) -> SolverFile:
    """Read a solver from a text; `path` is what errors call it."""
    solver, source = parse_text(text, messages.SolverParameter, path, report)
    if not source.root.fields:
        raise _empty(text, path, "a solver: `net`, `base_lr`, `lr_policy`, `max_iter` and more")
    upgraded = upgrade_solver(solver, source, report)
    return SolverFile(path, upgraded.solver, upgraded.source, upgraded.notes)


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
    upgraded = upgrade_net(copy, solver.source.part(field, index), report)
    return NetFile(solver.path, upgraded.net, upgraded.source, upgraded.notes, upgraded.dialect)


def kind_of(path: str | Path) -> Literal["net", "solver", "other"]:
    """Tell by its content what a file is; it need not be free of errors.

    Raises:
        PrototxtError: There is no such file, or it cannot be read.
    """
    content = read_bytes(path, "a net or a solver")
    try:
        text = decode_text(content, str(path))
    except PrototxtError:
        return "other"
    names = _top_level_names(text)
    votes = {
        kind: sum(name in message.DESCRIPTOR.fields_by_name for name in names)
        for kind, message in (("net", messages.NetParameter), ("solver", messages.SolverParameter))
    }
    if "layer" in names or "layers" in names or votes["net"] > votes["solver"]:
        return "net"
    return "solver" if votes["solver"] else "other"


def _top_level_names(text: str) -> set[str]:
    names, depth = set(), 0
    tokens = tokenize(text)
    for (kind, word, _), (_, following, _) in pairwise(tokens):
        if kind == "mark":
            depth = max(0, depth + (word in "{<[") - (word in "}>]"))
        elif kind == "word" and depth == 0 and following in (":", "{", "<"):
            names.add(word)
    return names


def _read_text(path: str | Path, wanted: str) -> str:
    return decode_text(read_bytes(path, wanted), str(path))


def _empty(text: str, path: str, expected: str) -> PrototxtError:
    where = SourceMap(path).where()
    what = "the file is empty" if not text.strip() else "the file holds nothing but comments"
    return PrototxtError(what, where=where, expected=expected)
