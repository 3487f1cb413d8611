"""Solvers whose type is a number of an enum: to the current form, where it is a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pycaffelite.errors import FieldError
from pycaffelite.schema.fields import text_name
from pycaffelite.schema.notes import Note, Notes
from pycaffelite.schema.problems import Report, raise_problem, warning
from pycaffelite.schema.sourcemap import SourceMap
from pycaffelite.schema.upgrade.traced import Circumstances, Traced

_TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


@dataclass(frozen=True)
class UpgradedSolver:
    """A solver in the current form: the SolverParameter, where its fields were written, and what changed."""

    solver: Any
    source: SourceMap
    notes: tuple[Note, ...]


def upgrade_solver(
    solver: Any, source: SourceMap, report: Report = raise_problem, notes: Notes | None = None
) -> UpgradedSolver:
    """Bring a SolverParameter to the current form; the message and the map are changed in place.

    Nets inside it stay as they are written: whoever takes one out upgrades it as a net.
    """
    about = Circumstances(source, report, notes)
    traced = Traced(solver, source.root)
    _spell_type(traced, about)
    if traced.has("solver_type"):
        value = _type_value(solver)
        name, offset = _TYPES.get(value, value), traced.offset("solver_type")
        if traced.has("type"):
            problem = FieldError(
                "both `type` and the old `solver_type` are given",
                where=max(about.at(traced.offset("type")), about.at(offset), key=_line),
                expected=f'one of them, best `type: "{solver.type}"`',
                got=f'`type: "{solver.type}"` (line {_line(about.at(traced.offset("type")))}) and '
                f"`solver_type: {value}` (line {_line(about.at(offset))})",
            )
            about.report(warning(problem, f'`type: "{solver.type}"` counts'))
        else:
            traced.put("type", name, offset)
            about.note('`solver_type` became `type: "' + name + '"`', offset)
        traced.clear("solver_type")
    return UpgradedSolver(solver, source, about.notes.summary())


def _spell_type(solver: Traced, about: Circumstances) -> None:
    """Read a type that is another one but for its capitals."""
    if not solver.has("type") or solver.message.type in _TYPES.values():
        return
    given = solver.message.type
    name = next((name for name in (*_TYPES.values(), "AdamW") if name.casefold() == given.casefold()), given)
    if name != given:
        offset = solver.offset("type")
        about.warn(f'`type: "{given}"` is read as "{name}"', offset)
        solver.put("type", name, offset)


def _type_value(solver: Any) -> str:
    """Return the name of `solver_type` in its enum."""
    values = solver.DESCRIPTOR.fields_by_name["solver_type"].enum_type.values_by_number
    return text_name(values[solver.solver_type].name)


def _line(place: Any) -> int:
    return place.line or 0
