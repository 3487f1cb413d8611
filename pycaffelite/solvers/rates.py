"""Learning-rate policies: the rate as a function of the iteration.

The arithmetic is Caffe's: in the element type of the net where Caffe computes in it, in double precision where C++
promotes to it. `multistep` is the one policy that remembers something, the number of steps taken: it takes at most
one an iteration, so two equal step values need two iterations. That number is part of a solver state, also where
Caffe sets it from the iteration (`step`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import FieldError, Location
from pycaffelite.names import did_you_mean

_EXP_LIMIT = 709.0  # above it, exp leaves the double range

Where = Callable[..., Location | None]


def nowhere(*_path: str | int) -> Location | None:
    """Know no location; stands in where a solver was not read from a file."""
    return None


def _fixed(p: Any, _iteration: int, _step: int, _real: Any) -> Any:
    return p.base_lr


def _step(p: Any, _iteration: int, step: int, _real: Any) -> Any:
    return p.base_lr * math.pow(p.gamma, step)


def _exp(p: Any, iteration: int, _step: int, _real: Any) -> Any:
    return p.base_lr * math.pow(p.gamma, iteration)


def _inv(p: Any, iteration: int, _step: int, real: Any) -> Any:
    # Caffe multiplies the float field by the integer in single precision, whatever the net's own.
    base = real(1) + real(np.float32(p.gamma) * np.float32(iteration))
    return real(p.base_lr) * _power(base, -p.power, real)


def _poly(p: Any, iteration: int, _step: int, real: Any) -> Any:
    # Beyond max_iter the base would be negative, and its power no number.
    left = max(real(0), real(1) - real(iteration) / real(p.max_iter))
    return real(p.base_lr) * _power(left, p.power, real)


def _sigmoid(p: Any, iteration: int, _step: int, real: Any) -> Any:
    exponent = float(real(-p.gamma) * (real(iteration) - real(p.stepsize)))
    growth = math.exp(exponent) if exponent < _EXP_LIMIT else math.inf  # an infinite one is a rate of 0
    return real(p.base_lr) * (real(1) / (real(1) + _rounded(growth, real)))


def _power(base: Any, exponent: float, real: Any) -> Any:
    # NumPy's own float32 power may be off by a bit; rounding the double result is what a C library does.
    return _rounded(math.pow(float(base), exponent), real)


def _rounded(value: float, real: Any) -> Any:
    with np.errstate(over="ignore"):
        return real(value)


@dataclass(frozen=True)
class Policy:
    """One learning-rate policy: its formula, the fields that it cannot do without, the formula as users read it."""

    formula: Callable[[Any, int, int, Any], Any]
    needs: tuple[str, ...]
    text: str


POLICIES: dict[str, Policy] = {
    "fixed": Policy(_fixed, (), "base_lr"),
    "step": Policy(_step, ("gamma", "stepsize"), "base_lr * gamma ^ floor(iteration / stepsize)"),
    "exp": Policy(_exp, ("gamma",), "base_lr * gamma ^ iteration"),
    "inv": Policy(_inv, (), "base_lr * (1 + gamma * iteration) ^ -power"),
    "multistep": Policy(_step, ("gamma",), "base_lr * gamma ^ (number of step values passed)"),
    "poly": Policy(_poly, ("max_iter",), "base_lr * (1 - iteration / max_iter) ^ power"),
    "sigmoid": Policy(_sigmoid, ("stepsize",), "base_lr / (1 + exp(-gamma * (iteration - stepsize)))"),
}


def check_policy(parameter: Any, where: Where = nowhere) -> None:
    """Raise FieldError unless the policy is known and has the fields that it needs; others are 0 where left out.

    Args:
        parameter: The SolverParameter message.
        where: Gives the location of a field, for the error.
    """
    name = parameter.lr_policy
    policy = POLICIES.get(name)
    if policy is None:
        raise FieldError(
            "unknown learning-rate policy" if name else "no learning-rate policy",
            where=where("lr_policy"),
            expected="lr_policy: one of " + ", ".join(f'"{known}"' for known in POLICIES),
            got=f'lr_policy: "{name}"' if name else "no lr_policy",
            hint=did_you_mean(name, POLICIES) or 'use `lr_policy: "fixed"` for a constant rate of base_lr',
        )
    for field in policy.needs:
        if not parameter.HasField(field):
            raise FieldError(
                f'`lr_policy: "{name}"` needs `{field}`',
                where=where("lr_policy"),
                expected=f"{field}, for a rate of {policy.text}",
                got=f"no {field}",
            )
    if name not in ("fixed", "poly") and parameter.gamma < 0:
        raise FieldError(
            "gamma is negative",
            where=where("gamma"),
            expected=f"gamma of at least 0, for a rate of {policy.text}",
            got=f"gamma: {parameter.gamma:g}",
        )
    if "stepsize" in policy.needs and parameter.stepsize <= 0:
        raise FieldError(
            "stepsize must be positive",
            where=where("stepsize"),
            expected="stepsize of at least 1 (iterations)",
            got=f"stepsize: {parameter.stepsize}",
        )


def next_step(parameter: Any, iteration: int, current_step: int) -> int:
    """Return the number of steps taken when the rate of `iteration` is asked for, given the number before."""
    if parameter.lr_policy == "step":
        return int(iteration // parameter.stepsize)
    if parameter.lr_policy == "multistep":
        values = parameter.stepvalue
        return current_step + (current_step < len(values) and iteration >= values[current_step])
    return current_step


def learning_rate(parameter: Any, iteration: int, current_step: int, dtype: npt.DTypeLike = np.float32) -> float:
    """Return the rate of an iteration as a number that `dtype` holds exactly.

    Args:
        parameter: A SolverParameter that `check_policy` has passed.
        iteration: The iteration, from 0.
        current_step: What `next_step` returned for it.
        dtype: The element type of the net; Caffe computes in it.
    """
    real = np.dtype(dtype).type
    return float(real(POLICIES[parameter.lr_policy].formula(parameter, iteration, current_step, real)))
