from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.plan import Plan
from pycaffelite.report.inspect import BlobFigures, Inspection, inspect
from pycaffelite.report.inspect_text import render
from pycaffelite.report.tables import plain


def blob(inspection: Inspection, layer: str, index: int) -> BlobFigures:
    return next(each for each in inspection.layers if each.name == layer).blobs[index]


def test_every_top_and_parameter_is_described(train_plan: Plan) -> None:
    found = inspect(train_plan)
    assert [(layer.name, [(each.role, each.name) for each in layer.blobs]) for layer in found.layers[:3]] == [
        ("in", [("top", "x"), ("top", "label")]),
        ("label_in_1_split", [("top", "label_in_1_split_0"), ("top", "label_in_1_split_1")]),
        ("fc1", [("top", "h"), ("param", "0"), ("param", "1")]),
    ]
    assert found.loss == pytest.approx(train_plan.total_loss())
    assert blob(found, "fc1", 1).data.shape == (5, 3)
    assert all(each.diff is None for layer in found.layers for each in layer.blobs)


def test_an_in_place_layer_does_not_hide_what_was_there(train_plan: Plan) -> None:
    found = inspect(train_plan)
    assert blob(found, "fc1", 0).data.min < 0
    assert blob(found, "relu", 0).data.min == 0


def test_backward_describes_diffs(train_plan: Plan) -> None:
    found = inspect(train_plan, backward=True)
    before, after = blob(found, "relu", 0).diff, blob(found, "fc1", 0).diff
    assert before is not None
    assert after is not None
    assert after.zeros > before.zeros  # what ReLU stopped
    loss_diff = blob(found, "side_loss", 0).diff
    assert loss_diff is not None
    assert loss_diff.mean == 0.5
    weights = blob(found, "fc1", 1).diff
    assert weights is not None
    assert weights.mean_abs == pytest.approx(float(np.abs(train_plan.net.params["fc1"][0].diff).mean()))
    assert blob(found, "in", 0).diff is None


def test_a_second_walk_does_not_add_up_gradients(train_plan: Plan) -> None:
    inspect(train_plan, backward=True)
    train_plan.net.clear_param_diffs()
    train_plan.forward()
    train_plan.backward()
    once = np.abs(train_plan.net.params["side"][0].diff).mean()
    found = inspect(train_plan, backward=True)
    diff = blob(found, "side", 1).diff
    assert diff is not None
    assert diff.mean_abs < 10 * once


def test_one_layer_in_depth(train_plan: Plan) -> None:
    found = inspect(train_plan, backward=True, depth="fc1")
    top, weights, _bias = next(each for each in found.layers if each.name == "fc1").blobs
    assert top.data_spread is not None
    assert len(top.data_spread.channels) == 5
    assert weights.diff_spread is not None
    assert blob(found, "fc2", 0).data_spread is None


def test_an_unknown_layer(train_plan: Plan) -> None:
    with pytest.raises(FieldError, match="did you mean `fc"):
        inspect(train_plan, depth="fc")


def test_arrays_can_be_kept(train_plan: Plan) -> None:
    kept: dict[str, np.ndarray] = {}
    inspect(train_plan, backward=True, keep=lambda name, array: kept.update({name: array.copy()}))
    assert kept["data/fc1/h"].min() < 0 == kept["data/relu/h"].min()
    assert kept["diff/fc1/param/0"].shape == (5, 3)


class TestText:
    def test_overview(self, train_plan: Plan) -> None:
        lines = plain(render(inspect(train_plan, backward=True))).splitlines()
        assert lines[0].startswith("two, phase TRAIN, total loss ")
        assert lines[2].split() == ["blob", "mean", "mean|x|", "std", "min", "max", "zeros", "NaN"]
        assert "relu (ReLU)" in lines
        assert any(line.startswith("  param 0 5x3 ") for line in lines)

    @pytest.mark.parametrize("width", [40, 80, 120])
    @pytest.mark.parametrize("depth", [None, "fc1"])
    def test_no_figure_is_lost_at_any_width(self, train_plan: Plan, width: int, depth: str | None) -> None:
        text = plain(render(inspect(train_plan, backward=True, depth=depth), depth=depth), width)
        if width >= 80:
            assert max(map(len, text.splitlines())) <= width
        assert "…" not in text

    def test_long_names_stand_on_their_own_line(self, train_plan: Plan) -> None:
        train_plan.net.layers[2].top_names = ("a_name_that_is_longer_than_the_room_for_it",)
        lines = plain(render(inspect(train_plan)), 80).splitlines()
        at = lines.index("  a_name_that_is_longer_than_the_room_for_it 4x5")
        assert lines[at + 1].startswith(" " * 19)
        assert len(lines[at + 1].split()) == 7

    def test_in_depth(self, train_plan: Plan) -> None:
        text = plain(render(inspect(train_plan, depth="fc1"), depth="fc1"))
        assert "fc1 (InnerProduct), two.prototxt:6:1" in text
        assert "top h, data" in text
        assert "quantile" in text
        assert "channel" in text
        assert "first values: " in text
        assert "#" * 40 in text

    def test_a_warning_names_the_first_nan(self, train_plan: Plan) -> None:
        train_plan.net.params["side"][0].data[0, 0] = np.nan
        text = plain(render(inspect(train_plan)))
        assert "warning: side (two.prototxt:9:1): data of top side has 4 NaN and 0 infinite values" in text
