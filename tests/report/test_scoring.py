from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import DataError
from pycaffelite.plan import Plan
from pycaffelite.report.scoring import Pass, render, score, whole_pass
from pycaffelite.report.tables import plain


def test_averages(test_plan: Plan) -> None:
    losses: list[float] = []
    scores = score(test_plan, Pass(3), lambda _index, outputs: losses.append(dict(_values(outputs))["loss"]))
    assert len(losses) == 3
    assert scores.heads[0].losses["loss"] == pytest.approx(np.mean(losses))
    assert scores.loss == pytest.approx(np.mean(losses) + 0.5 * scores.heads[1].losses["side_loss"])
    assert [output.name for output in scores.others] == ["extra"]
    assert "side_loss" in plain(render(scores, "title"))


def _values(outputs: tuple) -> list[tuple[str, float]]:
    return [(output.name, output.values[0]) for output in outputs]


def test_a_net_without_an_end_needs_a_number(test_plan: Plan) -> None:
    with pytest.raises(DataError, match="--iterations"):
        whole_pass(test_plan)
    assert whole_pass(test_plan, 7) == Pass(7)


@pytest.mark.parametrize(
    ("records", "batch", "wanted"),
    [
        (100, 25, "4 batches of 25, 100 of 100 records: the whole source once"),
        (101, 25, "5 batches of 25, 125 of 101 records: the whole source once, and its first 24 records twice"),
        (3, 4, "1 batch of 4, 4 of 3 records: the whole source once, and its first 1 records twice"),
    ],
)
def test_a_whole_pass(test_plan: Plan, records: int, batch: int, wanted: str) -> None:
    entry = test_plan.net.layers[0]
    entry.layer.records = lambda: records  # type: ignore[method-assign]
    entry.tops[0].resize((batch, 3))
    assert str(whole_pass(test_plan)) == wanted


def test_part_of_a_pass() -> None:
    assert str(Pass(2, 10, 100)) == "2 batches of 10, 20 of 100 records"
    assert str(Pass(2)) == "2 batches"
