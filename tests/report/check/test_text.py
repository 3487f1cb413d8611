"""A check as text and as JSON, also of files with thousands of problems."""

from __future__ import annotations

import json

import pytest

from pycaffelite.report.check import text as check_text
from pycaffelite.report.check.text import render, to_record
from pycaffelite.report.json_text import to_json
from pycaffelite.report.tables import plain

from .conftest import NET, check


def test_the_record_of_a_net() -> None:
    record = json.loads(to_json(to_record(check(NET)), indent=None))
    assert list(record)[:7] == ["file", "kind", "dialect", "forks", "status", "problems", "phases"]
    assert set(record["problems"][0]) == {"severity", "line", "message", "hint"}
    phase = record["phases"]["TRAIN"]
    assert set(phase) >= {"inputs", "outputs", "layers", "parameters", "macs", "bytes"}
    conv = phase["layers"][1]
    assert (conv["name"], conv["type"]) == ("conv", "Convolution")
    assert conv["tops"] == {"conv": [4, 6, 6, 6]}
    assert conv["params"] == [[6, 3, 3, 3], [6]]


def test_the_text_of_a_net() -> None:
    text = plain(render(check(NET, stages=("score",)), with_table=True))
    assert text.splitlines()[0] == "net.prototxt: net, current: ok"
    assert "4x3x8x8 (assumed), 4 (assumed)" in text
    assert "phase TEST, where it differs" in text
    assert "only here   acc" in text
    assert "stages      score: acc" in text
    assert "data        data: train_lmdb (not here)" in text


MANY = {
    "layers that nobody closes": "layer {\n" * 3000,
    "pairs of blocks that nobody closes": "layer { pooling_param {\n" * 3000,
    "braces that close nothing": "layer { name: 'a'\n}\n}\n" * 3000,
    "inputs": "input: 'a' input_dim: 2 input_dim: 2 input_dim: 2 input_dim: 2\n" * 3000,
    "options of one layer's blobs": "layers { " + "blobs_lr: 1 " * 3000 + " }",
    "bottoms that are made too late": "layer { bottom: 'a' top: 'b' }\n" * 3000 + "layer { top: 'a' }",
    "bottoms of the other phase": "layer { bottom: 'a' }\n" * 3000 + "layer { top: 'a' include { phase: TEST } }",
    "other names of fields": "".join(f"layer {{ nam{i}: 1 }}\n" for i in range(3000)),
}


@pytest.mark.parametrize("text", MANY.values(), ids=MANY.keys())
def test_thousands_of_the_same_are_told_one_by_one(text: str) -> None:
    """Whoever makes the time of a step grow with the square of these numbers waits for this test."""
    report = check(text)
    assert len(report.problems) >= 3000 or "input" in text or "blobs_lr" in text
    shown = plain(render(report, with_table=False))
    assert shown.count("\n") < 2100  # hints have a line of their own
    if len(report.problems) > 1000:
        assert shown.endswith(f"  and {len(report.problems) - 1000} more, which --json lists\n")


def test_a_table_ends_where_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_text, "_MOST_ROWS", 2)
    shown = plain(render(check(NET, phases=("TRAIN",)), with_table=True))
    assert "\nip " not in shown
    assert "\nand 2 more layers, which --json lists\n" in shown


def test_similar_names_are_looked_for_while_slips_are_few() -> None:
    few, many = (
        check("layer { top: 'data' }\n" + "layer { bottom: 'date' }\n" * count, phases=("TRAIN",))
        for count in (100, 101)
    )
    assert [problem.hint for problem in few.problems if "date" in problem.message] == ["did you mean `data`?"] * 100
    hints = [problem.hint for problem in many.problems if "date" in problem.message]
    assert hints == ["did you mean `data`?"] * 100 + ["no layer has a top of this name"]
