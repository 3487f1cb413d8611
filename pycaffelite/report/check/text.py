"""A check as people read it, and as programs do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pycaffelite.report import tables
from pycaffelite.report.check.files import FileReport
from pycaffelite.report.check.findings import Problem
from pycaffelite.report.check.nets import LayerReport, PhaseReport, differences
from pycaffelite.report.check.weights import Fit

_COLOURS = {"error": "red", "unsupported": "magenta", "warning": "yellow", "note": "cyan"}
_MOST = 8  # names in a list
_MOST_PROBLEMS = 1000  # of a file, the worst first
_MOST_ROWS = 5000  # of a table; more take long to lay out, and nobody reads them


def to_record(report: FileReport) -> dict[str, Any]:
    """Return the JSON object of a file: the documented keys, and those that only its kind has."""
    record: dict[str, Any] = {
        "file": report.file,
        "kind": report.kind,
        "dialect": report.dialect,
        "forks": report.forks,
        "status": report.status,
        "problems": list(report.problems),
    }
    if report.kind == "net":
        record |= {"phases": report.phases, "stages": report.stages}
        record["sources"] = [
            {"layer": layer, "source": source, "found": here} for layer, source, here in report.sources
        ]
    if report.fit is not None:
        record["fit"] = report.fit
    return record


def render(report: FileReport, *, with_table: bool, with_splits: bool = False) -> RenderableType:
    """Lay out a file: what it is, its problems with their lines, and with `with_table` what a net makes."""
    parts: list[RenderableType] = [_head(report)]
    parts += [_problem(report.file, problem) for problem in report.problems[:_MOST_PROBLEMS]]
    if (more := len(report.problems) - _MOST_PROBLEMS) > 0:
        parts.append(f"  and {more} more, which --json lists")
    if report.fit is not None:
        parts += ["", *_fit(report.fit)]
    if with_table and report.phases:
        parts += ["", *_phases(report, with_splits=with_splits)]
    return Group(*parts)


def _head(report: FileReport) -> Text:
    words = [report.kind, report.dialect]
    if report.forks:
        words.append(f"with additions of {' and '.join(report.forks)}")
    return tables.line(f"{report.file}: {', '.join(filter(None, words))}: {report.status}")


def _problem(file: str, problem: Problem) -> Text:
    place = file if problem.line is None else f"{file}:{problem.line}"
    text = Text(f"  {place}: ")
    text.append(f"{problem.severity}: ", style=_COLOURS[problem.severity])
    text.append(problem.message)
    if problem.hint:
        text.append(f"\n      hint: {problem.hint}")
    return text


def _fit(fit: Fit) -> list[RenderableType]:
    lists = {
        "copied": fit.copied,
        "ignored, not in the net": fit.ignored,
        "left as filled, not in the file": fit.left,
        "of another shape": fit.mismatched,
        "of layers whose shapes are not known": fit.untold,
    }
    return [
        f"loaded into {fit.net}:",
        *(tables.labelled(f"  {what}  ", f"{len(names)}: {_names(names)}") for what, names in lists.items() if names),
    ]


def _phases(report: FileReport, *, with_splits: bool) -> list[RenderableType]:
    """Lay out the first phase as a table, and say how the others differ."""
    only = differences(report.phases)
    (first, table), *others = report.phases.items()
    same = {phase: other for phase, other in others if _shapes(other) == _shapes(table)}
    rows = [layer for layer in table.layers if with_splits or layer.type != "Split"]
    parts: list[RenderableType] = [f"phase {' and '.join([first, *same])}", "", _table(rows[:_MOST_ROWS], table)]
    if len(rows) > _MOST_ROWS:
        parts.append(f"and {len(rows) - _MOST_ROWS} more layers, which --json lists")
    parts += ["", *_totals(table, same)]
    for phase, other in others:
        if phase not in same:
            parts += ["", f"phase {phase}, where it differs"]
            parts.append(tables.labelled("only here   ", _names(only[phase])))
            parts.append(tables.labelled("missing     ", _names(only[first])))
            parts += _totals(other)
    for stage, layers in report.stages.items():
        parts.append(tables.labelled("stages      ", f"{stage}: {_names(layers)}"))
    for layer, source, here in report.sources:
        parts.append(tables.labelled("data        ", f"{layer}: {source}" + ("" if here else " (not here)")))
    return parts


def _shapes(phase: PhaseReport) -> list[tuple[Any, ...]]:
    return [(layer.name, layer.type, layer.tops, layer.params) for layer in phase.layers]


def _names(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "") or "-"


def _table(layers: list[LayerReport], phase: PhaseReport) -> RenderableType:
    rows = [
        (
            layer.name or "(no name)",
            layer.type,
            ", ".join(_top(name, shape, phase.assumed) for name, shape in layer.tops.items()) or "-",
            tables.count(layer.parameters) if layer.parameters else ("shared" if layer.params else "-"),
            tables.amount(layer.macs) if layer.macs else "-",
            tables.memory(layer.bytes),
        )
        for layer in layers
    ]
    return tables.table(("layer", "type", "tops", "parameters", "MACs", "memory"), rows, left=3)


def _top(name: str, shape: tuple[int, ...] | None, assumed: Mapping[str, str]) -> str:
    if shape is None:
        return "?"
    return tables.shape(shape) + (" (assumed)" if name in assumed else "")


def _totals(phase: PhaseReport, same: Mapping[str, PhaseReport] | None = None) -> list[RenderableType]:
    """Sum a phase up; `same` are those with the same layers, which need another amount of memory all the same."""
    lines = [
        f"parameters  {tables.count(phase.parameters)} ({tables.memory(4 * phase.parameters)} as float32)",
        f"MACs        {tables.count(phase.macs)} for a forward pass over the batch",
        f"memory      {tables.memory(phase.bytes)}"
        + "".join(f", {tables.memory(other.bytes)} in phase {name}" for name, other in (same or {}).items()),
    ]
    if any(shape is None for layer in phase.layers for shape in layer.tops.values()):
        lines.append("            without the layers whose shapes are not known (?)")
    return [*lines, *(f"assumed     {name}: {why}" for name, why in phase.assumed.items())]
