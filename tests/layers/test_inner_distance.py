from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text


def distances(power, *, bias=True, normalize=False):
    def oracle(bottoms, params):
        x, w = bottoms[0], params[0]
        if normalize:
            w = w / np.sqrt((w**2).sum(1, keepdims=True) + 1e-6)
        y = (abs(x.reshape(len(x), 1, -1) - w) ** power).sum(2)
        return y + params[1] if bias else y

    return oracle


class TestInnerDistance(LayerContract):
    type_name = "InnerDistance"
    cases = {
        "default": Case("inner_distance_param { num_output: 3 }", [(4, 5)], oracle=distances(2, bias=False)),
        "bias": Case("inner_distance_param { num_output: 2 bias_term: true }", [(3, 2, 2)], oracle=distances(2)),
        "absolute": Case(
            'inner_distance_param { num_output: 3 distance_type: "L1" }',
            [(4, 5)],
            oracle=distances(1, bias=False),
            skip_kinks=True,
        ),
        "points_given": Case(
            "inner_distance_param { normalize: true bias_term: true }",
            [(4, 5), (3, 5)],
            oracle=lambda bottoms, params: distances(2)(bottoms, [bottoms[1], *params]),
        ),
        "normalized": Case(
            "inner_distance_param { num_output: 3 normalize: true }",
            [(4, 5)],
            oracle=distances(2, bias=False, normalize=True),
            gradients=False,  # as in the fork it does not see the normalization
        ),
    }
    errors = {
        "bottoms": ErrorCase(
            "inner_distance_param { num_output: 3 update_center_only: true }",
            bottoms=[(2, 3)],
            message="""
            error: wrong number of bottoms
              expected: 1 or 2, and the labels
              got:      1 bottoms
            """,
        ),
        "points": ErrorCase(
            bottoms=[(2, 3), (4, 2)],
            message="""
            error: the points do not fit the input
              expected: points x 3
              got:      bottom of shape 4x2
            """,
        ),
        "labels": ErrorCase(
            "inner_distance_param { num_output: 3 update_center_only: true }",
            bottoms=[(2, 3), (3,)],
            message="""
            error: the labels do not fit the input
              expected: 2, for an input of shape 2x3
              got:      bottom of shape 3
            """,
        ),
        "label": ErrorCase(
            "inner_distance_param { num_output: 3 update_center_only: true }",
            bottoms=[(2, 3), np.array([0.0, -1.0])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label -1 in record 1 of the batch
            """,
        ),
        "kind": ErrorCase(
            'inner_distance_param { num_output: 3 distance_type: "L3" }',
            message="""
            error: unknown distance_type
              expected: "L1" or "L2"
              got:      "L3"
            """,
        ),
        "nothing": ErrorCase(
            "inner_distance_param { num_output: 3 }",
            bottoms=[(2, 0)],
            message="""
            error: there is nothing to measure
              expected: inputs
              got:      shape 2x0
            """,
        ),
        "outputs": ErrorCase(
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `inner_distance_param { num_output: 20 }`
            """,
        ),
    }


def test_an_input_moves_the_point_of_its_class_alone():
    labels = np.array([2.0, 0.0, 2.0, 2.0])
    for given in (False, True):
        bottoms = [(4, 5), *([(3, 5)] if given else []), labels]
        fields = "inner_distance_param { num_output: 3 update_center_only: true }"
        runner = LayerRunner(layer_text("InnerDistance", fields, bottoms=len(bottoms)), bottoms)
        runner.forward()
        dx, *others = runner.backward()
        points = runner.bottom[1] if given else runner.layer.params[0]
        x, dy = runner.inputs[0], runner.top_diffs[0]
        away = 2 * (x[:, None] - points.data)
        own = np.where(labels[:, None] == np.arange(3), dy, 0)
        close(points.diff, -(own[:, :, None] * away).sum(0), 1e-13, "dw")
        close(dx, (dy[:, :, None] * away).sum(1), 1e-13, "dx")
        assert not others[-1].any()
