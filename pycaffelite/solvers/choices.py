"""Fields that hold one of a few names."""

from __future__ import annotations

from collections.abc import Collection

from pycaffelite.errors import FieldError, Location
from pycaffelite.names import did_you_mean


def unknown_choice(
    what: str, field: str, given: str, known: Collection[str], where: Location | None, hint: str | None = None
) -> FieldError:
    """Make the error for a field of the solver that holds none of its names.

    Args:
        what: The thing that has the names, "solver type".
        field: The field.
        given: Its value; "" where there is none.
        known: The names.
        where: The place of the field.
        hint: Where no name is like the given one.
    """
    return FieldError(
        f"unknown {what}" if given else f"no {what}",
        where=where,
        expected=f"{field}: one of " + ", ".join(f'"{name}"' for name in known),
        got=f'{field}: "{given}"' if given else f"no {field}",
        hint=did_you_mean(given, known) or hint,
    )
