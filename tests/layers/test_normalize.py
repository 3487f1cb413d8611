from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def scaled(bottoms, params, across=True, eps=1e-10):
    """Image by image: the definition."""
    y = np.empty_like(bottoms[0])
    scale = np.broadcast_to(params[0], y.shape[1])
    for n, image in enumerate(bottoms[0]):
        length = np.sqrt((image**2).sum(axis=None if across else 0) + np.float32(eps))
        for c, channel in enumerate(image):
            y[n, c] = scale[c] * channel / length
    return y


def param(text):
    return f"norm_param {{ {text} }}"


class TestNormalize(LayerContract):
    type_name = "Normalize"
    cases = {
        "default": Case(oracle=scaled),
        "places": Case(param("across_spatial: false"), oracle=partial(scaled, across=False)),
        "of_ssd": Case(
            param('across_spatial: false channel_shared: false scale_filler { type: "constant" value: 20 }'),
            oracle=partial(scaled, across=False),
        ),
        "image_by_channel": Case(param("channel_shared: false eps: 0.5"), oracle=partial(scaled, eps=0.5)),
        "vectors": Case(
            param("across_spatial: false eps: 0.125"), [(3, 5)], oracle=partial(scaled, across=False, eps=0.125)
        ),
        "five_axes": Case(param("across_spatial: false"), [(2, 3, 2, 2, 2)], oracle=partial(scaled, across=False)),
        "no_channels": Case(param("across_spatial: false"), [(2, 0, 3)], oracle=lambda bottoms, params: bottoms[0]),
        "zeros": Case(param("eps: 0.0625"), [np.zeros((2, 3, 2, 2))], oracle=partial(scaled, eps=0.0625)),
    }
    errors = {
        "one_axis": ErrorCase(
            bottoms=[(3,)],
            message="""
            error: there is no axis of channels
              expected: at least two axes
              got:      bottom of shape 3
            """,
        ),
    }


def test_the_scale_begins_with_one():
    layer = LayerRunner(layer_text("Normalize"), [(2, 3, 2, 2)]).layer
    [scale] = layer.layout([(2, 3, 2, 2)]).params
    assert (scale.shape, scale.filler.type, scale.filler.value) == ((), "constant", 1.0)
    layer = LayerRunner(layer_text("Normalize", param("channel_shared: false")), [(2, 3, 2, 2)]).layer
    assert layer.layout([(2, 3, 2, 2)]).params[0].shape == (3,)
