"""Solver types as rows: how many history arrays, which update kernel, which constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.errors import FieldError
from pycaffelite.kernels import update
from pycaffelite.kernels._jit import CHUNKS
from pycaffelite.kernels.tasks import Task
from pycaffelite.solvers.choices import unknown_choice
from pycaffelite.solvers.rates import Where, nowhere

# Below this many elements a parallel region costs more than it saves.
_SERIAL_BELOW = 1 << 15
# Below this many a product with itself looks at every value of a gradient; NumPy makes no threads for it then.
_DOT_BELOW = 1 << 13
# Sums of squares below this are of values that are far from overflowing.
_TAME = 1e30


@dataclass(frozen=True)
class Rule:
    """One solver type.

    Attributes:
        histories: Arrays of solver state for each parameter.
        step: The update kernel.
        constants: Fields -> what the kernel calls A, B, ...; computed in the element type given.
        rate_factor: Fields, iteration -> what multiplies the learning rate.
        refuses_momentum: Whether `momentum` must be 0.
        decoupled: Whether weight decay shrinks the parameter directly instead of adding to its gradient.
    """

    histories: int
    step: Task
    constants: Callable[[Any, Any], tuple[Any, ...]]
    rate_factor: Callable[[Any, int], float] = lambda _parameter, _iteration: 1.0
    refuses_momentum: bool = False
    decoupled: bool = False


def _bias_correction(parameter: Any, iteration: int) -> float:
    """Adam's: the moments start at 0, which makes them too small at first."""
    beta1, beta2 = np.float32(parameter.momentum), np.float32(parameter.momentum2)
    count = iteration + 1
    return math.sqrt(1.0 - math.pow(beta2, count)) / (1.0 - math.pow(beta1, count))


def _momentum(p: Any, real: Any) -> tuple[Any, ...]:
    return (real(p.momentum), real(1) + real(p.momentum))


def _delta(p: Any, real: Any) -> tuple[Any, ...]:
    return (real(p.delta),)


def _rms(p: Any, real: Any) -> tuple[Any, ...]:
    return (real(p.delta), real(p.rms_decay), real(1) - real(p.rms_decay))


def _delta_momentum(p: Any, real: Any) -> tuple[Any, ...]:
    return (real(p.delta), real(p.momentum), real(1) - real(p.momentum))


def _moments(p: Any, real: Any) -> tuple[Any, ...]:
    beta1, beta2 = real(p.momentum), real(p.momentum2)
    return (real(p.delta), beta1, beta2, real(1) - beta1, real(1) - beta2)


RULES: dict[str, Rule] = {
    "SGD": Rule(1, update.sgd, _momentum),
    "Nesterov": Rule(1, update.nesterov, _momentum),
    "AdaGrad": Rule(1, update.adagrad, _delta, refuses_momentum=True),
    "RMSProp": Rule(1, update.rmsprop, _rms, refuses_momentum=True),
    "AdaDelta": Rule(2, update.adadelta, _delta_momentum),
    "Adam": Rule(2, update.adam, _moments, _bias_correction),
    "AdamW": Rule(2, update.adamw, _moments, _bias_correction, decoupled=True),
}


def find_rule(parameter: Any, where: Where = nowhere) -> Rule:
    """Return the rule of a solver's `type`.

    Raises:
        FieldError: There is no such type, or it does not take the momentum that is given.
    """
    rule = RULES.get(parameter.type)
    if rule is None:
        raise unknown_choice("solver type", "type", parameter.type, RULES, where("type"))
    if rule.refuses_momentum and parameter.momentum != 0:
        raise FieldError(
            f"{parameter.type} does not use momentum",
            where=where("momentum"),
            expected="momentum: 0, or no momentum",
            got=f"momentum: {parameter.momentum:g}",
            hint='remove `momentum`, or use `type: "Adam"` to have both',
        )
    if rule.decoupled and parameter.regularization_type != "L2":
        raise FieldError(
            f"{parameter.type} shrinks the weights in proportion",
            where=where("regularization_type"),
            expected='regularization_type: "L2", or none',
            got=f'regularization_type: "{parameter.regularization_type}"',
            hint='use `type: "Adam"` for another regularization',
        )
    return rule


class Updater:
    """Applies a rule to one parameter; holds its history.

    Args:
        rule: The solver type.
        data: The parameter.
        diff: Its summed gradient; holds the applied update afterwards.

    Attributes:
        history: One array of the parameter's shape for each of the rule's histories; zero at first.
        samples: Views of the gradient. Of a large one they are a row and a column, which see whatever comes from a
            blob: a value that is not finite in the diff of the top spoils a row, one in the data of the bottom spoils
            a column. Only a single sum that overflows, 1e20 times as large as those seen, can hide from them.
    """

    def __init__(self, rule: Rule, data: Array, diff: Array) -> None:
        self.rule = rule
        self._data, self._diff = data.reshape(-1), diff.reshape(-1)
        self.samples = _samples(diff)
        self._history = np.zeros((rule.histories, data.size), data.dtype)
        self._all_history = self._history.reshape(-1)
        self._constants = np.zeros(update.CONSTANTS, data.dtype)
        self._l2 = self._l1 = self._data.dtype.type(0)
        self.history = [row.reshape(data.shape) for row in self._history]

    def configure(self, constants: Sequence[Any], l2: float, l1: float) -> None:
        """Set what stays the same from one iteration to the next."""
        self._constants[update.L2] = self._l2 = self._data.dtype.type(l2)
        self._l1 = self._data.dtype.type(l1)
        self._constants[update.A : update.A + len(constants)] = constants

    def apply(self, scale: float, rate: Any, factor: Any = 1) -> None:
        """Update the parameter, its history and its diff.

        Args:
            scale: Multiplies the summed gradient: clipping and the average over iter_size.
            rate: The learning rate of this parameter, in its element type.
            factor: What the rule makes of the rate in this iteration, in the element type.
        """
        if self._l1:
            update.decay_l1(self._data, self._diff, self._data.dtype.type(scale), self._l1)
            scale = 1.0
        self._constants[update.SCALE] = scale
        self._constants[update.RATE] = rate * factor
        if self.rule.decoupled:
            self._constants[update.L2] = rate * self._l2
        update.apply(self.rule.step, self._data, self._diff, self._all_history, self._constants)

    def squared_norm(self) -> float:
        """Return the sum of the squared summed gradient; the same bits for any number of threads."""
        count = self._diff.size
        if count < _SERIAL_BELOW:
            return float(update.sum_of_squares(self._diff, 0, count))
        sums = np.zeros(CHUNKS, np.float64)
        update.sums_of_squares(self._diff, sums)
        return math.fsum(sums)

    def is_finite(self) -> bool:
        """Return whether the summed gradient holds finite numbers only; NumPy's floating-point warnings must be off."""
        return are_small(self.samples) or math.isfinite(update.largest_magnitude(self._diff))


def are_small(samples: Sequence[Array]) -> bool:
    """Return whether all values are finite, and far from overflowing."""
    size = 0.0
    for sample in samples:
        size += sample.dot(sample)
    return bool(size < _TAME)


def _samples(diff: Array) -> list[Array]:
    """Return views that show what is not finite: of a small gradient everything, else a row and a column."""
    if diff.size <= _DOT_BELOW or diff.ndim < 2:
        return [diff.reshape(-1)]
    matrix = diff.reshape(diff.shape[0], -1)
    return [matrix[0], matrix[:, matrix.shape[1] // 2]]
