"""The same file written in every manner that people have: it must be the same net."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycaffelite.errors import PycaffeliteError
from pycaffelite.schema.problems import Findings
from pycaffelite.schema.reader import kind_of, parse_net, parse_solver
from pycaffelite.schema.text import format_text
from pycaffelite.schema.tokens import tokenize

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "nets", ROOT / "solvers", ROOT / "tests" / "golden" / "upgrade", Path(__file__).parent / "configs")
FILES = [
    path
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.prototxt"))
    if not path.stem.startswith(("error_", "quirk_", "bvlc_text_forms"))
]
BARE = re.compile(r"[A-Za-z_][\w/.\-]*")


def rewritten(text, change):
    """Write a text anew, with `change(kind, word, before, after)` in the place of each word of it."""
    tokens = tokenize(text)
    pieces, position = [], 0
    for index, (kind, word, start) in enumerate(tokens[:-1]):
        pieces.append(text[position:start])
        before = tokens[index - 1][1] if index else ""
        pieces.append(change(kind, word, before, tokens[index + 1][1]))
        position = start + len(word)
    return "".join(pieces) + text[position:]


def value(kind, before):
    return kind in ("word", "number", "string") and before == ":"


def single_quotes(kind, word, _before, _after):
    return f"'{word[1:-1]}'" if kind == "string" and word[0] == '"' and "'" not in word else word


def no_quotes(kind, word, before, after):
    bare = kind == "string" and before == ":" and BARE.fullmatch(word[1:-1]) and after[:1] not in "\"'"
    return word[1:-1] if bare else word


def quoted_words(kind, word, before, _after):
    return f'"{word}"' if kind in ("word", "number") and before == ":" else word


def colons_before_blocks(kind, word, _before, after):
    return f"{word} :" if kind == "word" and after == "{" else word


def no_colons(_kind, word, _before, after):
    return "" if word == ":" and after != "{" else word


def equal_signs(_kind, word, _before, after):
    return "=" if word == ":" and after != "{" else word


def commas(kind, word, before, _after):
    return f"{word}," if value(kind, before) else word


def semicolons(kind, word, before, _after):
    return f"{word} ;" if value(kind, before) or word == "}" else word


def lists(kind, word, before, after):
    return f"[{word}]" if value(kind, before) and after[:1] not in "\"'" else word


def comments(kind, word, before, _after):
    return f'{word} /* {{ */ // }} "\n' if value(kind, before) else word


def truths(_kind, word, before, _after):
    return {"true": "TRUE", "false": "no"}.get(word, word) if before == ":" else word


def lines(_kind, word, _before, _after):
    return f"\r\n\t{word}\u00a0"


def angles(_kind, word, _before, _after):
    return {"{": "<", "}": ">"}.get(word, word)


STYLES = (
    *(single_quotes, no_quotes, quoted_words, colons_before_blocks, no_colons, equal_signs, commas, semicolons, lists),
    *(comments, truths, lines, angles),
)


def read(text, path):
    findings = Findings()
    is_net = kind_of(path) == "net"
    message = parse_net(text, "n", findings).net if is_net else parse_solver(text, "n", findings).solver
    return format_text(message), [str(problem) for problem in findings.of("error")]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_every_style_says_the_same(style):
    for path in FILES:
        text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
        try:
            expected = read(text, path)
        except PycaffeliteError:
            continue  # some do not read without what their comments hold
        written, errors = read(rewritten(text, style), path)
        # A list may be kept in a form of its field that takes several, which is written further down.
        order = sorted if style is lists else str
        assert (order(written), errors) == (order(expected[0]), expected[1]), path.name
