"""protobuf text format to messages and back, with the line and column of every field.

The parser is our own because protobuf's tells neither where a field of a parsed message was written nor, on an error,
what the user most likely meant.
"""

from __future__ import annotations

from typing import Any, NoReturn

from pycaffelite.errors import FieldError, PrototxtError
from pycaffelite.schema import explain
from pycaffelite.schema.fields import FieldPlan, MessagePlan, message_plan
from pycaffelite.schema.printer import format_text
from pycaffelite.schema.problems import Report, raise_problem
from pycaffelite.schema.sourcemap import Mark, SourceMap
from pycaffelite.schema.tokens import Literal, MismatchError, Token, literal_value, tokenize

__all__ = ["format_text", "parse_text"]

MAX_DEPTH = 100  # protobuf's own limit; no net comes near it
_CLOSER = {"{": "}", "<": ">"}


def parse_text(
    text: str, message_class: Any, path: str = "<string>", report: Report = raise_problem
) -> tuple[Any, SourceMap]:
    """Parse protobuf text format.

    Args:
        text: The whole text; a byte order mark at its start is skipped.
        message_class: The class of the message to make, such as `messages.NetParameter`.
        path: The file as the user named it, for error messages.
        report: Takes each problem; raises it, or returns to go on without the piece that is wrong.

    Returns:
        The message, and the map from its fields to their places.

    Raises:
        PrototxtError: The text is not text format, or a value does not fit its field.
        FieldError: A field or enum value that the schema does not know.
    """
    text = text.removeprefix("\ufeff")
    message = message_class()
    parser = _Parser(text, path, report)
    parser.check_characters()
    parser.parse(message)
    return message, parser.source


class _Block:
    """A message that is being read: what is open, for the errors about what is not closed."""

    __slots__ = ("mark", "message", "name", "plan")

    def __init__(self, name: str, plan: MessagePlan, message: Any, mark: Mark) -> None:
        self.name = name
        self.plan = plan
        self.message = message
        self.mark = mark


class _Parser:
    """Recursive descent over a list of tokens; `index` is the next token."""

    def __init__(self, text: str, path: str, report: Report) -> None:
        self.text = text
        self.report = report
        self.tokens: list[Token] = tokenize(text)
        self.index = 0
        self.source = SourceMap(path, text, Mark())
        self.open: list[_Block] = []
        self.last_closed: tuple[str, int, int] | None = None  # name, offset of the block, offset of its closing brace

    def check_characters(self) -> None:
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            self.fail("the text holds half a character", error.start, got=ascii(self.text[error.start]))

    def fail(self, what: str, offset: int, **more: str | None) -> NoReturn:
        """Raise a problem after which nothing that follows can be trusted."""
        raise PrototxtError(what, where=self.source.at(offset), **more)

    def parse(self, message: Any) -> None:
        plan = message_plan(message.DESCRIPTOR)
        self.block(_Block(plan.name, plan, message, self.source.root), closer="")

    def block(self, block: _Block, closer: str) -> None:
        """Read fields up to the closing brace, which is taken too; at the top, up to the end of the text."""
        if len(self.open) >= MAX_DEPTH:
            self.fail(f"blocks are nested more than {MAX_DEPTH} deep", self.tokens[self.index][2])
        self.open.append(block)
        while True:
            kind, text, offset = self.tokens[self.index]
            if kind == "word":
                self.field(block, text, offset)
            elif kind == "mark" and text == closer:
                self.index += 1
                self.last_closed = (block.name, block.mark.offset or 0, offset)
                break
            elif kind == "end":
                if closer:
                    self.report(explain.unclosed(self.source, block.name, block.mark.offset or 0, closer, offset))
                break
            elif text in ("}", ">") and len(self.open) == 1:
                at_end = self.tokens[self.index + 1][0] == "end"
                self.report(explain.stray_closer(self.source, text, offset, self.last_closed, at_end))
                self.index += 1
            else:
                raise explain.not_a_field(self.source, self.tokens[self.index], block.name, block.mark.offset, closer)
        self.open.pop()
        self.check_required(block)

    def check_required(self, block: _Block) -> None:
        for name in block.plan.required:
            if not block.message.HasField(name):
                self.report(
                    FieldError(
                        f"`{block.name}` lacks `{name}`",
                        where=self.source.at(block.mark.offset),
                        expected=f"a value for each of {', '.join(f'`{field}`' for field in block.plan.required)}",
                    )
                )

    def field(self, block: _Block, name: str, offset: int) -> None:
        """Read one field: its name is the next token."""
        self.index += 1
        plan = block.plan.fields.get(name)
        if plan is None:
            plans = [(open_block.name, open_block.plan, open_block.mark.offset) for open_block in self.open]
            self.report(explain.unknown_field(self.source, name, offset, plans))
            self.skip_value()
        else:
            if not plan.repeated and name in block.mark.fields:
                self.report(explain.duplicate_field(self.source, name, offset, block.mark.fields[name][0], block.name))
            if self.tokens[self.index][1] == ":":
                self.index += 1
            elif plan.kind != "message":
                raise explain.no_colon(self.source, name, self.tokens[self.index])
            if self.tokens[self.index][1] == "[":
                self.list(block, plan)
            else:
                self.value(block, plan, offset)
        if self.tokens[self.index][1] in (",", ";"):
            self.index += 1

    def list(self, block: _Block, plan: FieldPlan) -> None:
        """Read `[a, b]`: several occurrences of a repeated field."""
        opening = self.tokens[self.index][2]
        if not plan.repeated:
            self.report(explain.list_for_single(self.source, plan, opening))
            self.skip_value()
            return
        self.index += 1
        if self.tokens[self.index][1] == "]":
            self.index += 1
            return
        while True:
            self.value(block, plan, self.tokens[self.index][2])
            _, text, offset = self.tokens[self.index]
            if text not in (",", "]"):
                self.fail("a list goes on without a comma", offset, expected="`,` or `]`", got=self.got(self.index))
            self.index += 1
            if text == "]":
                return

    def value(self, block: _Block, plan: FieldPlan, offset: int) -> None:
        """Read one value of a field and store it."""
        if plan.kind == "message":
            self.message(block, plan, offset)
            return
        start = self.index
        if self.tokens[start][1] in ("{", "<", "["):
            self.report(explain.mismatch(self.source, plan, self.tokens[start][2], self.got(start), None))
            self.skip_value()
            return
        literal = self.literal(plan)
        try:
            value = literal_value(literal, plan.kind, plan.descriptor.enum_type)
        except MismatchError as error:
            self.report(explain.mismatch(self.source, plan, self.tokens[start][2], literal, error, block.plan.name))
            return
        block.mark.add(plan.name, offset)
        if plan.repeated:
            getattr(block.message, plan.name).append(value)
        else:
            setattr(block.message, plan.name, value)

    def literal(self, plan: FieldPlan) -> Literal:
        """Take the tokens of one scalar value."""
        kind, text, _ = self.tokens[self.index]
        negative = text == "-" and kind == "mark"
        if negative:
            self.index += 1
            kind, text, _ = self.tokens[self.index]
        if kind not in ("word", "number", "string"):
            raise explain.no_value(self.source, self.tokens[self.index], plan)
        self.index += 1
        if kind == "string":
            while self.tokens[self.index][0] == "string":
                text += self.tokens[self.index][1]
                self.index += 1
        return Literal(kind, text, negative)

    def message(self, block: _Block, plan: FieldPlan, offset: int) -> None:
        """Read `{ ... }` or `< ... >` into a field that holds a message."""
        opener = self.tokens[self.index][1]
        if opener not in _CLOSER or self.tokens[self.index][0] != "mark":
            self.report(explain.block_expected(self.source, plan, self.tokens[self.index]))
            self.skip_value()
            return
        self.index += 1
        mark = Mark(offset)
        block.mark.add(plan.name, mark)
        child = getattr(block.message, plan.name)
        if plan.repeated:
            child = child.add()
        else:
            child.SetInParent()
        self.block(_Block(plan.name, plan.message, child, mark), _CLOSER[opener])

    def skip_value(self) -> None:
        """Pass over the value of a field that cannot be stored, whatever it is."""
        if self.tokens[self.index][1] == ":":
            self.index += 1
        depth = 0
        while True:
            kind, text, _ = self.tokens[self.index]
            if kind == "end" or (kind == "mark" and text in "}>]" and depth == 0):
                return
            self.index += 1
            if kind == "mark":
                depth += (text in "{<[") - (text in "}>]")
            if depth == 0 and text != "-" and not (kind == "string" and self.tokens[self.index][0] == "string"):
                return

    def got(self, index: int) -> str:
        return explain.token_text(self.tokens[index])
