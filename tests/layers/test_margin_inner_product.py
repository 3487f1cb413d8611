from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text

LABELS = np.array([0, 2, 1, 1, 2], float)
KINDS = {1: "SINGLE", 2: "DOUBLE", 3: "TRIPLE", 4: "QUADRUPLE"}


def fields(factor, more=""):
    return f"margin_inner_product_param {{ num_output: 3 type: {KINDS[factor]} {more} }}"


def psi(angle, factor):
    """Return the function of the paper, piece by piece."""
    k = np.minimum(np.floor(angle * factor / np.pi), factor - 1)
    return (-1) ** k * np.cos(factor * angle) - 2 * k


def scores(factor, share):
    def oracle(bottoms, params):
        x, w = bottoms[0].reshape(len(bottoms[0]), -1), params[0] / np.linalg.norm(params[0], axis=1, keepdims=True)
        length = np.linalg.norm(x, axis=1)
        y = x @ w.T
        for m, label in enumerate(bottoms[1].astype(int)):
            if factor > 1:
                bent = length[m] * psi(np.arccos(y[m, label] / length[m]), factor)
                y[m, label] = (bent + share * y[m, label]) / (1 + share)
        return [y, np.array([share])]

    return oracle


class TestMarginInnerProduct(LayerContract):
    type_name = "MarginInnerProduct"
    # What the fork sends back is no gradient: see below.
    cases = {
        KINDS[factor].lower(): Case(
            fields(factor, "base: 9 gamma: 0.5 power: 2"),
            [(5, 4), LABELS],
            oracle=scores(factor, 4.0),
            tops=2,
            gradients=False,
        )
        for factor in KINDS
    } | {"least": Case(fields(2, "lambda_min: 5"), [(5, 2, 2), LABELS], oracle=lambda b, p: scores(2, 5.0)(b, p)[:1],
                       gradients=False)}  # fmt: skip
    errors = {
        "label": ErrorCase(
            fields(4),
            [(2, 3), np.array([1.0, 3.0])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 1 of the batch

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
        "labels": ErrorCase(
            fields(1),
            [(2, 3), (3,)],
            message="""
            error: the labels do not fit the features
              expected: 2 labels, for features of shape 2x3
              got:      labels of shape 3
            """,
        ),
        "no_features": ErrorCase(
            fields(1),
            [(2, 0), (2,)],
            message="""
            error: the labels do not fit the features
              expected: features
              got:      bottom of shape 2x0
            """,
        ),
        "outputs": ErrorCase(
            bottoms=[(2, 3), (2,)],
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `margin_inner_product_param { num_output: 20 }`
            """,
        ),
    }


def backward(factor, dtype=np.float64):
    text = layer_text("MarginInnerProduct", fields(factor, "base: 3"), bottoms=2, tops=2)
    runner = LayerRunner(text, [(5, 4), LABELS], dtype=dtype)
    runner.forward()
    return runner, runner.backward()[0], runner.layer.params[0].diff.copy()


@pytest.mark.parametrize("factor", KINDS)
def test_what_is_sent_back_points_where_the_gradient_does(factor):
    runner, dx, dw = backward(factor)
    x, dy, w = runner.inputs[0], runner.top_diffs[0], runner.layer.params[0].data
    close(np.linalg.norm(w, axis=1), np.ones(3), 1e-13, "lengths")
    close(dw, dy.T @ x, 1e-13, "dw")
    expected = dy @ w
    for m, label in enumerate(LABELS.astype(int) if factor > 1 else []):
        # The gradient of |x| psi is a sum of w and x: find its factors by differences.
        step = 1e-6
        length, cosine = np.linalg.norm(x[m]), x[m] @ w[label] / np.linalg.norm(x[m])
        low, middle, high = (psi(np.arccos(cosine + h), factor) for h in (-step, 0, step))
        slope = (high - low) / (2 * step)
        a, b = np.array([slope, (middle - cosine * slope) / length]) / np.hypot(
            slope, (middle - cosine * slope) / length
        )
        expected[m] += dy[m, label] * ((a * w[label] + b * x[m] + 3 * w[label]) / 4 - w[label])
    close(dx, expected, 1e-8, "dx")
    close(backward(factor, np.float32)[1], dx, 1e-4, "dx in float32")


def test_diffs_of_parameters_are_added_to_and_only_where_wanted():
    runner, _, dw = backward(4)
    runner.backward()
    close(runner.layer.params[0].diff, 2 * dw, 1e-13, "dw")
    runner.layer.wanted_params = [False]
    runner.wanted = [False, False]
    runner.bottom[0].diff[...] = 7
    runner.backward()
    close(runner.layer.params[0].diff, 2 * dw, 1e-13, "dw")
    assert (runner.bottom[0].diff == 7).all()


def test_zeros_have_no_angle():
    text = layer_text("MarginInnerProduct", fields(4), bottoms=2)
    runner = LayerRunner(text, [np.zeros((1, 4)), np.array([1.0])], params=[np.zeros((3, 4))])
    assert runner.forward()[0].tolist() == [[0, 0, 0]]
    assert np.isfinite(runner.backward()[0]).all()


def test_the_share_of_the_plain_score_falls_from_pass_to_pass():
    text = layer_text("MarginInnerProduct", fields(2, "base: 8 gamma: 1 iteration: 2"), bottoms=2, tops=2)
    runner = LayerRunner(text, [(5, 4), LABELS])
    assert [float(runner.forward()[1][0]) for _ in range(3)] == [2, 1.6, 8 / 6]
