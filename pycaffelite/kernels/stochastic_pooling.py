"""Stochastic pooling: a place of each window is drawn with a probability in proportion to its activation.

Arrays and `g` as in `pooling`; activations are taken to be at least 0. Parallel over planes.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import kernel, prange


@kernel(parallel=True)
def sample_forward(x, uniform, y, chosen, g):  # type: ignore[no-untyped-def]
    """Write a drawn activation of each window and its place; `uniform` holds a number from [0, 1) for each output."""
    for plane in prange(g[0]):
        base = plane * g[1] * g[2]
        for oh in range(g[3]):
            h0, h1 = oh * g[7], min(g[1], oh * g[7] + g[5])
            for ow in range(g[4]):
                w0, w1 = ow * g[8], min(g[2], ow * g[8] + g[6])
                total = x.dtype.type(0)
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        total += x[base + h * g[2] + w]
                target = (plane * g[3] + oh) * g[4] + ow
                threshold = uniform[target] * total
                running = x.dtype.type(0)
                place = -1
                last = h0 * g[2] + w0
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        value = x[base + h * g[2] + w]
                        running += value
                        if value > 0:
                            last = h * g[2] + w  # rounding may leave the threshold above the sum
                        if place < 0 and running > threshold:
                            place = h * g[2] + w
                chosen[target] = place if place >= 0 else last
                y[target] = x[base + chosen[target]]


@kernel(parallel=True)
def expect_forward(x, y, g):  # type: ignore[no-untyped-def]
    """Write the expected activation, sum x^2 / sum x; 0 where all activations are 0."""
    for plane in prange(g[0]):
        base = plane * g[1] * g[2]
        for oh in range(g[3]):
            h0, h1 = oh * g[7], min(g[1], oh * g[7] + g[5])
            for ow in range(g[4]):
                w0, w1 = ow * g[8], min(g[2], ow * g[8] + g[6])
                total, squares = x.dtype.type(0), x.dtype.type(0)
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        value = x[base + h * g[2] + w]
                        total += value
                        squares += value * value
                y[(plane * g[3] + oh) * g[4] + ow] = squares / total if total > 0 else x.dtype.type(0)


@kernel(parallel=True)
def expect_backward(x, y, dy, dx, g):  # type: ignore[no-untyped-def]
    """Overwrite dx: dy (2 x - y) / sum x, summed over the windows that hold x."""
    for plane in prange(g[0]):
        base = plane * g[1] * g[2]
        for i in range(base, base + g[1] * g[2]):
            dx[i] = 0
        for oh in range(g[3]):
            h0, h1 = oh * g[7], min(g[1], oh * g[7] + g[5])
            for ow in range(g[4]):
                w0, w1 = ow * g[8], min(g[2], ow * g[8] + g[6])
                total = x.dtype.type(0)
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        total += x[base + h * g[2] + w]
                target = (plane * g[3] + oh) * g[4] + ow
                if total > 0:
                    for h in range(h0, h1):
                        for w in range(w0, w1):
                            i = base + h * g[2] + w
                            dx[i] += dy[target] * (2 * x[i] - y[target]) / total
