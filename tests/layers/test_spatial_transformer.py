from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

THETA = np.random.default_rng(1).uniform(-1, 1, (2, 6)).astype(np.float32)  # no point lies on a pixel


def read(size=None, fixed=()):
    def oracle(bottoms, params):
        x, theta = bottoms
        rows, columns = size or x.shape[2:]
        y = np.zeros((*x.shape[:2], rows, columns))
        for n, s, t in np.ndindex(len(x), rows, columns):
            full = np.insert(theta[n].reshape(-1), *zip(*fixed, strict=True)) if fixed else theta[n]
            target = np.array([2 * s / rows - 1, 2 * t / columns - 1, 1])
            points = (full.reshape(2, 3) @ target + 1) / 2 * x.shape[2:]
            near = [np.maximum(0, 1 - abs(np.arange(n) - p)) for n, p in zip(x.shape[2:], points, strict=True)]
            y[n, :, s, t] = np.einsum("chw,h,w->c", x[n], *near)
        return y

    return oracle


class TestSpatialTransformer(LayerContract):
    type_name = "SpatialTransformer"
    cases = {
        "default": Case(bottoms=[(2, 3, 4, 5), THETA], oracle=read()),
        "size": Case("st_param { output_H: 3 output_W: 6 }", [(2, 1, 4, 5), THETA], oracle=read((3, 6))),
        "fixed": Case(
            "st_param { theta_1_2: 0.25 theta_2_1: -0.125 }",
            [(2, 2, 4, 5), np.ascontiguousarray(THETA[:, [0, 2, 4, 5], None])],
            oracle=read(fixed=[(1, 0.25), (2, -0.125)]),
        ),
        "map_alone": Case("st_param { to_compute_dU: false }", [(2, 2, 4, 5), THETA], wanted=[False, True]),
    }
    errors = {
        "transform": ErrorCase(
            'st_param { transform_type: "tps" }',
            bottoms=[(1, 1, 2, 2), (1, 6)],
            message="""
            error: unknown transform_type
              expected: "affine"
              got:      "tps"
            """,
        ),
        "size": ErrorCase(
            "st_param { output_W: 0 }",
            bottoms=[(1, 1, 2, 2), (1, 6)],
            message="""
            error: output_W is out of range
              expected: at least 1
              got:      0
            """,
        ),
        "theta": ErrorCase(
            "st_param { theta_1_1: 1 }",
            bottoms=[(1, 1, 2, 2), (1, 6)],
            message="""
            error: theta does not fit
              expected: 1 times 5 numbers, those that no field fixes
              got:      second bottom of shape 1x6
            """,
        ),
        "axes": ErrorCase(
            bottoms=[(2, 2), (2, 6)],
            message="""
            error: SpatialTransformer needs four axes
              expected: N x C x H x W
              got:      bottom of shape 2x2
            """,
        ),
    }


def test_the_image_gets_no_gradient_where_none_is_to_be_computed():
    text = layer_text("SpatialTransformer", "st_param { to_compute_dU: false }", bottoms=2)
    runner = LayerRunner(text, [(2, 2, 4, 5), THETA])
    runner.forward()
    dx, dtheta = runner.backward()
    assert not dx.any()
    assert dtheta.all()


def test_nan_in_the_map_reads_nothing():
    runner = LayerRunner(layer_text("SpatialTransformer", bottoms=2), [(1, 1, 3, 3), np.full((1, 6), np.nan)])
    assert not runner.forward()[0].any()
    runner.backward()
    assert runner.overruns() == 0
