from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.testing import LayerRunner, check_gradients, layer_text

RELU = layer_text("ReLU")


def test_right_gradients_pass():
    check_gradients(LayerRunner(layer_text("Scale", "scale_param { bias_term: true }"), [(2, 3, 2)]))


@pytest.mark.parametrize("what", ["bottom 0", "parameter 0"])
def test_wrong_gradients_are_named(what):
    runner = LayerRunner(layer_text("Scale"), [(2, 3)])
    right = runner.layer.backward

    def wrong(top, wanted, bottom):
        right(top, wanted, bottom)
        (bottom[0] if what == "bottom 0" else runner.layer.params[0]).diff[..., 1] += 1e-3

    runner.layer.backward = wrong
    with pytest.raises(AssertionError, match=f"the diff of {what} at .*1"):
        check_gradients(runner)


def test_a_kink_fails_unless_it_is_skipped():
    runner = LayerRunner(RELU, [np.array([1e-6, 1.0, -1.0, 2.0])])
    with pytest.raises(AssertionError, match="at \\(0,\\)"):
        check_gradients(runner)
    check_gradients(runner, skip_kinks=True)


def test_too_many_kinks_fail():
    with pytest.raises(AssertionError, match="beside a kink"):
        check_gradients(LayerRunner(RELU, [np.array([1e-6, 0.0, 1.0])]), skip_kinks=True)


def test_inputs_and_state_are_put_back():
    runner = LayerRunner(layer_text("Dropout"), [(5, 5)])
    before = runner.inputs[0].copy()
    check_gradients(runner)
    np.testing.assert_array_equal(runner.inputs[0], before)


def test_single_precision_is_refused():
    with pytest.raises(ValueError, match="float64"):
        check_gradients(LayerRunner(RELU, [(2,)], dtype=np.float32))
