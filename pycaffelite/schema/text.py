"""protobuf text format to messages and back, with the line and column of every field.

The parser is our own because protobuf's tells neither where a field of a parsed message was written nor, on an error,
what the user most likely meant; and because protobuf refuses much that has one sensible reading. Such things are read
here, and reported as warnings.
"""

from __future__ import annotations

from typing import Any, NoReturn

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError
from pycaffelite.schema import explain, mending
from pycaffelite.schema.blocks import Block
from pycaffelite.schema.dialects import is_idle
from pycaffelite.schema.fields import FieldPlan, message_plan
from pycaffelite.schema.printer import format_text
from pycaffelite.schema.problems import Report, raise_problem, warning
from pycaffelite.schema.sourcemap import Mark, SourceMap
from pycaffelite.schema.tokens import OUT_OF_RANGE, Literal, MismatchError, Token, literal_value, tokenize

__all__ = ["format_text", "parse_text"]

MOST_NONSENSE = 50  # places where no field can begin, before the rest is given up
MOST_SLIPS = 200  # names that no field has, before the slow search for similar ones is given up
MAX_DEPTH = 100  # protobuf's own limit; no net comes near it
_CLOSER = {"{": "}", "<": ">"}
_LAYERS = ("layer", "layers")


def parse_text(
    text: str, message_class: Any, path: str = "<string>", report: Report = raise_problem
) -> tuple[Any, SourceMap]:
    """Parse protobuf text format.

    Args:
        text: The whole text; a byte order mark at its start is skipped.
        message_class: The class of the message to make, such as `messages.NetParameter`.
        path: The file as the user named it, for error messages.
        report: Takes each problem; raises it, or returns to go on: without the piece that is wrong after an error, with
            the piece as it was mended after a warning.

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


class _Parser:
    """Recursive descent over a list of tokens; `index` is the next token."""

    def __init__(self, text: str, path: str, report: Report) -> None:
        self.text = text
        self.report = report
        self.source = SourceMap(path, text, Mark())
        odd: list[Token] = []
        self.tokens: list[Token] = tokenize(text, odd)
        self.odd = odd
        self.index = 0
        self.nonsense = 0
        self.slips: set[str] = set()
        self.open: list[Block] = []
        self.last: tuple[Block | None, FieldPlan | None, int] = (None, None, -1)  # a repeated field, behind its value
        self.last_closed: tuple[str, int, int] | None = None  # name, offset of the block, offset of its closing brace

    def check_characters(self) -> None:
        """Look at what the tokens alone can tell."""
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            self.fail("the text holds half a character", error.start, got=ascii(self.text[error.start]))
        mending.refuse_templates(self.source, self.tokens)
        for token in self.odd:
            self.report(explain.odd_token(self.source, token))

    def fail(self, what: str, offset: int, **more: str | None) -> NoReturn:
        """Raise a problem after which nothing that follows can be trusted."""
        raise PrototxtError(what, where=self.source.at(offset), **more)

    def parse(self, message: Any) -> None:
        """Read the whole text into a message."""
        plan = message_plan(message.DESCRIPTOR)
        self.block(Block(plan.name, plan, message, self.source.root), closer="")

    def block(self, block: Block, closer: str) -> None:
        """Read fields up to the closing brace, which is taken too; at the top, up to the end of the text."""
        if len(self.open) >= MAX_DEPTH:
            self.fail(f"blocks are nested more than {MAX_DEPTH} deep", self.tokens[self.index][2])
        self.open.append(block)
        while True:
            kind, text, offset = self.tokens[self.index]
            if kind == "word":
                if self.is_unclosed_before(block, text):
                    problem = explain.unclosed(self.source, block.name, block.mark.offset or 0, closer, offset, text)
                    self.report(warning(problem, "closed there"))
                    break
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
            elif kind == "mark" and text in (",", ";"):
                token = self.tokens[self.index]
                problem = explain.not_a_field(self.source, token, block.name, block.mark.offset, closer)
                self.report(warning(problem, "passed over"))
                self.index += 1
            elif (kind in ("number", "string") or text == "-") and (plan := self.more_of(block)) is not None:
                problem = explain.no_name(self.source, plan, self.tokens[self.index])
                self.report(warning(problem, f"read as one more `{plan.name}`"))
                self.value(block, plan, offset)
                self.index += self.tokens[self.index][1] == ","
            else:
                token = self.tokens[self.index]
                self.lost(explain.not_a_field(self.source, token, block.name, block.mark.offset, closer))
                self.index += 1
        self.open.pop()
        self.check_required(block)

    def more_of(self, block: Block) -> FieldPlan | None:
        """Return the repeated field of which one value has just been read in this block, perhaps with a comma."""
        last, plan, end = self.last
        behind = self.index == end or (self.index == end + 1 and self.tokens[end][1] == ",")
        return plan if last is block and behind else None

    def lost(self, problem: PycaffeliteError) -> None:
        """Report something that makes no sense; a text that is full of it is no prototxt at all."""
        self.report(problem)
        self.nonsense += 1
        if self.nonsense >= MOST_NONSENSE:
            raise problem

    def is_unclosed_before(self, block: Block, name: str) -> bool:
        """Tell whether a layer begins here although a layer cannot stand in this block, but in one around it."""
        if name not in _LAYERS or name in block.plan.fields or "{" not in (self.peek(1), self.peek(2)):
            return False
        return any(name in outer.plan.fields for outer in self.open)

    def peek(self, ahead: int) -> str:
        """Return the text of a token further on."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)][1]

    def check_required(self, block: Block) -> None:
        """Report what a message must have and has not."""
        for name in block.plan.required:
            if not block.message.HasField(name):
                self.report(
                    FieldError(
                        f"`{block.name}` lacks `{name}`",
                        where=self.source.at(block.mark.offset),
                        expected=f"a value for each of {', '.join(f'`{field}`' for field in block.plan.required)}",
                    )
                )

    def field(self, block: Block, name: str, offset: int) -> None:
        """Read one field: its name is the next token."""
        self.index += 1
        plan = block.plan.fields.get(name)
        if plan is None and (plan := block.plan.fields.get(name.lower())) is not None:
            self.report(warning(self.unknown_field(name, offset), f"read as `{plan.name}`"))
            name = plan.name
        if plan is None:
            self.unknown(block, name, offset)
        else:
            if not plan.repeated and name in block.mark.fields:
                problem = explain.duplicate_field(self.source, name, offset, block.mark.fields[name][-1], block.name)
                self.report(warning(problem, "the last one counts"))
            if self.tokens[self.index][1] == ":":
                self.index += 1
            elif (plan.kind != "message" or plan.others) and not self.mended_colon(plan):
                return
            if self.tokens[self.index][1] == "[":
                self.list(block, plan)
            else:
                self.value(block, plan, offset)
        if self.tokens[self.index][1] in (",", ";"):
            self.index += 1

    def unknown(self, block: Block, name: str, offset: int) -> None:
        """Pass over a field that the schema does not have, and remember what was passed over."""
        problem = self.unknown_field(name, offset)
        cut_off = self.tokens[self.index][0] == "end"
        # A rule that loses a condition holds where it should not: that is another net.
        vital = block.plan.name == "NetStateRule"
        self.report(problem if cut_off or vital else warning(problem, "passed over"))
        self.skip_value()
        kind, text, end = self.tokens[self.index - 1]
        if kind != "end":
            self.source.skipped.append((offset, end + len(text)))

    def unknown_field(self, name: str, offset: int) -> FieldError:
        """Return the problem of a field that the schema does not have."""
        plans = [(open_block.name, open_block.plan, open_block.mark.offset) for open_block in self.open]
        if len(self.slips) < MOST_SLIPS:
            self.slips.add(name)
        return explain.unknown_field(self.source, name, offset, plans, similar=name in self.slips)

    def mended_colon(self, plan: FieldPlan) -> bool:
        """Deal with a value right after its field's name; tell whether there is something to read."""
        kind, text, _ = token = self.tokens[self.index]
        if text in _CLOSER and any(form.kind == "message" for form in (plan, *plan.others)):
            return True
        problem = explain.no_colon(self.source, plan.name, token)
        if text == "=":
            self.index += 1
        elif mending.is_missing(self.tokens, self.index):
            self.report(warning(problem, "passed over"))
            return False
        elif kind not in ("word", "number", "string") and text not in ("-", "["):
            self.report(problem)
            self.skip_value()
            return False
        self.report(warning(problem, "read all the same"))
        return True

    def list(self, block: Block, plan: FieldPlan) -> None:
        """Read `[a, b]`: several occurrences of a repeated field."""
        opening = self.tokens[self.index][2]
        plan = next((form for form in (plan, *plan.others) if form.repeated), plan)
        if not plan.repeated:
            self.report(warning(explain.list_for_single(self.source, plan, opening), "its last value counts"))
        self.index += 1
        if self.tokens[self.index][1] == "]":
            self.index += 1
            return
        while True:
            self.value(block, plan, self.tokens[self.index][2])
            kind, text, offset = self.tokens[self.index]
            if text not in (",", "]"):
                problem = PrototxtError(
                    "a list goes on without a comma",
                    where=self.source.at(offset),
                    expected="`,` or `]`",
                    got=self.got(self.index),
                )
                if kind not in ("number", "string", "word") or mending.is_missing(self.tokens, self.index):
                    self.lost(problem)
                    return
                self.report(warning(problem, "read all the same"))
                continue
            self.index += 1
            if text == "]":
                return

    def value(self, block: Block, plan: FieldPlan, offset: int) -> None:
        """Read one value of a field and store it."""
        if plan.kind == "message" and (self.tokens[self.index][1] in _CLOSER or not plan.others):
            self.message(block, plan, offset)
            return
        start = self.index
        if self.tokens[start][1] in ("{", "<", "["):
            form = next((form for form in plan.others if form.kind == "message"), None)
            if form is not None and self.tokens[start][1] != "[":
                self.message(block, form, offset)
                return
            mending.refuse_placeholder(self.source, self.tokens, start)
            self.report(explain.mismatch(self.source, plan, self.tokens[start][2], self.got(start), None))
            self.skip_value()
            return
        if mending.is_missing(self.tokens, start):
            self.report(warning(explain.no_value(self.source, self.tokens[start], plan), "passed over"))
            return
        literal = self.literal(plan)
        if literal is None:
            return
        try:
            if plan.kind == "message":
                raise MismatchError("a block")
            form, value = plan, literal_value(literal, plan.kind, plan.descriptor.enum_type)
        except MismatchError as error:
            problem = explain.mismatch(self.source, plan, self.tokens[start][2], literal, error, block.plan.name)
            mended = mending.mend(literal, plan, block.plan) if error.what != OUT_OF_RANGE else None
            if mended is None:
                mending.refuse_name_for_number(self.source, plan, literal, self.tokens[start][2])
                idle = plan.kind == "enum" and (plan.foreign or is_idle(plan.name))
                self.report(warning(problem, "passed over") if idle else problem)
                return
            form, value, how = mended
            if how:
                self.report(warning(problem, how))
        self.store(block, form, value, offset)

    def store(self, block: Block, form: FieldPlan, value: Any, offset: int) -> None:
        """Put a scalar into its field; report one that only forks know."""
        block.mark.add(form.name, offset)
        self.source.used.add((block.plan.name, form.stored))
        if form.repeated:
            getattr(block.message, form.stored).append(value)
            self.last = block, form, self.index
        else:
            setattr(block.message, form.stored, value)
        if form.kind == "string" and mending.holds_placeholder(value):
            self.report(explain.placeholder(self.source, form, value, offset))
        if (form.foreign or form.kind == "enum") and not block.foreign:
            problem = explain.foreign(self.source, block.plan.name, form, value, offset)
            if problem is not None:
                self.report(problem)

    def literal(self, plan: FieldPlan) -> Literal | None:
        """Take the tokens of one scalar value; None where there is nothing of the kind."""
        kind, text, offset = self.tokens[self.index]
        negative = text == "-" and kind == "mark"
        if negative:
            self.index += 1
            kind, text, _ = self.tokens[self.index]
        if kind == "bad" and plan.kind == "string" and text in "/.~":
            kind = "word"  # a path without its quotes
        if kind not in ("word", "number", "string"):
            self.lost(explain.no_value(self.source, self.tokens[self.index], plan))
            self.index += kind == "bad"
            return None
        self.index += 1
        if kind == "string":
            while self.tokens[self.index][0] == "string":
                text += self.tokens[self.index][1]
                self.index += 1
        elif plan.kind == "string" and (bare := mending.bare_text(self.text, offset)) != text:
            while self.tokens[self.index][2] < offset + len(bare):
                self.index += 1
            return Literal("word", bare)
        return Literal(kind, text, negative)

    def message(self, block: Block, plan: FieldPlan, offset: int) -> None:
        """Read `{ ... }` or `< ... >` into a field that holds a message."""
        opener = self.tokens[self.index][1]
        if opener not in _CLOSER or self.tokens[self.index][0] != "mark":
            problem = explain.block_expected(self.source, plan, self.tokens[self.index])
            if mending.is_missing(self.tokens, self.index):
                self.report(warning(problem, "passed over"))
            else:
                self.report(problem)
                self.skip_value()
            return
        self.index += 1
        mark = Mark(offset)
        strange = (
            None
            if block.foreign or not plan.foreign
            else explain.foreign(self.source, block.plan.name, plan, None, offset)
        )
        if strange is not None:
            self.report(strange)
        child = getattr(block.message, plan.stored)
        if plan.repeated:
            child = child.add()
        else:
            child.Clear()  # of two blocks the last one counts
            child.SetInParent()
        block.mark.add(plan.name, mark)
        self.source.used.add((block.plan.name, plan.stored))
        foreign = block.foreign or plan.foreign
        self.block(Block(plan.name, plan.message, child, mark, foreign), _CLOSER[opener])

    def skip_value(self) -> None:
        """Pass over the value of a field that cannot be stored, whatever it is."""
        if self.tokens[self.index][1] in (":", "="):
            self.index += 1
        depth = 0
        while True:
            kind, text, _ = self.tokens[self.index]
            if kind == "end" or (kind == "mark" and text in "}>]" and depth == 0):
                return
            if depth == 0 and mending.is_missing(self.tokens, self.index):
                return
            self.index += 1
            if kind == "mark":
                depth += (text in "{<[") - (text in "}>]")
            if depth == 0 and text != "-" and not (kind == "string" and self.tokens[self.index][0] == "string"):
                return

    def got(self, index: int) -> str:
        """Write a token as an error shows it."""
        return explain.token_text(self.tokens[index])
