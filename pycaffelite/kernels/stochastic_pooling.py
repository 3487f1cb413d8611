"""Stochastic pooling: a place of each window is drawn with a probability in proportion to its activation.

Arrays and `g` as in `pooling`, without padding; activations are taken to be at least 0. Parallel over planes.
"""

from __future__ import annotations

from typing import Any

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.pooling import (
    HEIGHT,
    KERNEL_H,
    KERNEL_W,
    OUT_H,
    OUT_W,
    STRIDE_H,
    STRIDE_W,
    WIDTH,
    Numbers,
    planes,
    window,
)
from pycaffelite.kernels.tasks import run, task


def sample_forward(x: Array, uniform: Array, y: Array, places: Array, g: Numbers) -> None:
    """Write a drawn activation of each window and its place; `uniform` holds a number from [0, 1) for each output."""
    run(_sample, planes(x, g), (x, uniform, y, places), g)


def expect_forward(x: Array, y: Array, g: Numbers) -> None:
    """Write the expected activation, sum x^2 / sum x; 0 where all activations are 0."""
    run(_expect, planes(x, g), (x, y), g)


def expect_backward(x: Array, y: Array, dy: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: dy (2 x - y) / sum x, summed over the windows that hold x."""
    run(_expect_backward, planes(x, g), (x, y, dy, dx), g)


@kernel()
def _total(x: Array, base: int, h0: int, h1: int, w0: int, w1: int, width: int) -> Any:
    """Return the sum over a window, in the float type of x."""
    total = x[base + h0 * width + w0]
    total -= total
    for h in range(h0, h1):
        for w in range(w0, w1):
            total += x[base + h * width + w]
    return total


@task("fffif")
def _sample(plane: int, _thread: int, x: Array, uniform: Array, y: Array, places: Array, _e: Array, g: Numbers) -> None:
    """Draw for one plane: the first place where the running sum passes the drawn share of the whole."""
    base, target = plane * g[HEIGHT] * g[WIDTH], plane * g[OUT_H] * g[OUT_W]
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], 0, g[HEIGHT])
        for ow in range(g[OUT_W]):
            w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], 0, g[WIDTH])
            left = uniform[target] * _total(x, base, h0, h1, w0, w1, g[WIDTH])
            found = False
            place = h0 * g[WIDTH] + w0
            for h in range(h0, h1):
                for w in range(w0, w1):
                    value = x[base + h * g[WIDTH] + w]
                    if not found and value > 0:  # the last that can be drawn stays, should rounding find none
                        place = h * g[WIDTH] + w
                        found = left < value
                    left -= value
            y[target] = x[base + place]
            places[target] = place
            target += 1


@task("fffff")
def _expect(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the expectations of one plane."""
    base, target = plane * g[HEIGHT] * g[WIDTH], plane * g[OUT_H] * g[OUT_W]
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], 0, g[HEIGHT])
        for ow in range(g[OUT_W]):
            w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], 0, g[WIDTH])
            total = _total(x, base, h0, h1, w0, w1, g[WIDTH])
            y[target] = 0
            if total > 0:
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        value = x[base + h * g[WIDTH] + w]
                        y[target] += value * value / total
            target += 1


@task("fffff")
def _expect_backward(plane: int, _thread: int, x: Array, y: Array, dy: Array, dx: Array, _e: Array, g: Numbers) -> None:
    """Write the gradient of one plane."""
    base, source = plane * g[HEIGHT] * g[WIDTH], plane * g[OUT_H] * g[OUT_W]
    for i in range(base, base + g[HEIGHT] * g[WIDTH]):
        dx[i] = 0
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], 0, g[HEIGHT])
        for ow in range(g[OUT_W]):
            w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], 0, g[WIDTH])
            total = _total(x, base, h0, h1, w0, w1, g[WIDTH])
            if total > 0:
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        i = base + h * g[WIDTH] + w
                        dx[i] += dy[source] * (2 * x[i] - y[source]) / total
            source += 1
