"""Learning-rate policies: the rate as a function of the iteration.

The arithmetic is Caffe's: in the element type of the net where Caffe computes in it, in double precision where C++
promotes to it. `multistep` and `plateau` remember something, the number of steps taken: they take at most one an
iteration, so two equal step values need two iterations. That number is part of a solver state, also where Caffe sets
it from the iteration (`step`). Before any policy may come a warm-up, in the form of either of two forks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import FieldError, Location
from pycaffelite.solvers.choices import unknown_choice

_EXP_LIMIT = 709.0  # above it, exp leaves the double range

Where = Callable[..., Location | None]


def nowhere(*_path: str | int) -> Location | None:
    """Know no location; stands in where a solver was not read from a file."""
    return None


def _fixed(p: Any, _iteration: int, _step: int, _real: Any) -> Any:
    return p.base_lr


def _step(p: Any, _iteration: int, step: int, _real: Any) -> Any:
    return p.base_lr * to_the_power(p.gamma, step)


def _exp(p: Any, iteration: int, _step: int, _real: Any) -> Any:
    return p.base_lr * to_the_power(p.gamma, iteration)


def _inv(p: Any, iteration: int, _step: int, real: Any) -> Any:
    # Caffe multiplies the float field by the integer in single precision, whatever the net's own.
    base = real(1) + real(np.float32(p.gamma) * np.float32(iteration))
    return real(p.base_lr) * _power(base, -p.power, real)


def _poly(p: Any, iteration: int, _step: int, real: Any) -> Any:
    # Beyond max_iter the base would be negative, and its power no number.
    left = _power(max(real(0), real(1) - real(iteration) / real(p.max_iter)), p.power, real)
    return (real(p.base_lr) - real(p.min_lr)) * left + real(p.min_lr)


def _cosine(p: Any, iteration: int, _step: int, real: Any) -> Any:
    done = min(1.0, iteration / p.max_iter) if p.max_iter else 1.0
    left = real(0.5 * (1.0 + math.cos(math.pi * done)))
    return (real(p.base_lr) - real(p.min_lr)) * left + real(p.min_lr)


def _linear(p: Any, iteration: int, _step: int, real: Any) -> Any:
    # One number is both the iterations of an epoch and the epochs; beyond its square the rate is negative.
    return real(p.base_lr) * (real(1) - real(iteration // p.epoch_size) / real(p.epoch_size))


def _multifixed(p: Any, iteration: int, _step: int, _real: Any) -> Any:
    stage = next((i for i, last in enumerate(p.stageiter) if iteration <= last), len(p.stagelr) - 1)
    return p.stagelr[stage]


def _sigmoid(p: Any, iteration: int, _step: int, real: Any) -> Any:
    exponent = float(real(-p.gamma) * (real(iteration) - real(p.stepsize)))
    growth = math.exp(exponent) if exponent < _EXP_LIMIT else math.inf  # an infinite one is a rate of 0
    return real(p.base_lr) * (real(1) / (real(1) + real(growth)))


def _power(base: Any, exponent: float, real: Any) -> Any:
    # NumPy's own float32 power may be off by a bit; rounding the double result is what a C library does.
    return real(to_the_power(float(base), exponent))


def to_the_power(base: float, exponent: float) -> float:
    """Return a power as C does: infinite where it is too large, and no number where there is none."""
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):  # ValueError: 0 to a negative power, or a negative base to a fraction
        return math.inf if base >= 0 else math.nan


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
    "cosine": Policy(_cosine, ("max_iter",), "min_lr + (base_lr - min_lr) * (1 + cos(pi * iteration / max_iter)) / 2"),
    "plateau": Policy(
        _step, ("gamma", "plateau_winsize"), "base_lr * gamma ^ (times the loss did not improve for plateau_winsize)"
    ),
    "multifixed": Policy(_multifixed, ("stagelr", "stageiter"), "the stagelr whose stageiter is not yet passed"),
    "linear": Policy(_linear, ("epoch_size",), "base_lr * (1 - floor(iteration / epoch_size) / epoch_size)"),
}
# With a negative gamma "sigmoid" falls, which is its use; "inv" rises.
_POWERS_OF_GAMMA = ("step", "exp", "multistep", "plateau")
_POSITIVE = {"step": "stepsize", "sigmoid": "stepsize", "linear": "epoch_size"}

# Fields of the deeply-supervised-nets fork, which counts iterations from 1.
_COUNT_FROM_ONE = ("epoch_size", "localgamma", "localpower", "localstepsize")


def check_policy(parameter: Any, where: Where = nowhere) -> None:
    """Raise FieldError unless the policy is known and has the fields that it needs; others are 0 where left out.

    Args:
        parameter: The SolverParameter message.
        where: Gives the location of a field, for the error.
    """
    name = parameter.lr_policy
    policy = POLICIES.get(name)
    if policy is None:
        hint = 'use `lr_policy: "fixed"` for a constant rate of base_lr'
        raise unknown_choice("learning-rate policy", "lr_policy", name, POLICIES, where("lr_policy"), hint)
    for field in policy.needs:
        if not _is_given(parameter, field):
            raise FieldError(
                f'`lr_policy: "{name}"` needs `{field}`',
                where=where("lr_policy"),
                expected=f"{field}, for a rate of {policy.text}",
                got=f"no {field}",
            )
    if name in _POWERS_OF_GAMMA and parameter.gamma < 0:
        raise FieldError(
            "gamma is negative",
            where=where("gamma"),
            expected=f"gamma of at least 0, for a rate of {policy.text}",
            got=f"gamma: {parameter.gamma:g}",
        )
    positive = _POSITIVE.get(name)
    if positive is not None and getattr(parameter, positive) <= 0:
        raise FieldError(
            f"{positive} must be positive",
            where=where(positive),
            expected=f"{positive} of at least 1 (iterations)",
            got=f"{positive}: {getattr(parameter, positive)}",
        )
    if name == "multifixed" and len(parameter.stagelr) != len(parameter.stageiter):
        raise FieldError(
            "stagelr and stageiter do not match",
            where=where("stagelr"),
            expected="a stageiter for each stagelr",
            got=f"{len(parameter.stagelr)} stagelr and {len(parameter.stageiter)} stageiter",
        )
    _check_warm_up(parameter, where)


def _check_warm_up(parameter: Any, where: Where) -> None:
    """Raise FieldError for a warm-up without sense."""
    for field in ("warmup_iter", "rampup_interval"):
        if getattr(parameter, field) < 0:
            raise FieldError(
                f"{field} is negative",
                where=where(field),
                expected=f"{field} of at least 0 (iterations)",
                got=f"{field}: {getattr(parameter, field)}",
            )
    if parameter.warmup_iter and parameter.rampup_interval:
        raise FieldError(
            "two kinds of warm-up",
            where=where("rampup_interval"),
            expected="warmup_iter (an even rise) or rampup_interval (a rise with the square)",
            got="both",
        )


def first_iteration(parameter: Any) -> int:
    """Return the number that the first update has for the learning rate: 1 in the deeply-supervised-nets fork."""
    if parameter.HasField("first_iteration"):
        return int(parameter.first_iteration)
    return int(bool(parameter.info) or any(parameter.HasField(field) for field in _COUNT_FROM_ONE))


def _is_given(parameter: Any, field: str) -> bool:
    value = getattr(parameter, field)
    return parameter.HasField(field) if isinstance(value, int | float | str) else len(value) > 0


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
        iteration: Its number for the policy, see `first_iteration`.
        current_step: What `next_step` returned for it.
        dtype: The element type of the net; Caffe computes in it.
    """
    real = np.dtype(dtype).type
    least = parameter.min_lr if parameter.HasField("min_lr") else -math.inf
    with np.errstate(all="ignore"):  # a rate that overflows is infinite, and one of 0 iterations in all no number
        rate = _warm_up(parameter, iteration, real)
        if rate is None:
            rate = POLICIES[parameter.lr_policy].formula(parameter, iteration, current_step, real)
        return float(real(max(rate, least)))


def is_warming_up(parameter: Any, iteration: int) -> bool:
    """Return whether the policy has not begun yet."""
    return bool(iteration < max(parameter.warmup_iter, parameter.rampup_interval))


def _warm_up(p: Any, iteration: int, real: Any) -> Any | None:
    """Return the rate of an iteration of the warm-up; None once it is over."""
    if iteration < p.warmup_iter:
        risen = real(iteration) * real(p.base_lr) + real(p.warmup_iter - iteration) * real(p.warmup_start_lr)
        return risen / real(p.warmup_iter)
    if iteration < p.rampup_interval:
        part = real(iteration) / real(p.rampup_interval)
        return real(p.rampup_lr) + (real(p.base_lr) - real(p.rampup_lr)) * part * part
    return None
