"""The errors of the text parser: what is wrong, where, and what the user most likely meant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pycaffelite.errors import FieldError, Location, PrototxtError, PycaffeliteError
from pycaffelite.names import close_matches, did_you_mean
from pycaffelite.schema import dialects, messages
from pycaffelite.schema.fields import FieldPlan, MessagePlan, enum_numbers, is_foreign, message_plan
from pycaffelite.schema.problems import UnknownValueError, note, warning
from pycaffelite.schema.sourcemap import Mark, SourceMap
from pycaffelite.schema.tokens import Literal, MismatchError, Token

_BLOB_LISTS = {"blobs_lr": "lr_mult", "weight_decay": "decay_mult", "blob_share_mode": "share_mode"}
_LAYER_MESSAGES = ("LayerParameter", "V1LayerParameter", "V0LayerParameter")
_LONGEST = 60  # characters of the user's text that an error repeats

OpenBlock = tuple[str, MessagePlan, int | None]  # field name, plan, offset


def token_text(token: Token) -> str:
    """Write a token as an error shows it."""
    kind, text, _ = token
    if kind == "end":
        return "the end of the file"
    if kind == "bad":
        return _character(text)
    return f"`{_shorten(text)}`"


def odd_token(source: SourceMap, token: Token) -> PycaffeliteError:
    """Something that text format does not know and that is clear all the same."""
    kind, text, offset = token
    what, hint, mended = {
        "comment": ("this comment is of another language", "comments begin with #", "passed over"),
        "curly": (
            "curly quotation marks stand around this text",
            "a word processor put them there; use the plain ones",
            "read as plain ones",
        ),
        "long": ("this text goes over several lines", "write each line in quotes of its own", "read whole"),
        "open": ("this text is not closed on its line", f"write the closing {text[0]}", "closed at the next blank"),
        "merge": ("a merge was left unfinished here", "delete one version and the marks", "the first version counts"),
        "wide": (f"this mark is {_character(text[0])}", "use the plain one", "read as the plain one"),
        "blank": (f"this blank is {_character(text[0])}", "use plain spaces", "read as a space"),
    }[kind]
    return warning(PrototxtError(what, where=source.at(offset), got=f"`{_shorten(text)}`", hint=hint), mended)


def unclosed(
    source: SourceMap, name: str, offset: int, closer: str, end: int, following: str | None = None
) -> PycaffeliteError:
    """A block that the end of the file cuts off, or that a layer follows which cannot stand in it."""
    if following is not None:
        return PrototxtError(
            f"the block `{name}` that opens here is not closed",
            where=source.at(offset),
            expected=f"a `{closer}` for it before line {source.at(end).line}",
            got=f"`{following}` on line {source.at(end).line}, which cannot stand inside it",
        )
    return PrototxtError(
        f"the block `{name}` that opens here is never closed",
        where=source.at(offset),
        expected=f"a `{closer}` for it",
        got=f"the end of the file (line {source.at(end).line})",
        hint="the file may be cut off, or a closing brace is missing in this block or in one before it",
    )


def stray_closer(
    source: SourceMap, closer: str, offset: int, last_closed: tuple[str, int, int] | None, at_end: bool
) -> PycaffeliteError:
    """A closing brace where no block is open."""
    where = source.at(offset)
    got = f"a `{closer}` although no block was opened before it"
    if last_closed is not None:
        name, opening, closing = last_closed
        got = (
            f"one more `{closer}` after the one on line {source.at(closing).line}, "
            f"which closed `{name}` (opened on line {source.at(opening).line})"
        )
    start, end = source.text.rfind("\n", 0, offset) + 1, source.text.find("\n", offset)
    line = source.text[start : end if end >= 0 else None].strip()
    piece = f"line {where.line}" if line == closer else f"this `{closer}`"
    hint = f"delete {piece}; then the file reads to its end"
    if not at_end:
        hint = f"delete {piece}, or look for a block before it that is closed too early"
    return PrototxtError(
        f"stray `{closer}`: every block is already closed",
        where=where,
        expected="the end of the file" if at_end else "a field, or the end of the file",
        got=got,
        hint=hint,
    )


def not_a_field(source: SourceMap, token: Token, block: str, block_offset: int | None, closer: str) -> PycaffeliteError:
    """Something stands where only a field name or the closing brace can stand."""
    kind, text, offset = token
    where = source.at(offset)
    expected = f"a field of `{block}`" + (f", or its closing `{closer}`" if closer else "")
    if kind == "bad":
        return _bad_character(text, where, expected)
    hint = None
    if text in ("}", ">"):
        hint = f"`{block}` was opened on line {source.at(block_offset).line} and closes with `{closer}`"
    elif text == "[":
        hint = "protobuf extensions are not part of Caffe's schema"
    elif text in (",", ";"):
        hint = "one separator after a value is enough"
    elif text in ("{", "<"):
        hint = "a block needs the name of its field before it"
    elif kind == "number":
        hint = "field names begin with a letter"
    return PrototxtError("no field can begin here", where=where, expected=expected, got=token_text(token), hint=hint)


def no_colon(source: SourceMap, name: str, token: Token) -> PycaffeliteError:
    """A value right after the name of its field."""
    where, expected = source.at(token[2]), f"`{name}: VALUE`"
    if token[0] == "bad":
        return _bad_character(token[1], where, expected)
    return PrototxtError(f"no colon after `{name}`", where=where, expected=expected, got=token_text(token))


def no_name(source: SourceMap, plan: FieldPlan, token: Token) -> PycaffeliteError:
    """A further value of a repeated field, without the name that each needs."""
    expected = f"`{plan.name}: VALUE` for each value, or `{plan.name}: [VALUE, VALUE]`"
    what = f"a value of `{plan.name}` stands without its name"
    return PrototxtError(what, where=source.at(token[2]), expected=expected, got=token_text(token))


def no_value(source: SourceMap, token: Token, plan: FieldPlan) -> PycaffeliteError:
    """A field name and a colon without a value."""
    kind, text, offset = token
    expected = _expected(plan)
    if kind == "bad":
        return _bad_character(text, source.at(offset), expected)
    return PrototxtError(
        f"`{plan.name}` has no value", where=source.at(offset), expected=expected, got=token_text(token)
    )


def block_expected(source: SourceMap, plan: FieldPlan, token: Token) -> PycaffeliteError:
    """A scalar where a block is needed."""
    if token[0] == "bad":
        return _bad_character(token[1], source.at(token[2]), f"`{plan.name} {{ ... }}`")
    return PrototxtError(
        f"`{plan.name}` is a block of fields",
        where=source.at(token[2]),
        expected=f"`{plan.name} {{ ... }}`",
        got=token_text(token),
    )


def list_for_single(source: SourceMap, plan: FieldPlan, offset: int) -> PycaffeliteError:
    """A list for a field that stands once."""
    return PrototxtError(
        f"`{plan.name}` takes one value, not a list",
        where=source.at(offset),
        expected=_expected(plan),
        got="`[`",
    )


def duplicate_field(
    source: SourceMap, name: str, offset: int, first: Mark | int | None, block: str
) -> PycaffeliteError:
    """A second value for a field that has room for one."""
    first_offset = first.offset if isinstance(first, Mark) else first
    return PrototxtError(
        f"`{name}` is given twice in one `{block}`",
        where=source.at(offset),
        expected=f"one `{name}`",
        got=f"another one on line {source.at(first_offset).line}",
        hint="keep the one you mean; a second block of the same kind may lack its own opening line",
    )


def mismatch(
    source: SourceMap,
    plan: FieldPlan,
    offset: int,
    got: Literal | str,
    error: MismatchError | None,
    message: str = "",
) -> PycaffeliteError:
    """A value of the wrong kind or out of range."""
    if isinstance(got, Literal):
        got = f"{'-' if got.negative else ''}{_shorten(got.text)}"
    if error is None:
        return PrototxtError(
            f"`{plan.name}` takes a value, not a block", where=source.at(offset), expected=_expected(plan), got=got
        )
    what = f"`{plan.name}` has a value of the wrong kind"
    if error.what:
        what = f"{error.what} for `{plan.name}`"
    hint = error.hint
    if message == "V1LayerParameter" and plan.name == "type":
        hint = _old_type_hint(got, plan) or hint
    kind: type[PycaffeliteError] = FieldError if plan.kind == "enum" else PrototxtError
    if error.what and plan.kind == "enum":
        kind = UnknownValueError
    return kind(what, where=source.at(offset), expected=error.expected, got=got, hint=hint)


def unknown_field(
    source: SourceMap, name: str, offset: int, blocks: Sequence[OpenBlock], *, similar: bool = True
) -> FieldError:
    """A field that the message does not have; `blocks` are the open ones, the outermost first.

    The search for `similar` names is slow.
    """
    block, plan, _ = blocks[-1]
    place = f"`{block}` ({plan.name})" if len(blocks) > 1 else plan.name
    hint = (_enclosing_hint(source, name, blocks) or _name_hint(name, plan)) if similar else None
    return FieldError(f"unknown field `{name}` in {place}", where=source.at(offset), hint=hint)


@lru_cache(maxsize=1024)  # the search for close matches is slow, and slips come in numbers
def _name_hint(name: str, plan: MessagePlan) -> str | None:
    return (
        _other_era_hint(name, plan)
        or _inner_hint(name, plan)
        or did_you_mean(name, plan.own_fields)
        or _near_inner_hint(name, plan)
    )


def foreign(source: SourceMap, message: str, plan: FieldPlan, value: Any, offset: int) -> PycaffeliteError | None:
    """A field, or a value of an enum, that forks have and no layer here looks at; None where there is none."""
    name, shown = plan.stored, f"`{plan.name}`"
    if not plan.foreign:
        known = plan.descriptor.enum_type.values_by_number.get(value) if plan.kind == "enum" else None
        if known is None or not is_foreign(known):
            return None
        message, name = plan.descriptor.enum_type.full_name.split(".", 1)[1], known.name
        shown = f"{known.name} of `{plan.name}`"
        source.used.add((message, name))
    forks = dialects.origin(message, name)
    if not forks or dialects.is_upgraded(message, name):
        return None
    of = f"{shown} of the {_forks(forks)}"
    where = source.at(offset)
    if dialects.is_idle(plan.name):
        return note(FieldError(f"{of} does not matter here", where=where))
    if plan.kind == "message" and message in _LAYER_MESSAGES:
        if plan.name in message_plan(messages.LayerParameter.DESCRIPTOR).own_fields:
            return None  # the upgrade takes it along
        return note(FieldError(f"{of} is kept; no layer type here reads it", where=where))
    return warning(FieldError(f"{of} is known but does nothing here: shapes or results may differ", where=where))


def placeholder(source: SourceMap, plan: FieldPlan, value: str, offset: int) -> PycaffeliteError:
    """A text with the marks of a template language; Caffe reads it as it is."""
    return warning(
        PrototxtError(
            f"`{plan.name}` holds the place holder of a template",
            where=source.at(offset),
            got=f'"{_shorten(value)}"',
            hint="fill it in before the net is run",
        )
    )


def _forks(names: Sequence[str]) -> str:
    """Write the names of forks: "fork a/b", "forks a/b, c/d and others"."""
    if len(names) == 1:
        return f"fork {names[0]}"
    return f"forks {', '.join(names[:2])}{' and others' if len(names) > 2 else ''}"


def _enclosing_hint(source: SourceMap, name: str, blocks: Sequence[OpenBlock]) -> str | None:
    for depth in range(len(blocks) - 2, -1, -1):
        block, plan, _ = blocks[depth]
        if name in plan.own_fields:
            inner, _, offset = blocks[depth + 1]
            owner = f"`{block}`" if depth else f"the file itself ({plan.name})"
            return (
                f"`{name}` is a field of {owner}; "
                f"is the closing brace of `{inner}`, opened on line {source.at(offset).line}, missing before it?"
            )
    return None


def _other_era_hint(name: str, plan: MessagePlan) -> str | None:
    """Tell a net from a solver, and old per-blob lists from `param`."""
    if plan.name == "LayerParameter" and name in _BLOB_LISTS:
        return f"`{name}` is of the old `layers` form; in `layer` write `param {{ {_BLOB_LISTS[name]}: ... }}` per blob"
    others: dict[str, tuple[Any, str]] = {
        "NetParameter": (messages.SolverParameter, "solver"),
        "SolverParameter": (messages.NetParameter, "net"),
    }
    if plan.name not in others:
        return None
    other, kind = others[plan.name]
    return (
        f"`{name}` is a field of a {kind}; is this file a {kind}?" if name in other.DESCRIPTOR.fields_by_name else None
    )


def _inner_hint(name: str, plan: MessagePlan) -> str | None:
    """Name the blocks inside this message that have the field."""
    homes = _inner_fields(plan).get(name, ())
    if not homes:
        return None
    return f"`{name}` belongs inside {' or '.join(homes) if len(homes) <= 3 else ', '.join([*homes[:3], '...'])}"


def _near_inner_hint(name: str, plan: MessagePlan) -> str | None:
    """Name a field of a similar name inside a block of this message."""
    inner = _inner_fields(plan)
    matches = close_matches(name, inner, 1)
    return f"did you mean `{matches[0]}` inside {inner[matches[0]][0]}?" if matches else None


def _inner_fields(plan: MessagePlan) -> dict[str, list[str]]:
    """Return, for each field of a message inside this one, the names of the blocks that have it."""
    homes: dict[str, list[str]] = {}
    for field in plan.fields.values():
        if field.kind == "message" and not field.foreign:
            for name in field.message.own_fields:
                homes.setdefault(name, []).append(f"`{field.name}`")
    return homes


def _old_type_hint(got: str, plan: FieldPlan) -> str | None:
    """Find the V1 name of a type that is written as in the current form."""
    if not got.startswith(('"', "'")):
        return None
    folded = got.strip("\"'").casefold()
    for name in enum_numbers(plan.descriptor.enum_type):
        if name.replace("_", "").casefold() == folded:
            return f"in `layers` the type is a bare word: `type: {name}`; or write `layer` instead of `layers`"
    return "in `layers` the type is a bare word, such as `type: CONVOLUTION`; in `layer` it is a text"


def _expected(plan: FieldPlan) -> str:
    kinds: dict[str, Any] = {
        "message": f"`{plan.name} {{ ... }}`",
        "string": "a text in quotes",
        "bytes": "a text in quotes",
        "bool": "true or false",
        "float": "a number",
        "enum": "a value by its name",
    }
    return str(kinds.get(plan.kind, "a whole number"))


def _bad_character(text: str, where: Location, expected: str) -> PycaffeliteError:
    if text in "\"'":
        return PrototxtError(
            "this text is not closed on its line", where=where, expected=f"a closing {text} on the same line"
        )
    hint = None
    if text == "\0":
        hint = "the file looks binary; a prototxt is plain UTF-8 text"
    elif text == "/":
        hint = "comments begin with #"
    elif text in "\u201c\u201d\u201e\u2018\u2019":
        hint = "a word processor put these quotation marks here; use the plain ones"
    return PrototxtError("unreadable character", where=where, expected=expected, got=_character(text), hint=hint)


def _character(text: str) -> str:
    return f"`{text}`" if text.isprintable() else f"the character U+{ord(text):04X}"


def _shorten(text: str) -> str:
    printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return printable if len(printable) <= _LONGEST else printable[:_LONGEST] + "..."
