"""Compare a layer's gradients with central differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.testing.runner import LayerRunner


def check_gradients(
    runner: LayerRunner,
    *,
    step: float = 1e-4,
    tolerance: float = 1e-6,
    samples: int = 100,
    skip_kinks: bool = False,
) -> None:
    """Check the gradient of every wanted bottom and every parameter that learns, in float64.

    The objective is the sum over all tops of top times `runner.top_diffs`. For each sampled element x, the slope
    (f(x + step) - f(x - step)) / (2 step) must agree with the diff that `backward` leaves, within `tolerance` times
    the larger of the two, of the largest diff of that array, and of 0.01. Before each pass, parameters, buffers and
    state are put back, so that a layer with random numbers or a memory is a function of its inputs.

    Args:
        runner: A float64 runner.
        step: How far an element is moved.
        tolerance: The largest relative difference.
        samples: How many elements of each array are checked, evenly spread; all if it has no more.
        skip_kinks: Leave out elements next to a kink, where the slopes to the left and to the right differ; a check
            that has to leave out more than half of an array fails.

    Raises:
        AssertionError: With the first element that differs and both slopes.
    """
    if runner.dtype != np.float64:
        raise ValueError("gradients are checked in float64")
    start = runner.save()
    middle = runner.forward()
    runner.clear_params()
    diffs = runner.backward()
    checked = [(f"bottom {i}", runner.inputs[i], diffs[i]) for i in range(len(diffs)) if runner.wanted[i]]
    saved_params = start[0]
    for i, blob in enumerate(runner.layer.params):
        if runner.layer.wanted_params[i]:
            checked.append((f"parameter {i}", saved_params[i], blob.diff.copy()))
    for what, values, diff in checked:
        _check_array(_Slopes(runner, start, middle, values, step, skip_kinks), what, diff, tolerance, samples)


class _Slopes:
    """Numeric slopes of the objective along the elements of one array, which is moved in place."""

    def __init__(
        self,
        runner: LayerRunner,
        start: tuple[Any, ...],
        middle: list[Array],
        values: Array,
        step: float,
        skip_kinks: bool,
    ) -> None:
        self.runner, self.start, self.middle, self.step, self.skip_kinks = runner, start, middle, step, skip_kinks
        self.flat = values.reshape(-1)

    def at(self, i: int) -> float | None:
        """Return the slope along element i, or None beside a kink."""
        kept = self.flat[i]
        self.flat[i] = kept + self.step
        above = self._tops()
        self.flat[i] = kept - self.step
        below = self._tops()
        self.flat[i] = kept
        if self.skip_kinks:
            right, left = self._rise(above, self.middle), self._rise(self.middle, below)
            if abs(right - left) > 1e-2 * max(abs(right), abs(left), self.step):
                return None
        # Tops are subtracted before they are summed: their common part would cost digits.
        return self._rise(above, below) / (2 * self.step)

    def _tops(self) -> list[Array]:
        self.runner.load(self.start)
        return self.runner.forward()

    def _rise(self, above: list[Array], below: list[Array]) -> float:
        weights = self.runner.top_diffs
        return sum(float(np.sum((a - b) * w)) for a, b, w in zip(above, below, weights, strict=True))


def _check_array(slopes: _Slopes, what: str, diff: Array, tolerance: float, samples: int) -> None:
    """Compare sampled elements of one diff with their numeric slopes."""
    flat = diff.reshape(-1)
    chosen = np.unique(np.linspace(0, max(flat.size - 1, 0), min(samples, flat.size)).astype(int))
    largest = float(np.abs(flat).max(initial=1e-2))
    skipped = 0
    for i in chosen:
        slope = slopes.at(int(i))
        if slope is None:
            skipped += 1
        elif not abs(slope - flat[i]) <= tolerance * max(abs(slope), largest):
            place = tuple(int(k) for k in np.unravel_index(i, diff.shape))
            raise AssertionError(f"the diff of {what} at {place} is {flat[i]!r}; the slope there is {slope!r}")
    if 2 * skipped > len(chosen):
        raise AssertionError(f"{skipped} of {len(chosen)} elements of {what} lie beside a kink")
