"""Mutated files: whatever a text is, reading it ends soon, with a message or with an error of the family."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from pycaffelite.errors import PycaffeliteError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.schema.problems import Findings, strict_problem
from pycaffelite.schema.reader import parse_net, parse_solver
from pycaffelite.schema.text import format_text
from pycaffelite.schema.tokens import tokenize

ROOT = Path(__file__).parents[2]
SOURCES = [
    *sorted((Path(__file__).parent / "configs").glob("*.prototxt")),
    *sorted((ROOT / "nets").rglob("*.prototxt")),
    *sorted((ROOT / "solvers").glob("*.prototxt")),
    *sorted((ROOT / "tests" / "golden" / "upgrade").glob("*.prototxt")),
]
TEXTS = [path.read_text(encoding="utf-8") for path in SOURCES]
SPANS = [[(start, start + len(word)) for kind, word, start in tokenize(text) if kind != "end"] for text in TEXTS]
POOL = sorted({text[start:end] for text, spans in zip(TEXTS, SPANS, strict=True) for start, end in spans})
HOSTILE = (
    *("{", "}", "<", ">", "[", "]", ":", ",", ";", "=", "-", '"', "'", "#", "//", "/*", "\\", "\0", "\ud800", "\ufeff"),
    *(
        "$",
        "%",
        "@",
        "{{",
        "}}",
        "1e999",
        "-1",
        "9" * 50,
        "0x",
        "08",
        "1.5",
        ".",
        "nan",
        "TRUE",
        "\u201c",
        "\xa0",
        "\r",
    ),
    *("layer {", "layers {", "layer { layer {", "param: 'x'", "type: CROP", "blobs_lr: 1", "input_dim: -1", "[[[["),
)
SLOWEST = 2.0  # seconds


def mutated(seed: int) -> str:
    """Make a text from valid ones: with pieces deleted, doubled, renamed, retyped, moved, or cut off."""
    chance = random.Random(seed)
    which = chance.randrange(len(TEXTS))
    text, spans = TEXTS[which], SPANS[which]
    pieces, position = [], 0
    changes = set(chance.sample(range(len(spans)), min(len(spans), chance.choice((1, 1, 2, 3, 8)))))
    for index, (start, end) in enumerate(spans):
        pieces.append(text[position:start])
        position = end
        word = text[start:end]
        if index in changes:
            word = changed(word, chance)
        pieces.append(word)
    whole = "".join(pieces) + text[position:]
    match chance.randrange(12):
        case 0:
            return whole[: chance.randrange(len(whole) + 1)]
        case 1:
            return whole[chance.randrange(len(whole) + 1) :]
        case 2:
            middle = chance.randrange(len(whole) + 1)
            return whole[:middle] + chance.choice(TEXTS)[:200] + whole[middle:]
        case _:
            return whole


def changed(word: str, chance: random.Random) -> str:
    place = chance.randrange(len(word))
    other_kind = f'"{word}"' if word[0] not in "\"'" else word.strip("\"'")
    return chance.choice(
        (
            "",
            f"{word} {word}",
            chance.choice(HOSTILE),
            chance.choice(POOL),
            word[:place] + chance.choice("abcxyz_09{}") + word[place:],
            word[:place] + word[place + 1 :],
            other_kind,
        )
    )


def read_every_way(text: str) -> None:
    """Read a text as a net and as a solver, strictly and not; whatever reads must print, and read again."""
    said = []
    for read in (parse_net, parse_solver):
        for report in (Findings(), strict_problem):
            try:
                file = read(text, "n", report)
            except PycaffeliteError as error:
                said.append(str(error))
                continue
            said += [str(note) for note in file.notes]
            assert file.forks is not None
            if read is parse_net:
                format_text(file.net)
                try:
                    build_graph(file, "TRAIN")
                except PycaffeliteError as error:
                    said.append(str(error))
            else:
                format_text(file.solver)
    assert all(said)


def run(seeds: range) -> None:
    for seed in seeds:
        text = mutated(seed)
        start = time.process_time()
        try:
            read_every_way(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {text!r}") from error
        assert time.process_time() - start < SLOWEST, f"seed {seed} takes too long"


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_mutated_files(first: int) -> None:
    run(range(first, first + 50))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 21000, 1000))
def test_many_mutated_files(first: int) -> None:
    run(range(first, first + 1000))


@pytest.mark.parametrize(
    "text",
    [
        "layer {" * 5000,
        "[" * 100_000,
        "a: [" * 10_000,
        "name: " + "'a' " * 50_000,
        "{" * 100_000,
        "#" * 1_000_000,
        "/* " * 100_000,
        '"' * 100_001,
        "name: \u201c" * 20_000,
        "layer { name: 'a' " * 3000,
        "x { " * 50_000,
        "-" * 200_000,
        "input: 'x' " * 20_000,
        "layers { layer { type: 'padding' } bottom: 'a' top: 'a' } " * 3000,
        "colour: 1 " * 20_000,
        "name: 1 " * 20_000,
    ],
    ids=range(16),
)
def test_long_and_hostile_texts(text: str) -> None:
    start = time.process_time()
    read_every_way(text)
    assert time.process_time() - start < 4 * SLOWEST  # read four times
