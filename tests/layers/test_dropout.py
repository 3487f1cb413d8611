from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def identity(bottoms, params):
    return bottoms[0]


def half(bottoms, params):
    return bottoms[0] / 2


class TestDropout(LayerContract):
    type_name = "Dropout"
    cases = {
        "train": Case(),
        "mild": Case("dropout_param { dropout_ratio: 0.1 }", [(40, 7)]),
        "nothing": Case("dropout_param { dropout_ratio: 0 }", [(9,)], oracle=identity),
        "test": Case(phase="TEST", oracle=identity),
        "supervised_train": Case("dropout_param { mean_on_test: true }", [(40, 7)]),
        "supervised_test": Case("dropout_param { mean_on_test: true }", phase="TEST", oracle=half),
        "supervised_mean": Case("dropout_param { mean_on_train: true }", oracle=half),
        "supervised_test_drops": Case("dropout_param { mean_on_test: false }", [(40, 7)], phase="TEST"),
        "unscaled_test": Case("dropout_param { scale_train: false }", phase="TEST", oracle=half),
        "sampling_test": Case("dropout_param { sample_weights_test: true }", [(40, 7)], phase="TEST"),
    }
    errors = {
        "everything": ErrorCase(
            "dropout_param { dropout_ratio: 1 }",
            message="""
            error: dropout_ratio is out of range
              expected: at least 0 and less than 1
              got:      1
            """,
        ),
        "everything_in_testing": ErrorCase(
            "dropout_param { dropout_ratio: 2 mean_on_test: true }",
            phase="TEST",
            message="""
            error: dropout_ratio is out of range
              expected: at least 0 and less than 1
              got:      2
            """,
        ),
        "two_manners": ErrorCase(
            "dropout_param { mean_on_test: true scale_train: false }",
            message="""
            error: two manners of dropout
              expected: mean_on_test and mean_on_train, or scale_train, or sample_weights_test
              got:      more than one
            """,
        ),
        "nan": ErrorCase(
            "dropout_param { dropout_ratio: nan }",
            message="""
            error: dropout_ratio is out of range
              expected: at least 0 and less than 1
              got:      nan
            """,
        ),
    }


def runner_of_ones(seed=1, ratio=0.3, count=40_000, name="layer"):
    text = layer_text("Dropout", f"dropout_param {{ dropout_ratio: {ratio} }}").replace('"layer"', f'"{name}"')
    return LayerRunner(text, [np.ones(count)], seed=seed, dtype=np.float32)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_the_ratio_is_dropped_and_the_rest_enlarged(ratio):
    top = runner_of_ones(ratio=ratio).forward()[0]
    assert set(np.unique(top)) == {np.float32(0), np.float32(1 / (1 - float(np.float32(ratio))))}
    assert abs(np.mean(top == 0) - ratio) < 0.01


def test_masks_differ_from_pass_to_pass_and_by_seed_and_name():
    runner = runner_of_ones()
    tops = [runner.forward()[0], runner.forward()[0]]
    tops += [runner_of_ones(seed=2).forward()[0], runner_of_ones(name="other").forward()[0]]
    kept = np.array([top != 0 for top in tops])
    # Independent masks of share 0.7 agree with probability 0.49 + 0.09.
    agreement = [np.mean(a == b) for i, a in enumerate(kept) for b in kept[:i]]
    assert np.allclose(agreement, 0.58, atol=0.015)


def test_neighbours_are_independent():
    kept = runner_of_ones(ratio=0.5).forward()[0] != 0
    for lag in (1, 2, 8, 64, 1024):
        assert abs(np.mean(kept[lag:] == kept[:-lag]) - 0.5) < 0.015


def test_the_gradient_goes_where_the_data_went():
    runner = runner_of_ones(count=100)
    runner.top_diffs[0][...] = 1
    top = runner.forward()[0]
    np.testing.assert_array_equal(runner.backward()[0], top)


def test_any_ratio_passes_where_nothing_is_dropped():
    runner = LayerRunner(layer_text("Dropout", "dropout_param { dropout_ratio: 1 }"), [(2, 3)], "TEST")
    np.testing.assert_array_equal(runner.forward()[0], runner.inputs[0])


@pytest.mark.parametrize(
    ("fields", "phase", "values"),
    [
        ("mean_on_test: true", "TRAIN", {0, 1}),
        ("mean_on_train: false", "TRAIN", {0, 1}),
        ("mean_on_train: false", "TEST", {0.75}),
        ("mean_on_train: true", "TRAIN", {0.75}),
        ("mean_on_train: true mean_on_test: false", "TRAIN", {0, 1}),
        ("mean_on_test: false", "TEST", {0, 1}),
        ("scale_train: false", "TRAIN", {0, 1}),
        ("scale_train: false", "TEST", {0.75}),
        ("sample_weights_test: true", "TEST", {0, np.float32(4 / 3)}),
        ("", "TRAIN", {0, np.float32(4 / 3)}),
    ],
)
def test_what_ones_become_in_the_manners_of_forks(fields, phase, values):
    text = layer_text("Dropout", f"dropout_param {{ dropout_ratio: 0.25 {fields} }}")
    runner = LayerRunner(text, [np.ones(4000)], phase, dtype=np.float32, top_diffs=[1])
    top = runner.forward()[0]
    assert set(top.tolist()) == values
    assert abs(top.mean() - (1 if 4 / 3 in values or np.float32(4 / 3) in values else 0.75)) < 0.05
    np.testing.assert_array_equal(runner.backward()[0], top)
