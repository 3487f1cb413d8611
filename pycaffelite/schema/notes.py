"""Notes: what a reader changed or passed over on the way to the current form, told once for each kind of change."""

from __future__ import annotations

from dataclasses import dataclass

from pycaffelite.errors import Location


@dataclass(frozen=True)
class Note:
    """One thing that the user may want to know about a file that reads.

    Attributes:
        what: The change in one clause, with the number of places when there are several.
        where: The first place.
    """

    what: str
    where: Location | None

    def __str__(self) -> str:
        return self.what if self.where is None else f"{self.where}: {self.what}"


class Notes:
    """Collects notes; the same words at many places become one note."""

    def __init__(self) -> None:
        self._places: dict[str, list[Location]] = {}

    def add(self, what: str, where: Location) -> None:
        """Note something at a place."""
        self._places.setdefault(what, []).append(where)

    def summary(self) -> tuple[Note, ...]:
        """Return one note for each kind, in the order in which they came up."""
        return tuple(
            Note(what if len(places) == 1 else f"{what} ({len(places)} places)", places[0])
            for what, places in self._places.items()
        )
