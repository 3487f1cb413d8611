from __future__ import annotations

import io

import pytest

from pycaffelite.report import tables


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1234.5, "1.23e+03"), (-1.2345e-05, "-1.23e-05"), (float("nan"), "nan")]
)
def test_number(value: float, text: str) -> None:
    assert tables.number(value) == text
    assert len(text) <= 9


@pytest.mark.parametrize(("value", "text"), [(12, "12"), (2_290_000, "2.29 M"), (4e9, "4 G"), (1.5e3, "1.5 k")])
def test_amount(value: float, text: str) -> None:
    assert tables.amount(value) == text


@pytest.mark.parametrize(("size", "text"), [(10, "10 B"), (2048, "2 KiB"), (3 << 20, "3 MiB"), (5 << 40, "5 TiB")])
def test_memory(size: int, text: str) -> None:
    assert tables.memory(size) == text


def test_shape_and_values() -> None:
    assert tables.shape((64, 20)) == "64x20"
    assert tables.shape(()) == "scalar"
    assert tables.values([1.0, 0.5]) == "1 0.5"
    assert tables.values(range(20), most=2) == "0 1 ... (20)"


def test_a_labelled_text_goes_on_below_its_beginning() -> None:
    assert tables.plain(tables.labelled("data  ", "one two")) == "data  one two\n"
    assert tables.plain(tables.labelled("data  ", "one two"), width=10) == "data  one\n      two\n"


def test_rules_are_dashes_where_the_encoding_has_no_others() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="cp1252")
    tables.show(tables.table(("a",), [("x",)]), stream)
    stream.flush()
    assert buffer.getvalue().split() == [b"a", b"-", b"x"]


def test_a_pipe_gets_plain_text_of_any_width() -> None:
    stream = io.StringIO()
    tables.show(tables.table(("a", "b"), [("x" * 200, "[bold]1[/bold]")]), stream)
    lines = stream.getvalue().splitlines()
    assert lines[-1] == "x" * 200 + "  [bold]1[/bold]"
    assert "\x1b" not in stream.getvalue()
