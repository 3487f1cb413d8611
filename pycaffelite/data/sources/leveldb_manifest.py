"""LevelDB's manifest: a log of version edits whose sum says which tables and logs are live."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.data.sources.leveldb_log import prefixed, read_log, varint

COMPARATOR = b"leveldb.BytewiseComparator"
# Tags of the fields of an edit.
COMPARATOR_TAG, LOG_TAG, NEXT_FILE_TAG, SEQUENCE_TAG = 1, 2, 3, 4
POINTER_TAG, DELETED_TAG, NEW_TAG, PREVIOUS_LOG_TAG = 5, 6, 7, 9


@dataclass(frozen=True)
class TableFile:
    """A live table: its number, its size in bytes, and its least and greatest keys (without sequence numbers)."""

    number: int
    size: int
    smallest: bytes
    largest: bytes


@dataclass
class Version:
    """The sum of all edits.

    Attributes:
        tables: Live tables by (level, number).
        log_number: Logs from this number on hold writes that no table has; -1 before an edit has told.
        previous_log_number: One more live log, from old versions of LevelDB; 0 for none.
        torn: Whether the manifest ends in an unfinished edit.
    """

    tables: dict[tuple[int, int], TableFile] = field(default_factory=dict)
    log_number: int = -1
    previous_log_number: int = 0
    torn: bool = False


def read_version(folder: Path) -> Version:
    """Read the manifest that `CURRENT` names."""
    current = folder / "CURRENT"
    try:
        name = current.read_bytes()
    except FileNotFoundError:
        raise damaged(current, "the file that names the manifest is missing") from None
    except OSError as error:
        raise unreadable(current, error) from error
    if not (name.startswith(b"MANIFEST-") and name.endswith(b"\n") and name[9:-1].isdigit()):
        raise damaged(current, f"expected the name of a manifest, got {name[:40]!r}")
    manifest = folder / name[:-1].decode("ascii")
    edits, torn = read_log(manifest)
    version = Version(torn=torn)
    for number, edit in enumerate(edits):
        try:
            _apply(version, edit, manifest)
        except IndexError as error:
            raise damaged(manifest, f"edit {number} cannot be read ({error})") from None
    if version.log_number < 0:
        raise damaged(manifest, "the manifest names no write-ahead log; it was cut short")
    return version


def _apply(version: Version, edit: bytes, manifest: Path) -> None:
    """Apply one edit to the version."""
    position = 0
    while position < len(edit):
        tag, position = varint(edit, position)
        if tag == COMPARATOR_TAG:
            name, position = prefixed(edit, position)
            if name != COMPARATOR:
                raise damaged(manifest, f"keys are ordered by {name!r}, which is not known here")
        elif tag == LOG_TAG:
            version.log_number, position = varint(edit, position)
        elif tag == PREVIOUS_LOG_TAG:
            version.previous_log_number, position = varint(edit, position)
        elif tag in (NEXT_FILE_TAG, SEQUENCE_TAG):
            _, position = varint(edit, position)
        elif tag == POINTER_TAG:
            _, position = varint(edit, position)
            _, position = prefixed(edit, position)
        elif tag == DELETED_TAG:
            level, position = varint(edit, position)
            number, position = varint(edit, position)
            version.tables.pop((level, number), None)
        elif tag == NEW_TAG:
            level, position = varint(edit, position)
            number, position = varint(edit, position)
            size, position = varint(edit, position)
            smallest, position = prefixed(edit, position)
            largest, position = prefixed(edit, position)
            version.tables[level, number] = TableFile(number, size, smallest[:-8], largest[:-8])
        else:
            raise IndexError(f"unknown tag {tag}")
