from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.solvers.rules import RULES
from pycaffelite.solvers.updater import Update, Updater


def make(rule, *parameters, diff=1.0):
    """Return updaters of parameters whose gradients are all the same number, and their update."""
    updaters = [Updater(RULES[rule], data, np.full_like(data, diff)) for data in parameters]
    return updaters, Update(RULES[rule], updaters)


def test_a_large_parameter_is_updated_as_a_small_one():
    large, small = np.zeros((2, 1 << 14), np.float32), np.zeros(3, np.float32)
    updaters, update = make("SGD", large, small)
    update.configure((0.5, 1.5), [1, 1], [0, 0], [0, 0])
    update.apply(1.0, 0.25)
    assert (large == small[0]).all()
    assert small[0] == -0.25
    assert updaters[0].history[0].shape == large.shape


def test_each_parameter_has_its_own_rate_and_decay():
    updaters, update = make("SGD", *(np.full(2, 4.0) for _ in range(4)))
    update.configure((0.0, 1.0), [1, 2, 1, 1], l2=[0, 0, 0.25, 0], l1=[0, 0, 0, 0.5])
    update.apply(0.5, 1.0, own=[1.0, 1.0, 1.0, 3.0])
    assert [updater.diff[1] for updater in updaters] == [0.5, 1.0, 1.5, 3.0]
    assert [updater.data[1] for updater in updaters] == [3.5, 3.0, 2.5, 1.0]


def test_a_parameter_may_be_a_single_number():
    updaters, update = make("Adam", number := np.array(2.0))
    update.configure((1e-8, 0.9, 0.999, 0.1, 0.001), [1], [0], [0])
    update.apply(1.0, 0.5)
    assert number != 2.0
    assert [history.shape for history in updaters[0].history] == [(), ()]


def test_adamw_decays_apart_from_the_gradient():
    values = {}
    for name in ("Adam", "AdamW"):
        _updaters, update = make(name, data := np.full(3, 2.0), diff=0.0)
        update.configure((1e-8, 0.9, 0.999, 0.1, 0.001), [1], l2=[0.25], l1=[0])
        update.apply(1.0, 0.5, 0.125)
        values[name] = data[0]
    assert values["AdamW"] == 2.0 - 0.5 * 0.25 * 2.0  # the factor is for the moments alone
    assert values["Adam"] != values["AdamW"]


def test_squared_norm_of_a_large_parameter():
    values = np.random.default_rng(2).standard_normal(40_000).astype(np.float32)
    updater = Updater(RULES["SGD"], np.zeros_like(values), values)
    assert updater.squared_norm() == pytest.approx(float(np.square(values, dtype=np.float64).sum()), rel=1e-12)


@pytest.mark.parametrize("shape", [(3,), (40_000,), (200, 4, 50)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen(shape, bad):
    gradient = np.full(shape, 1e30, np.float32)  # the sum of its squares overflows
    updater = Updater(RULES["SGD"], np.zeros_like(gradient), gradient)
    assert updater.is_finite()
    gradient.flat[gradient.size // 3] = bad
    assert not updater.is_finite()
