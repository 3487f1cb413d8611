from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.errors import WiringError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, check_gradients

CONT = np.array([[0.0, 1], [1, 1], [1, 0], [0, 1]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recur(bottoms, params, static=False, exposed=False):
    """Return the tops: one cell at a time, as the formulas read."""
    x, cont = bottoms[0].reshape(*bottoms[0].shape[:2], -1), bottoms[1]
    weights, bias, hidden_weights = params[0], params[1], params[-1]
    sequences, depth = x.shape[1], hidden_weights.shape[1]
    h, c = (bottom[0] for bottom in bottoms[-2:]) if exposed else np.zeros((2, sequences, depth))
    more = bottoms[2].reshape(sequences, -1) @ params[2].T if static else 0
    steps = []
    for t in range(len(x)):
        h = h * cont[t][:, None]
        i, f, o, g = np.split(x[t] @ weights.T + bias + more + h @ hidden_weights.T, 4, axis=1)
        c = cont[t][:, None] * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return [np.stack(steps), h[None], c[None]] if exposed else np.stack(steps)


class TestLSTM(LayerContract):
    type_name = "LSTM"
    cases = {
        "default": Case("recurrent_param { num_output: 3 }", [(4, 2, 5), CONT], oracle=recur),
        "input_of_more_axes": Case("recurrent_param { num_output: 3 }", [(4, 2, 2, 3), CONT], oracle=recur),
        "input_of_two_axes": Case("recurrent_param { num_output: 3 }", [(4, 2), CONT], oracle=recur),
        "static": Case(
            "recurrent_param { num_output: 3 }", [(4, 2, 5), CONT, (2, 2, 2)], oracle=partial(recur, static=True)
        ),
        "exposed": Case(
            "recurrent_param { num_output: 3 expose_hidden: true }",
            [(4, 2, 5), CONT, (1, 2, 3), (1, 2, 3)],
            tops=3,
            wanted=[True, False, False, False],
            top_diffs=[None, 0, 0],
            oracle=partial(recur, exposed=True),
        ),
        "exposed_static": Case(
            "recurrent_param { num_output: 3 expose_hidden: true }",
            [(4, 2, 5), CONT, (2, 4), (1, 2, 3), (1, 2, 3)],
            tops=3,
            wanted=[False, False, True, False, False],
            top_diffs=[None, 0, 0],
            oracle=partial(recur, static=True, exposed=True),
        ),
        "one_step": Case("recurrent_param { num_output: 2 }", [(1, 3, 4), (1, 3)], oracle=recur),
    }
    errors = {
        "no_output": ErrorCase(
            bottoms=[(4, 2, 5), (4, 2)],
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `recurrent_param { num_output: 20 }`
            """,
        ),
        "markers": ErrorCase(
            "recurrent_param { num_output: 3 }",
            [(4, 2, 5), (4, 3)],
            message="""
            error: the sequence markers do not fit the input
              expected: bottoms T x N x ... and T x N
              got:      shapes 4x2x5 and 4x3
            """,
        ),
        "static": ErrorCase(
            "recurrent_param { num_output: 3 }",
            [(4, 2, 5), (4, 2), (3, 5)],
            message="""
            error: the static input does not fit the sequences
              expected: a bottom of 2 records, one for each sequence
              got:      shape 3x5
            """,
        ),
        "states": ErrorCase(
            "recurrent_param { num_output: 3 expose_hidden: true }",
            [(4, 2, 5), (4, 2), (1, 2, 3), (1, 2, 4)],
            tops=3,
            message="""
            error: an initial state does not fit the sequences
              expected: shape 1x2x3
              got:      shape 1x2x4
            """,
        ),
    }


def text(fields="", bottoms=("x", "cont"), tops=("h",)):
    wires = " ".join([f'bottom: "{name}"' for name in bottoms] + [f'top: "{name}"' for name in tops])
    return f'layer {{ name: "a" type: "LSTM" {wires} recurrent_param {{ num_output: 3 {fields} }} }}'


def test_bottoms_must_fit_expose_hidden():
    with pytest.raises(WiringError, match="does not fit expose_hidden"):
        LayerRunner(text(bottoms=("x", "cont", "z", "more")), [(4, 2, 5), (4, 2), (2, 3), (2, 3)])
    with pytest.raises(WiringError, match="does not fit expose_hidden"):
        LayerRunner(text("expose_hidden: true"), [(4, 2, 5), (4, 2)])


def test_a_pass_goes_on_where_the_last_one_ended():
    x = np.random.default_rng(3).standard_normal((6, 2, 5))
    cont = np.ones((6, 2))
    whole, parts = LayerRunner(text(), [x, cont]), LayerRunner(text(), [x[:3], cont[:3]])
    expected = whole.forward()[0]
    np.testing.assert_allclose(parts.forward(x[:3], cont[:3])[0], expected[:3], rtol=0, atol=1e-14)
    np.testing.assert_allclose(parts.forward(x[3:], cont[3:])[0], expected[3:], rtol=0, atol=1e-14)


def test_a_state_of_other_sequences_is_not_taken():
    first, second = LayerRunner(text(), [(2, 4, 5), (2, 4)]), LayerRunner(text(), [(2, 3, 5), (2, 3)])
    first.forward()
    second.layer.restore(first.layer.state())
    assert not second.layer.buffers["last_hidden"].any()


def test_nothing_goes_to_initial_states():
    runner = LayerRunner(
        text("expose_hidden: true", ("x", "cont", "h0", "c0"), ("h", "h1", "c1")),
        [(2, 2, 5), np.ones((2, 2)), (1, 2, 3), (1, 2, 3)],
    )
    runner.forward()
    for blob in runner.bottom:
        blob.diff[...] = 7
    diffs = runner.backward()
    assert not diffs[2].any()
    assert not diffs[3].any()


def test_few_sequences_of_many_values():
    """Where weights are streamed as they stand, instead of turned for the steps."""
    many = text().replace("num_output: 3", "num_output: 40")
    runner = LayerRunner(many, [(4, 1, 3), np.array([[0.0], [1], [1], [1]])])
    for blob in runner.layer.params:
        blob.data *= 0.3
    params = [blob.data for blob in runner.layer.params]
    np.testing.assert_allclose(runner.forward()[0], recur(runner.inputs, params), rtol=0, atol=1e-13)
    check_gradients(runner)
