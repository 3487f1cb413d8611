"""Notes: what a reader changed, mended or passed over, told once for each kind of thing."""

from __future__ import annotations

from dataclasses import dataclass

from pycaffelite.errors import Location, PycaffeliteError
from pycaffelite.schema.problems import ERROR, NOTE


@dataclass(frozen=True)
class Note:
    """One thing that the user may want to know about a file that reads.

    Attributes:
        what: The thing in one clause, with the number of places when there are several.
        where: The first place.
        severity: "note", or "warning" for what Caffe refuses or what may work otherwise than its author meant.
        hint: What the user can do about it.
    """

    what: str
    where: Location | None
    severity: str = NOTE
    hint: str | None = None

    def __str__(self) -> str:
        text = self.what if self.severity == NOTE else f"{self.severity}: {self.what}"
        if self.hint is not None:
            text += f" ({self.hint})"
        return text if self.where is None else f"{self.where}: {text}"


class Notes:
    """Collects notes; the same words at many places become one note."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str, str | None], list[Location | None]] = {}

    def add(self, what: str, where: Location | None, severity: str = NOTE, hint: str | None = None) -> None:
        """Note something at a place."""
        self._places.setdefault((what, severity, hint), []).append(where)

    def keep(self, problem: PycaffeliteError) -> None:
        """Note a problem that is no error."""
        if problem.severity != ERROR:
            what = problem.what if problem.subject is None else f"{problem.subject}: {problem.what}"
            if problem.mended:
                what = f"{what}; {problem.mended}"
            self.add(what, problem.where, problem.severity, problem.hint)

    def summary(self) -> tuple[Note, ...]:
        """Return one note for each kind, in the order in which they came up."""
        return tuple(
            Note(what if len(places) == 1 else f"{what} ({len(places)} places)", places[0], severity, hint)
            for (what, severity, hint), places in self._places.items()
        )
