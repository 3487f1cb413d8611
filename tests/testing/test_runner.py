from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import FieldError, WiringError
from pycaffelite.testing import LayerRunner, layer_text


def test_text_of_a_layer():
    text = layer_text("Eltwise", "eltwise_param { operation: SUM }", bottoms=2)
    assert text == (
        'layer {\n  name: "layer"\n  type: "Eltwise"\n  bottom: "b0"\n  bottom: "b1"\n  top: "t0"\n'
        "  eltwise_param { operation: SUM }\n}\n"
    )
    assert 'top: "b0"' in layer_text("ReLU", in_place=True)


def test_random_numbers_are_float32_numbers_and_the_seed_decides():
    first, again, other = (LayerRunner(layer_text("Scale"), [(4, 3)], seed=seed) for seed in (1, 1, 2))
    data = first.inputs[0]
    np.testing.assert_array_equal(data, data.astype(np.float32))
    np.testing.assert_array_equal(data, again.inputs[0])
    np.testing.assert_array_equal(first.layer.params[0].data, again.layer.params[0].data)
    assert not np.array_equal(data, other.inputs[0])


def test_parameters_that_do_not_learn_start_at_zero():
    runner = LayerRunner(layer_text("BatchNorm"), [(4, 3)])
    assert [blob.data.any() for blob in runner.layer.params] == [False] * 3
    assert runner.layer.wanted_params == [False] * 3


def test_given_parameters_win():
    runner = LayerRunner(layer_text("Scale"), [np.ones((2, 2))], params=[np.array([2.0, 3.0])])
    assert runner.forward()[0].tolist() == [[2, 3], [2, 3]]


def test_in_place_is_one_blob_and_forward_starts_afresh():
    runner = LayerRunner(layer_text("Scale", in_place=True), [np.ones((1, 1))], params=[np.array([5.0])])
    assert runner.top[0] is runner.bottom[0]
    assert runner.forward()[0].item() == 5
    assert runner.forward()[0].item() == 5
    assert runner.forward(np.full((1, 1), 2.0))[0].item() == 10


def test_backward_starts_from_what_it_is_told():
    runner = LayerRunner(layer_text("ReLU"), [np.array([1.0, -1.0])], top_diffs=[3.0])
    runner.forward()
    assert runner.backward()[0].tolist() == [3, 0]
    assert runner.backward([np.array([4.0, 4.0])])[0].tolist() == [4, 0]


def test_save_and_load():
    runner = LayerRunner(layer_text("Dropout"), [(8, 8)])
    saved = runner.save()
    first = runner.forward()[0]
    assert not np.array_equal(runner.forward()[0], first)
    runner.load(saved)
    np.testing.assert_array_equal(runner.forward()[0], first)


def test_loss_weights():
    assert LayerRunner(layer_text("ReLU"), [(2,)]).loss_weights() == [0]
    weighted = LayerRunner(layer_text("ReLU", "loss_weight: 0.5"), [(2,)])
    assert weighted.loss_weights() == [0.5]
    assert weighted.top_diffs[0].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "bottoms", "message"),
    [
        (layer_text("ReLU", tops=2), [(2,)], "wrong number of tops"),
        (layer_text("ReLU"), [], "wrong number of bottoms"),
        (layer_text("LRN", in_place=True), [(1, 1, 1, 1)], "this layer cannot run in place"),
    ],
)
def test_what_a_net_refuses_is_refused(text, bottoms, message):
    with pytest.raises(WiringError, match=message):
        LayerRunner(text, bottoms)


def test_unknown_types_are_refused():
    with pytest.raises(FieldError, match="unknown layer type"):
        LayerRunner(layer_text("ReLu2"), [(2,)])
