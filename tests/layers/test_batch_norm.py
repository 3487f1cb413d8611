from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text


def normalized(x, mean, variance, eps=1e-5):
    column = (1, -1) + (1,) * (x.ndim - 2)
    return (x - mean.reshape(column)) / np.sqrt(variance.reshape(column) + float(np.float32(eps)))


def by_batch(bottoms, params):
    x = bottoms[0]
    axes = (0, *range(2, x.ndim))
    return normalized(x, x.mean(axes), x.var(axes))


def by_sums(bottoms, params):
    mean_sum, variance_sum, factor = params
    weight = 1 / factor[0] if factor[0] else 0
    return normalized(bottoms[0], mean_sum * weight, variance_sum * weight)


SUMS = [np.array([1.0, -2.0, 0.5]), np.array([2.0, 6.0, 1.0]), np.array([4.0])]


class TestBatchNorm(LayerContract):
    type_name = "BatchNorm"
    cases = {
        "train": Case(oracle=by_batch),
        "train_two_axes": Case("batch_norm_param { eps: 0.01 }", [(6, 3)]),
        "train_three_axes": Case(bottoms=[(4, 3, 2)], oracle=by_batch),
        "train_vector": Case(bottoms=[(5,)]),
        "train_with_sums": Case(bottoms=[(4, 3)], params=SUMS, oracle=by_batch),
        "train_by_sums": Case("batch_norm_param { use_global_stats: true }", params=SUMS, oracle=by_sums),
        "test": Case(params=SUMS, phase="TEST", oracle=by_sums),
        "test_without_sums": Case(phase="TEST", oracle=by_sums),
        "test_by_batch": Case("batch_norm_param { use_global_stats: false }", phase="TEST", oracle=by_batch),
    }
    errors = {
        "learned": ErrorCase(
            "param { lr_mult: 0 } param { lr_mult: 0.5 }",
            message="""
            error: the statistics of BatchNorm cannot be learned
              expected: lr_mult 0 for each `param`
              got:      lr_mult 0.5 for `param` number 2

            hint: write `param { lr_mult: 0 }` three times, or leave `param` out
            """,
        ),
        "a_number": ErrorCase(
            bottoms=[()],
            message="""
            error: there is nothing to take statistics of
              expected: a bottom of at least one axis and one element
              got:      bottom of shape () (a single number)
            """,
        ),
        "nothing": ErrorCase(
            bottoms=[(0, 3)],
            message="""
            error: there is nothing to take statistics of
              expected: a bottom of at least one axis and one element
              got:      bottom of shape 0x3
            """,
        ),
    }


def test_sums_fade_and_the_kept_variance_is_unbiased():
    runner = LayerRunner(layer_text("BatchNorm", "batch_norm_param { moving_average_fraction: 0.5 }"), [(4, 3, 2)])
    first, second = runner.inputs[0], runner.inputs[0] * 3 + 1
    runner.forward(first)
    runner.forward(second)
    mean_sum, variance_sum, factor = (blob.data for blob in runner.layer.params)
    close(mean_sum, 0.5 * first.mean((0, 2)) + second.mean((0, 2)), 1e-13, "mean_sum")
    close(variance_sum, 0.5 * first.var((0, 2), ddof=1) + second.var((0, 2), ddof=1), 1e-13, "variance_sum")
    assert factor.tolist() == [1.5]


def test_the_solver_does_not_move_the_statistics():
    layer = LayerRunner(layer_text("BatchNorm"), [(4, 3)]).layer
    assert [(param.lr_mult, param.decay_mult) for param in layer.layout([(4, 3)]).params] == [(0, 1)] * 3


def test_statistics_of_a_batch_of_one_are_finite():
    runner = LayerRunner(layer_text("BatchNorm"), [(1, 3)])
    runner.forward()
    assert np.isfinite([blob.data.sum() for blob in runner.layer.params]).all()


def test_means_far_from_zero_do_not_cost_digits():
    x = np.random.default_rng(0).standard_normal((64, 2, 30)).astype(np.float32) + 1000
    runner = LayerRunner(layer_text("BatchNorm"), [x], dtype=np.float32)
    close(runner.forward()[0], by_batch([x.astype(np.float64)], []), 1e-4, "top")


def test_the_gradient_survives_a_layer_that_overwrites_the_top():
    results = []
    for overwritten in (False, True):
        runner = LayerRunner(layer_text("BatchNorm", in_place=True), [(4, 3)])
        runner.forward()
        if overwritten:
            runner.top[0].data[...] = 9
        results.append(runner.backward()[0])
    np.testing.assert_array_equal(*results)
