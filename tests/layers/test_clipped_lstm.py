from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner

CONT = np.array([[0.0, 1], [1, 2], [1, 0], [0, 1]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recur(bottoms, params, sequences=None):
    """Return the top: one cell at a time, as the formulas read."""
    x = bottoms[0] if sequences is None else bottoms[0].reshape(-1, sequences, bottoms[0][0].size)
    shape = bottoms[0].shape[: 2 if sequences is None else 1]
    cont = bottoms[1].reshape(x.shape[:2]) != 0 if len(bottoms) > 1 else np.ones(x.shape[:2])
    h, c = np.zeros((2, x.shape[1], params[1].shape[1]))
    steps = []
    for t in range(len(x)):
        sums = x[t] @ params[0].T + params[2] + (h * cont[t][:, None]) @ params[1].T
        i, f, o, g = np.split(sums, 4, axis=1)
        c = cont[t][:, None] * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.stack(steps).reshape(*shape, -1)


class TestLstm(LayerContract):
    type_name = "Lstm"
    cases = {
        "default": Case("lstm_param { num_output: 3 }", [(4, 2, 5)], oracle=recur),
        "markers": Case("lstm_param { num_output: 3 }", [(4, 2, 5), CONT], wanted=[True, False], oracle=recur),
        "records": Case(
            "lstm_param { num_output: 3 batch_size: 2 }",
            [(8, 2, 2), CONT.reshape(-1)],
            oracle=partial(recur, sequences=2),
        ),
        "one_sequence": Case("lstm_param { num_output: 3 }", [(6, 4)], oracle=partial(recur, sequences=1)),
        "not_cut": Case("lstm_param { num_output: 3 clipping_threshold: 1000 }", [(4, 2, 5)], oracle=recur),
    }
    errors = {
        "records": ErrorCase(
            "lstm_param { num_output: 3 batch_size: 3 }",
            [(8, 2)],
            message="""
            error: the records do not fit batch_size
              expected: a multiple of 3
              got:      bottom of shape 8x2
            """,
        ),
        "markers": ErrorCase(
            "lstm_param { num_output: 3 }",
            [(4, 2, 5), (4, 1)],
            message="""
            error: the sequence markers do not fit the input
              expected: 8 numbers, one for each record
              got:      shape 4x1
            """,
        ),
        "no_sequence": ErrorCase(
            "lstm_param { num_output: 3 batch_size: 0 }",
            [(4, 5)],
            message="""
            error: batch_size is out of range
              expected: at least 1
              got:      0
            """,
        ),
    }


def text(fields="", bottoms=("x",)):
    wires = " ".join(f'bottom: "{name}"' for name in bottoms)
    return f'layer {{ name: "a" type: "Lstm" {wires} top: "h" lstm_param {{ num_output: 3 {fields} }} }}'


def test_gradients_of_sums_are_cut():
    x = np.random.default_rng(1).standard_normal((1, 2, 5))
    free, cut = LayerRunner(text(), [x]), LayerRunner(text("clipping_threshold: 0.0078125"), [x])
    for runner in (free, cut):
        runner.forward()
        runner.backward()
    sums = np.clip(free.layer.buffers["dsums"], -0.0078125, 0.0078125)
    assert np.abs(free.layer.buffers["dsums"]).max() > 0.0078125
    np.testing.assert_array_equal(cut.layer.buffers["dsums"], sums)
    np.testing.assert_allclose(cut.bottom[0].diff, sums @ cut.layer.params[0].data, rtol=0, atol=1e-15)


def test_a_pass_goes_on_only_with_markers():
    x = np.random.default_rng(3).standard_normal((4, 2, 5))
    alone, marked = LayerRunner(text(), [x]), LayerRunner(text(bottoms=("x", "cont")), [x, np.ones((4, 2))])
    np.testing.assert_array_equal(alone.forward()[0], alone.forward()[0])
    assert not np.array_equal(marked.forward()[0], marked.forward()[0])
    assert alone.layer.state() == {}
