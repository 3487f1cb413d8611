"""Solver types as rows: how many history arrays, which update kernel, which constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycaffelite.errors import FieldError
from pycaffelite.kernels import update
from pycaffelite.kernels.tasks import Task
from pycaffelite.solvers.choices import unknown_choice
from pycaffelite.solvers.rates import Where, nowhere


@dataclass(frozen=True)
class Rule:
    """One solver type.

    Attributes:
        histories: Arrays of solver state for each parameter.
        step: The update kernel.
        constants: Fields -> what the kernel calls A, B, ...; computed in the element type given.
        rate_factor: Fields, iteration -> what multiplies the learning rate; None: nothing does.
        refuses_momentum: Whether `momentum` must be 0.
        decoupled: Whether weight decay shrinks the parameter directly instead of adding to its gradient.
    """

    histories: int
    step: Task
    constants: Callable[[Any, Any], tuple[Any, ...]]
    rate_factor: Callable[[Any, int], float] | None = None
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
