from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

LABELS = np.array([[1, -1, 0], [2, 2, -1]], float)
PIXELS = np.array([[[[0, 2], [1, 5]]], [[[1, 1], [-1, 0]]]], float)


def image(bottoms, params):
    x, y = bottoms[0], bottoms[0].copy()
    for n, labels in enumerate(bottoms[1].reshape(len(x), -1).astype(int)):
        for label in labels:
            if label >= 0:
                y[n, label] += 0.5 if label == 0 else 2
    return y


def pixel(background):
    def oracle(bottoms, params):
        y = bottoms[0].copy()
        for n, _, h, w in np.ndindex(*bottoms[1].shape):
            label = int(bottoms[1][n, 0, h, w])
            if label in (-1, 5):
                continue
            if background is not None:
                y[n, background, h, w] += 1
            if label != background:
                y[n, label, h, w] += 2
        return y

    return oracle


class TestBiasChannel(LayerContract):
    type_name = "BiasChannel"
    cases = {
        "image": Case("bias_channel_param { bg_bias: 0.5 }", [(2, 3, 2, 2), LABELS], oracle=image),
        "four_axes": Case("bias_channel_param { bg_bias: 0.5 }", [(2, 3, 2), LABELS.reshape(2, 3, 1, 1)], oracle=image),
        "pixel": Case(
            "bias_channel_param { label_type: PIXEL ignore_label: 5 }", [(2, 3, 2, 2), PIXELS], oracle=pixel(None)
        ),
        "pixel_background": Case(
            "bias_channel_param { label_type: PIXEL ignore_label: 5 background_label: 1 }",
            [(2, 3, 2, 2), PIXELS],
            oracle=pixel(1),
        ),
    }
    errors = {
        "bias": ErrorCase(
            "bias_channel_param { fg_bias: -1 }",
            bottoms=[(1, 2), (1, 1)],
            message="""
            error: fg_bias is out of range
              expected: at least 0
              got:      -1
            """,
        ),
        "label": ErrorCase(
            bottoms=[(1, 2), np.array([[1.0, 2.0]])],
            message="""
            error: a label is no class
              expected: a class from 0 to 1: the scores have 2
              got:      label 2 in record 0 of the batch, position 1

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
        "labels": ErrorCase(
            bottoms=[(2, 3, 2, 2), (2, 1, 2, 2)],
            message="""
            error: the labels do not fit the scores
              expected: N x labels
              got:      shapes 2x3x2x2 and 2x1x2x2
            """,
        ),
        "pixels": ErrorCase(
            "bias_channel_param { label_type: PIXEL }",
            bottoms=[(2, 3, 2, 2), (2, 5)],
            message="""
            error: the labels do not fit the scores
              expected: 8 labels, one for each pixel
              got:      shapes 2x3x2x2 and 2x5
            """,
        ),
    }
