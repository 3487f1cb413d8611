import numpy as np
import pytest

from pycaffelite.kernels import update
from pycaffelite.kernels._jit import CHUNKS, JIT_ENABLED, set_threads
from pycaffelite.kernels.tasks import run

# Constants A to E of each rule, and the number of its histories.
RULES = {
    "sgd": (1, (0.9,)),
    "nesterov": (1, (0.9, 1.9)),
    "adagrad": (1, (1e-3,)),
    "rmsprop": (1, (1e-3, 0.9, 0.1)),
    "adadelta": (2, (1e-3, 0.9, 0.1)),
    "adam": (2, (1e-3, 0.9, 0.99, 0.1, 0.01)),
    "adamw": (2, (1e-3, 0.9, 0.99, 0.1, 0.01)),
}


def oracle(rule, g, h, rate, c):
    """Return (value to subtract, new history) for the gradient g, in plain NumPy."""
    if rule == "sgd":
        new = c[0] * h[0] + rate * g
        return new, [new]
    if rule == "nesterov":
        new = c[0] * h[0] + rate * g
        return c[1] * new - c[0] * h[0], [new]
    if rule == "adagrad":
        new = h[0] + g**2
        return rate * g / (np.sqrt(new) + c[0]), [new]
    if rule == "rmsprop":
        new = c[1] * h[0] + c[2] * g**2
        return rate * g / (np.sqrt(new) + c[0]), [new]
    if rule == "adadelta":
        new = c[1] * h[0] + c[2] * g**2
        step = g * np.sqrt((h[1] + c[0]) / (new + c[0]))
        return rate * step, [new, c[1] * h[1] + c[2] * step**2]
    mean, squares = c[1] * h[0] + c[3] * g, c[2] * h[1] + c[4] * g**2
    return rate * mean / (np.sqrt(squares) + c[0]), [mean, squares]


def case(rule, count, dtype, *, scale=0.5, l2=0.0):
    histories, rest = RULES[rule]
    generator = np.random.default_rng(3)
    data, diff = (generator.standard_normal(count).astype(dtype) for _ in range(2))
    history = np.abs(generator.standard_normal((histories, count))).astype(dtype)
    constants = np.zeros(update.CONSTANTS, dtype)
    constants[: update.A] = scale, l2, 0.1
    constants[update.A : update.A + len(rest)] = rest
    return data, diff, history, constants


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("decay", [{}, {"l2": 0.02}], ids=["plain", "l2"])
def test_against_numpy(rule, decay, dtype):
    data, diff, history, constants = case(rule, 50, dtype, **decay)
    x, c = data.astype(np.float64), constants.astype(np.float64)
    apart = c[update.L2] * x if rule == "adamw" else 0.0
    g = diff * c[update.SCALE] + (0.0 if rule == "adamw" else c[update.L2] * x)
    value, new = oracle(rule, g, history.astype(np.float64), c[update.RATE], c[update.A :])
    value = value + apart
    update.joined_update(getattr(update, rule), [five(data, diff, history, constants)]).run()
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    np.testing.assert_allclose(diff, value, tolerance, tolerance)
    np.testing.assert_allclose(history, new, tolerance, tolerance)
    np.testing.assert_allclose(data, x - value, tolerance, tolerance)


@pytest.mark.parametrize("rule", RULES)
def test_parameters_have_the_same_bits_alone_and_together(rule):
    count = 40000 if JIT_ENABLED else 37  # more than one task
    alone, together = case(rule, count, np.float32, l2=0.1), case(rule, count, np.float32, l2=0.1)
    step = getattr(update, rule)
    update.joined_update(step, [five(*alone)]).run()
    data, diff, history, constants = together
    parts = (
        [np.s_[:5], np.s_[5:5], np.s_[5 : count - 100], np.s_[count - 100 :]] if JIT_ENABLED else [np.s_[:5], np.s_[5:]]
    )
    update.joined_update(step, [five(data[p], diff[p], history[:, p], constants.copy()) for p in parts]).run()
    for ours, theirs in zip(alone[:3], together[:3], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def five(data, diff, history, constants):
    return data, diff, history[0], history[-1], constants


def test_add_squares():
    x, one, total = np.arange(6, dtype=np.float32), np.ones(1, np.float32), np.zeros(1, np.float32)
    run(update.add_squares, 1, (x, one, total), np.array([6, 1]))
    assert total[0] == 1 + 55
    for count, step in ((3, 2), (0, 1)):
        run(update.add_squares, 1, (x, total, total), np.array([count, step]))
    assert total[0] == 1 + 55 + 20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_l1_decay(dtype):
    data, diff = np.array([2, 0, -3], dtype), np.array([1, 2, 3], dtype)
    update.decay_l1(data, diff, dtype(0.5), dtype(0.25))
    assert diff.tolist() == [0.75, 1, 1.25]


def test_sum_of_squares():
    x = np.arange(10, dtype=np.float32)
    assert update.sum_of_squares(x, 0, 10) == 285
    assert update.sum_of_squares(x, 2, 4) == 13
    sums = np.zeros(CHUNKS)
    update.sums_of_squares(x, sums)
    assert sums.sum() == 285


def test_sum_of_squares_is_the_same_for_any_number_of_threads():
    x = np.random.default_rng(1).standard_normal(5000 if JIT_ENABLED else 40).astype(np.float32)
    found = []
    for threads in (1, 2):
        set_threads(threads)
        sums = np.zeros(CHUNKS)
        update.sums_of_squares(x, sums)
        found.append(sums)
    set_threads(None)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 40] if not JIT_ENABLED else [1, 40, 40_000])
def test_largest_magnitude(count, dtype):
    x = np.random.default_rng(1).standard_normal(count).astype(dtype)
    x[-1] = -9.0
    assert update.largest_magnitude(x) == 9.0
    for bad in (np.inf, -np.inf, np.nan, -np.nan):
        x[count // 2] = bad
        assert not np.isfinite(update.largest_magnitude(x))
    assert update.largest_magnitude(x[:0]) == 0.0
