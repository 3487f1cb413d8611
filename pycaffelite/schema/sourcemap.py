"""Where each field of a message was written: line and column for every occurrence, cheap to build, asked for rarely."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from pycaffelite.errors import Location

Entry = "Mark | int"


class Mark:
    """The place of one message in the text, with the places of its fields.

    Args:
        offset: Characters from the start of the text; None where the text has nothing to show for it.

    Attributes:
        fields: For each field name, its occurrences in order: the offset of a scalar, the Mark of a message.
    """

    __slots__ = ("fields", "offset")

    def __init__(self, offset: int | None = None) -> None:
        self.offset = offset
        self.fields: dict[str, list[Mark | int | None]] = {}

    def add(self, name: str, entry: Mark | int | None) -> None:
        """Append one occurrence of a field."""
        entries = self.fields.get(name)
        if entries is None:
            self.fields[name] = [entry]
        else:
            entries.append(entry)


class SourceMap:
    """Answers where in a file a field of its message stands.

    Args:
        path: The file as the user named it.
        text: What the offsets of the marks count in.
        root: The mark of the whole message.

    Attributes:
        used: The fields that the text gives, each as its message and its stored name; values of enums of forks too.
        skipped: Where fields stand that the schema does not have: offsets of the name and of the end of the value.
    """

    def __init__(self, path: str, text: str = "", root: Mark | None = None) -> None:
        self.path = path
        self.text = text
        self.root = root if root is not None else Mark()
        self.used: set[tuple[str, str]] = set()
        self.skipped: list[tuple[int, int]] = []
        self._line_starts: Sequence[int] = ()
        self._elsewhere: dict[str, Location] = {}

    def override(self, name: str, place: str) -> None:
        """Note that a field of the whole message got its value at another place, such as on the command line."""
        self._elsewhere[name] = Location(place)

    def where(self, *path: str | int) -> Location:
        """Return the place of a field: `where("layer", 3, "convolution_param", "kernel_size", 0)`.

        An index may be left out (the first occurrence is meant). What the file does not say is looked for at its
        nearest ancestor that the file does say.
        """
        if path and path[0] in self._elsewhere:
            return self._elsewhere[str(path[0])]
        offset = self.root.offset
        entry: Mark | int | None = self.root
        steps = list(path)
        while steps and isinstance(entry, Mark):
            entries = entry.fields.get(str(steps.pop(0)), ())
            index = steps.pop(0) if steps and isinstance(steps[0], int) else 0
            if not isinstance(index, int) or not -len(entries) <= index < len(entries):
                break
            entry = entries[index]
            found = entry.offset if isinstance(entry, Mark) else entry
            offset = offset if found is None else found
        return self.at(offset)

    def at(self, offset: int | None) -> Location:
        """Return line and column of a character, or only the path where there is no character."""
        if offset is None:
            return Location(self.path)
        if not self._line_starts:
            self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        line = bisect_right(self._line_starts, offset)
        return Location(self.path, line, offset - self._line_starts[line - 1] + 1)

    def part(self, *path: str | int) -> SourceMap:
        """Return the map of a message inside this one, such as a solver's `net_param`; empty when it is not there."""
        entry: Mark | int | None = self.root
        steps = list(path)
        while steps and isinstance(entry, Mark):
            entries = entry.fields.get(str(steps.pop(0)), ())
            index = steps.pop(0) if steps and isinstance(steps[0], int) else 0
            entry = entries[index] if isinstance(index, int) and index < len(entries) else None
        return SourceMap(self.path, self.text, entry if isinstance(entry, Mark) else None)
