"""The update of all parameters by a rule, and what the solver keeps for each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.kernels import update
from pycaffelite.kernels._jit import CHUNKS
from pycaffelite.solvers.rules import Rule

# Below this many elements a parallel region costs more than it saves.
_SERIAL_BELOW = 1 << 15


class Updater:
    """What the update of one parameter works on; holds its history.

    Args:
        rule: The solver type.
        data: The parameter.
        diff: Its summed gradient; holds the applied update afterwards.

    Attributes:
        data, diff: Both, flat.
        arrays: These and the flat histories, as update kernels take them; a single one stands in for the second.
        history: One array of the parameter's shape for each of the rule's histories; zero at first.
    """

    def __init__(self, rule: Rule, data: Array, diff: Array) -> None:
        self.data, self.diff = data.reshape(-1), diff.reshape(-1)
        rows = np.zeros((rule.histories, data.size), data.dtype)
        self.arrays = (self.data, self.diff, rows[0], rows[-1])
        self.history = [row.reshape(data.shape) for row in rows]

    def squared_norm(self) -> float:
        """Return the sum of the squared summed gradient; the same bits for any number of threads."""
        count = self.diff.size
        if count < _SERIAL_BELOW:
            return float(update.sum_of_squares(self.diff, 0, count))
        sums = np.zeros(CHUNKS, np.float64)
        update.sums_of_squares(self.diff, sums)
        return math.fsum(sums)

    def is_finite(self) -> bool:
        """Return whether the summed gradient holds finite numbers only."""
        return math.isfinite(update.largest_magnitude(self.diff))


class Update:
    """Applies a rule to all parameters, in one run of a kernel.

    Args:
        rule: The solver type.
        parameters: What it updates.
    """

    def __init__(self, rule: Rule, parameters: Sequence[Updater]) -> None:
        self._rule, self._parameters = rule, parameters
        dtype = parameters[0].data.dtype
        self._constants = np.zeros((len(parameters), update.CONSTANTS), dtype)
        self._scales, self._rates = self._constants[:, update.SCALE], self._constants[:, update.RATE]
        self._multipliers, self._l2, self._l1 = np.zeros((3, len(parameters)), dtype)
        self._rate = np.zeros((), dtype)  # NumPy multiplies by a float in twice the time
        self._decays_l1 = False
        rows = zip(parameters, self._constants, strict=True)
        self._run = update.joined_update(rule.step, [(*parameter.arrays, row) for parameter, row in rows])

    def configure(
        self, constants: Sequence[Any], multipliers: Sequence[float], l2: Sequence[Any], l1: Sequence[Any]
    ) -> None:
        """Set what stays the same from one iteration to the next.

        Args:
            constants: What the rule needs.
            multipliers: Of the learning rate, for each parameter.
            l2, l1: Its weight decay.
        """
        self._constants[:, update.A : update.A + len(constants)] = constants
        self._multipliers[:], self._l2[:], self._l1[:] = multipliers, l2, l1
        self._constants[:, update.L2] = self._l2
        self._decays_l1 = bool(self._l1.any())

    def apply(self, scale: float, rate: float, factor: float | None = None, own: Sequence[float] = ()) -> None:
        """Update the parameters, their histories and their diffs.

        Args:
            scale: Multiplies the summed gradients: clipping and the average over iter_size.
            rate: The learning rate.
            factor: What the rule makes of the rate in this iteration; None: nothing.
            own: What each parameter makes of the rate by itself; empty: nothing.
        """
        self._scales.fill(scale)
        self._rate.fill(rate)
        np.multiply(self._multipliers, self._rate, out=self._rates)
        if own:
            np.multiply(self._rates, np.array(own, self._rates.dtype), out=self._rates)
        if self._rule.decoupled:
            np.multiply(self._rates, self._l2, out=self._constants[:, update.L2])
        if factor is not None:
            np.multiply(self._rates, factor, out=self._rates)
        if self._decays_l1:
            self._decay_l1()
        self._run.run()

    def _decay_l1(self) -> None:
        """Scale gradients and add L1 decay, where there is any; the update must do neither again."""
        for parameter, l1, constants in zip(self._parameters, self._l1, self._constants, strict=True):
            if l1:
                update.decay_l1(parameter.data, parameter.diff, constants[update.SCALE], l1)
                constants[update.SCALE] = 1
