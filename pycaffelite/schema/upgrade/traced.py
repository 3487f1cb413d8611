"""A message together with the marks of where it was written, changed in step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.errors import FieldError, Location
from pycaffelite.schema.fields import is_repeated, text_name
from pycaffelite.schema.notes import Notes
from pycaffelite.schema.problems import Report, warning
from pycaffelite.schema.sourcemap import Mark, SourceMap


class Traced:
    """A message and its mark.

    Args:
        message: The message; changed in place.
        mark: Its mark; changed in place.
    """

    __slots__ = ("mark", "message")

    def __init__(self, message: Any, mark: Mark) -> None:
        self.message = message
        self.mark = mark

    def has(self, name: str) -> bool:
        """Tell whether a field was given; for a repeated one, whether there is any."""
        if is_repeated(self.message.DESCRIPTOR.fields_by_name[name]):
            return len(getattr(self.message, name)) > 0
        return bool(self.message.HasField(name))

    def entry(self, name: str, index: int = 0) -> Mark | int | None:
        """Return the mark or offset of a field; this message's own offset where the field has none."""
        entries = self.mark.fields.get(text_name(name), ())
        return entries[index] if index < len(entries) else self.mark.offset

    def offset(self, name: str, index: int = 0) -> int | None:
        """Return the offset of a field; this message's own where the field has none."""
        entry = self.entry(name, index)
        return entry.offset if isinstance(entry, Mark) else entry

    def part(self, name: str) -> Traced:
        """Return the message in a singular field, which exists from now on."""
        message = getattr(self.message, name)
        message.SetInParent()
        entry = self.entry(name)
        if not isinstance(entry, Mark):
            entry = Mark(self.mark.offset)
            self.mark.fields[text_name(name)] = [entry]
        return Traced(message, entry)

    def parts(self, name: str) -> list[Traced]:
        """Return the messages in a repeated field."""
        return [Traced(message, self._mark(name, index)) for index, message in enumerate(getattr(self.message, name))]

    def _mark(self, name: str, index: int) -> Mark:
        entry = self.entry(name, index)
        return entry if isinstance(entry, Mark) else Mark(entry)

    def grow(self, name: str, offset: int | None) -> Traced:
        """Append an empty message to a repeated field."""
        mark = Mark(offset)
        self.mark.add(name, mark)
        return Traced(getattr(self.message, name).add(), mark)

    def put(self, name: str, value: Any, offset: int | None) -> None:
        """Set a singular scalar, or append to a repeated one."""
        if is_repeated(self.message.DESCRIPTOR.fields_by_name[name]):
            getattr(self.message, name).append(value)
            self.mark.add(text_name(name), offset)
        else:
            setattr(self.message, name, value)
            self.mark.fields[text_name(name)] = [offset]

    def take(self, source: Traced, source_name: str, name: str | None = None) -> None:
        """Copy a field of another message into this one, with its marks; absent fields stay absent."""
        name = name or source_name
        field = source.message.DESCRIPTOR.fields_by_name[source_name]
        value = getattr(source.message, source_name)
        if not is_repeated(field) and field.message_type is None:
            if source.message.HasField(source_name):
                self.put(name, value, source.offset(source_name))
            return
        if is_repeated(field):
            getattr(self.message, name).extend(value)
        elif source.message.HasField(source_name):
            getattr(self.message, name).CopyFrom(value)
        self.mark.fields[text_name(name)] = list(source.mark.fields.get(text_name(source_name), ()))

    def take_all(self, source: Traced, but: Sequence[str] = ()) -> None:
        """Copy every field that is set, except those named."""
        for field, _ in source.message.ListFields():
            if field.name not in but:
                self.take(source, field.name)

    def clear(self, *names: str) -> None:
        """Remove fields."""
        for name in names:
            self.message.ClearField(name)
            self.mark.fields.pop(text_name(name), None)


class Circumstances:
    """What every step of an upgrade needs beside the message: where things stand, and whom to tell.

    Args:
        source: Finds the line of an offset.
        report: Takes the problems.
        notes: Takes the changes.
    """

    def __init__(self, source: SourceMap, report: Report, notes: Notes | None = None) -> None:
        self.source = source
        self.report = report
        self.notes = notes if notes is not None else Notes()

    def at(self, offset: int | None) -> Location:
        """Return the place of an offset."""
        return self.source.at(offset)

    def note(self, what: str, offset: int | None) -> None:
        """Note a change."""
        self.notes.add(what, self.at(offset))

    def warn(self, what: str, offset: int | None, hint: str | None = None) -> None:
        """Report something that was read in the one sensible way, and needs the user's eye."""
        self.report(warning(FieldError(what, where=self.at(offset), hint=hint)))
