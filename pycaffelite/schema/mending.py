"""Read what text format does not allow and yet has one sensible meaning; recognise what is no prototxt at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pycaffelite.names import close_matches
from pycaffelite.schema.fields import FieldPlan, MessagePlan, enum_numbers
from pycaffelite.schema.problems import TemplateError
from pycaffelite.schema.sourcemap import SourceMap
from pycaffelite.schema.tokens import STRINGS, Literal, MismatchError, Token, literal_value

_BARE = re.compile(r"[^\s{}<>\[\]\"';,#]*")
_TRUTHS = {
    "1": True,
    "0": False,
    "true": True,
    "yes": True,
    "on": True,
    "t": True,
    "false": False,
    "no": False,
    "off": False,
    "f": False,
}
_WHOLE = ("int32", "uint32", "int64", "uint64")
_PLACEHOLDERS = "$%@"
_BOTH_PHASES = ("ALL", "ANY", "BOTH")


def refuse_templates(source: SourceMap, tokens: Sequence[Token]) -> None:
    """Raise for a text with the marks of a template language outside its quoted texts."""
    previous: Token = ("", "", -2)
    for token in tokens:
        kind, text, offset = token
        doubled = text == "{" and previous[1] == "{" and offset == previous[2] + 1
        if (kind == "bad" and text in _PLACEHOLDERS) or doubled:
            end = source.text.find("\n", offset)
            start = offset - 1 if doubled or previous[1:] == ("{", offset - 1) else offset
            raise _template(source, start, source.text[start : end if end >= 0 else None])
        previous = token


def holds_placeholder(text: str) -> bool:
    """Tell whether a text in quotes has the marks of a template language in it."""
    return "{{" in text or "{%" in text or "${" in text


def refuse_placeholder(source: SourceMap, tokens: Sequence[Token], index: int) -> None:
    """Raise for `<NAME>`, `{name}` or `{3x3name}` where a value belongs."""
    opener, name, closer = (token[1] for token in (*tokens[index : index + 3], ("", "", 0), ("", "", 0))[:3])
    if opener + closer in ("<>", "{}") and f"_{name}".isidentifier() and not name.isdecimal():
        raise _template(source, tokens[index][2], f"{opener}{name}{closer}")


def refuse_name_for_number(source: SourceMap, plan: FieldPlan, literal: Literal, offset: int) -> None:
    """Raise for a NAME in capitals where a number belongs."""
    if plan.kind in (*_WHOLE, "float") and literal.kind == "word" and len(literal.text) > 1 and literal.text.isupper():
        raise _template(source, offset, literal.text)


def _template(source: SourceMap, offset: int, shown: str) -> TemplateError:
    return TemplateError(
        "this is a template, not a prototxt",
        where=source.at(offset),
        expected="a file in which every value is filled in",
        got=f"`{shown.strip()[:40]}`",
        hint="run the script that fills it in, and read what that writes",
    )


def is_missing(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a value is missing: where it belongs a block ends, the next field begins, or the text ends."""
    kind, text, _ = tokens[index]
    if kind == "end" or (kind == "mark" and text in ("}", ">", "]", ",", ";")):
        return True
    return kind == "word" and tokens[index + 1][1] in (":", "{", "=")


def bare_text(text: str, offset: int) -> str:
    """Return a text that stands without its quotes, such as a path: up to the next blank, brace or separator."""
    match = _BARE.match(text, offset)
    return match.group() if match else ""


def mend(literal: Literal, plan: FieldPlan, owner: MessagePlan) -> tuple[FieldPlan, Any, str] | None:
    """Find a reading of a literal that its field refuses.

    Returns:
        The form of the field that takes it, or another field of the same message, its owner; the value; and what was
        done: "" when another form takes it as it is. None when there is no sensible reading.
    """
    for form in plan.others:
        if form.kind != "message":
            try:
                return form, literal_value(literal, form.kind, form.descriptor.enum_type), ""
            except MismatchError:
                continue
    for form in (plan, *plan.others):
        value = None if form.kind == "message" else _lenient(literal, form)
        if value is not None:
            tells = plan.kind == "enum" and form.kind == "string"  # the upgrade knows more of a layer's type
            return form, value, "" if tells else f"read as {_shown(value, form)}"
    if (owner.name, plan.name) == ("NetStateRule", "phase"):
        return _phase_of_a_fork(literal, plan, owner)
    return None


def _phase_of_a_fork(literal: Literal, plan: FieldPlan, rule: MessagePlan) -> tuple[FieldPlan, Any, str] | None:
    """Read a further phase in a rule as a stage: in training and in a test such a rule does not hold.

    None for what may be a slip of a phase that there is, or mean both.
    """
    name, ours = literal.text, enum_numbers(plan.descriptor.enum_type)
    if literal.kind != "word" or literal.negative or close_matches(name, ours) or name.upper() in _BOTH_PHASES:
        return None
    how = f'read as `stage: "{name}"`, so this rule holds neither in TRAIN nor in TEST'
    return rule.fields["stage"], name, how


def _lenient(literal: Literal, plan: FieldPlan) -> Any:
    sign = "-" if literal.negative else ""
    text = sign + literal.text.strip("\"'").strip()
    if plan.kind == "string":  # in quotes it has an escape that nobody knows, such as in C:\data
        if literal.kind == "string":
            return "".join(part[1:-1] for part in STRINGS.findall(literal.text))
        return text
    if plan.kind == "bool":
        return _TRUTHS.get(text.casefold())
    if plan.kind == "enum":
        numbers = enum_numbers(plan.descriptor.enum_type)
        named = {name.casefold(): number for name, number in numbers.items()}.get(text.casefold())
        return next((number for number in numbers.values() if str(number) == text), named)
    if plan.kind == "float" or plan.kind in _WHOLE:
        return _number(text, plan)
    return None


def _number(text: str, plan: FieldPlan) -> float | int | None:
    """Read a number in quotes, a whole number with a fraction of zero or an exponent, and one with leading zeros."""
    if plan.kind == "float" and text.lstrip("-").casefold() in ("inf", "infinity", "nan"):
        return float(text)
    if len(text) > 40 or not re.fullmatch(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?[fF]?", text):
        return None
    try:
        value = float(text.rstrip("fF"))
        if plan.kind == "float":
            return value
        if value != int(value):
            return None
        digits = str(int(value))
        literal = Literal("number", digits.lstrip("-"), digits.startswith("-"))
        return int(literal_value(literal, plan.kind))
    except (ValueError, OverflowError, MismatchError):
        return None


def _shown(value: Any, plan: FieldPlan) -> str:
    if plan.kind == "enum":
        return next(name for name, number in enum_numbers(plan.descriptor.enum_type).items() if number == value)
    if plan.kind == "bool":
        return "true" if value else "false"
    return f'"{value}"' if plan.kind == "string" else f"{value:g}" if plan.kind == "float" else str(value)
