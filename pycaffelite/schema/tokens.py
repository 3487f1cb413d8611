"""Cut protobuf text format into tokens, and turn the tokens of literals into values."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from pycaffelite.names import did_you_mean
from pycaffelite.schema.fields import enum_numbers, is_foreign

Token = tuple[str, str, int]  # kind, text, offset

# Possessive quantifiers: a long run of blanks or a hostile text costs linear time. What they repeat must not fail after
# it has begun to match: Python before 3.11.5 then goes on from there.
_TOKEN = re.compile(
    r"""(?:[ \t\n\r\f\v]++|\#[^\n]*+)*+
    (?: (?P<word>[A-Za-z_][A-Za-z0-9_]*+)
      | (?P<mark>[{}<>\[\]:,;\-=])
      | (?P<number>\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*+)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*+"|'(?:[^'\\\n]|\\[^\n])*+')
      | (?P<comment>//[^\n]*+|/\*.*?(?:\*/|\Z))
      | (?P<curly>[\u201c-\u201e][^\u201c-\u201e\n"]*+[\u201c\u201d]|[\u2018\u2019][^\u2018\u2019\n']*+[\u2018\u2019])
      | (?P<long>"[^"]{0,2000}+(?<!:)(?<!:[ ])(?<!:[ ][ ])"|'[^']{0,2000}+(?<!:)(?<!:[ ])(?<!:[ ][ ])')
      | (?P<open>"[^"\s{}]*+|'[^'\s{}]*+)
      | (?P<blank>[\xa0\u2000-\u200b\u202f\u3000\ufeff]++)
      | (?P<wide>[\uff0c\uff1a\uff1b\uff5b\uff5d])
      | (?P<end>\Z)
      | (?P<bad>.) )""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER = re.compile(r"(?P<hex>0[xX][0-9a-fA-F]+)|(?P<octal>0[0-7]+)|(?P<decimal>0|[1-9][0-9]*)")
# An integer with a leading zero is octal for protobuf; for a fraction it is refused rather than guessed.
_DECIMAL = re.compile(r"(?!0[0-9]+[fF]?$)((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fF]?")
STRINGS = re.compile(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|[xX](?P<hex>[0-9a-fA-F]{1,2})"
    r"|u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<plain>.))",
    re.DOTALL,
)
_PLAIN_ESCAPES = {
    **{"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v"},
    **{"\\": b"\\", "?": b"?", "'": b"'", '"': b'"'},
}
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
OUT_OF_RANGE = "number out of range"
_SPECIAL = {"inf": math.inf, "infinity": math.inf, "nan": math.nan}
_BOOLS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}


def tokenize(text: str, odd: list[Token] | None = None) -> list[Token]:
    """Return the tokens of a text, a token of kind "end" last; what is no token has the kind "bad".

    Args:
        text: The text.
        odd: Takes what text format does not know and yet is clear: comments and blanks of other kinds, which are passed
            over, texts in curly quotes or without their closing one, which become strings, and full-width marks.
    """
    if "<<<<<<<" in text:
        text = _first_version(text, odd)
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        token = (kind, match.group(kind), match.start(kind))
        if kind in _ODD:
            if odd is not None:
                odd.append(token)
            if kind in ("comment", "blank"):
                continue
            if kind == "wide":
                token = ("mark", chr(ord(token[1]) - _WIDER_BY), token[2])
            else:
                token = ("string", _quoted(token[1].strip(_QUOTES)), token[2])
        tokens.append(token)
        if kind == "end":
            break
    return tokens


def _first_version(text: str, odd: list[Token] | None) -> str:
    """Blank out the marks of unfinished merges, and all but the first version of what they stand around."""
    lines, found, offset, state = [], [], 0, ""
    for line in text.splitlines(keepends=True):
        mark = line[:7]
        if mark == "<<<<<<<" and not state:
            found.append(("merge", line.rstrip(), offset))
            state = mark
        elif mark in ("=======", "|||||||", ">>>>>>>") and state:
            state = mark
        lines.append(line if state in ("", "<<<<<<<") and mark != "<<<<<<<" else _BLANKED.sub(" ", line))
        state = "" if state == ">>>>>>>" else state
        offset += len(line)
    if state:  # it never ends: something else
        return text
    if odd is not None:
        odd += found
    return "".join(lines)


_BLANKED = re.compile(r"[^\n]")
_ODD = ("comment", "curly", "long", "open", "blank", "wide")
_WIDER_BY = 0xFEE0  # the full-width form of a character stands so far behind it
_QUOTES = "\"'\u201c\u201d\u201e\u2018\u2019"


def _quoted(text: str) -> str:
    """Write a text as a literal of text format."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class MismatchError(Exception):
    """A literal is not what its field takes; the parser knows the field and the place, and says so."""

    def __init__(self, expected: str, hint: str | None = None, what: str | None = None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint
        self.what = what


class Literal(NamedTuple):
    """The tokens of one scalar value: a number or word with its sign, or adjacent strings."""

    kind: str
    text: str
    negative: bool = False


def literal_value(literal: Literal, kind: str, enum: Any = None) -> Any:
    """Turn a literal into the value of a field of this kind; raise MismatchError when it is not one."""
    match kind:
        case "float":
            return _float(literal)
        case "enum":
            return _enum(literal, enum)
        case "bool":
            return _bool(literal)
        case "string" | "bytes":
            return _string(literal, kind)
        case _:
            return _integer(literal, kind)


def _integer(literal: Literal, kind: str) -> int:
    low, high = _RANGES[kind]
    expected = f"a whole number from {low} to {high}"
    value = _parse_integer(literal)
    if value is None:
        hint = "write it without a decimal point or exponent" if _parse_decimal(literal) is not None else None
        raise MismatchError(expected, hint or _unquote_hint(literal))
    if not low <= value <= high:
        raise MismatchError(expected, what=OUT_OF_RANGE)
    return value


def _float(literal: Literal) -> float:
    value = _parse_decimal(literal)
    if value is None:
        raise MismatchError("a number", _unquote_hint(literal))
    return value


def _bool(literal: Literal) -> bool:
    if literal.kind == "word" and not literal.negative and literal.text in _BOOLS:
        return _BOOLS[literal.text]
    value = _parse_integer(literal)
    if value not in (0, 1) or literal.negative:
        folded = literal.text.strip("\"'").lower()
        raise MismatchError("true or false", f"write {folded}" if folded in ("true", "false") else None)
    return bool(value)


def _enum(literal: Literal, enum: Any) -> int:
    names = enum_numbers(enum)
    if literal.kind == "word" and not literal.negative:
        if literal.text in names:
            return names[literal.text]
    else:
        value = _parse_integer(literal)
        if value is not None and value in enum.values_by_number:
            return value
    word = literal.text.strip("\"'")
    own = [name for name, value in enum.values_by_name.items() if not is_foreign(value)]
    hint = did_you_mean(word, own)
    if literal.kind == "string" and word in names:
        hint = f"write {word} without the quotes"
    known = ", ".join(own) if len(own) <= 8 else f"one of the {len(own)} values of {enum.name}"
    raise MismatchError(known, hint, what=None if literal.kind == "string" else f"unknown value of {enum.name}")


def _string(literal: Literal, kind: str) -> str | bytes:
    if literal.kind != "string" or literal.negative:
        hint = f'write it in quotes: "{literal.text}"' if literal.kind in ("word", "number") else None
        raise MismatchError("a text in quotes", hint)
    text = literal.text
    if kind == "string" and "\\" not in text and text.count('"') == 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    raw = b"".join(_unescape(part[1:-1]) for part in STRINGS.findall(text))
    if kind == "bytes":
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MismatchError("a text whose escapes make valid UTF-8") from error


def _parse_integer(literal: Literal) -> int | None:
    match = _INTEGER.fullmatch(literal.text) if literal.kind == "number" else None
    # More digits than any range has would only make int() slow, or refuse.
    if match is None or len(literal.text) > 40:
        return None
    value = int(literal.text, {"hex": 16, "octal": 8, "decimal": 10}[str(match.lastgroup)])
    return -value if literal.negative else value


def _parse_decimal(literal: Literal) -> float | None:
    if literal.kind == "word":
        value = _SPECIAL.get(literal.text.lower())
    else:
        match = _DECIMAL.fullmatch(literal.text) if literal.kind == "number" else None
        value = float(match[1]) if match else None
    if value is None:
        return None
    return -value if literal.negative else value


def _unquote_hint(literal: Literal) -> str | None:
    return "write it without the quotes" if literal.kind == "string" else None


def _unescape(text: str) -> bytes:
    if "\\" not in text:
        return text.encode()
    pieces, position = [], 0
    for match in _ESCAPE.finditer(text):
        pieces.append(text[position : match.start()].encode())
        pieces.append(_escape_value(match))
        position = match.end()
    pieces.append(text[position:].encode())
    return b"".join(pieces)


def _escape_value(match: re.Match[str]) -> bytes:
    if match["plain"] is not None:
        if match["plain"] not in _PLAIN_ESCAPES:
            raise MismatchError("an escape that text format knows", r"write \\ for a backslash")
        return _PLAIN_ESCAPES[match["plain"]]
    if match["octal"] is not None or match["hex"] is not None:
        code = int(match["octal"], 8) if match["octal"] else int(match["hex"], 16)
        if code > 255:
            raise MismatchError("an octal escape of at most \\377")
        return bytes([code])
    if match["high"] is not None:
        code = 0x10000 + ((int(match["high"], 16) & 0x3FF) << 10) + (int(match["low"], 16) & 0x3FF)
    else:
        code = int(match["short"] or match["long"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise MismatchError("an escape that names a Unicode character")
    return chr(code).encode()
