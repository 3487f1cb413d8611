"""The one error for a database whose bytes are not what its format says."""

from __future__ import annotations

from pathlib import Path

from pycaffelite.errors import DataError

COPY_AGAIN = "copy the database again from where it came from, or make it again (`pycaffelite data info` checks one)"


def damaged(path: Path, what: str, *, hint: str = COPY_AGAIN) -> DataError:
    """Return the error that says what is wrong in which file."""
    return DataError("the database is damaged", got=f"`{path}`: {what}", hint=hint)


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error for a file that the system does not let us read."""
    return DataError("a data file cannot be read", got=f"`{path}`: {error.strerror or error}", hint=COPY_AGAIN)
