"""What a solver refuses before it starts: fields without sense, and nets that cannot learn."""

from __future__ import annotations

import math
from typing import Any

from pycaffelite.errors import FieldError, Location, WiringError
from pycaffelite.net import Net
from pycaffelite.solvers.choices import unknown_choice
from pycaffelite.solvers.rates import Where
from pycaffelite.solvers.sentinel import ON_NAN

_LEAST = {"max_iter": 0, "iter_size": 1, "average_loss": 1, "test_interval": 0, "display": 0, "snapshot": 0}
_FINITE = ("base_lr", "gamma", "power", "weight_decay", "momentum", "clip_gradients")
# Shares of an average; SGD and Nesterov take any momentum.
_BELOW_ONE = {"RMSProp": ("rms_decay",), "AdaDelta": ("momentum",), "Adam": ("momentum", "momentum2")}
_BELOW_ONE["AdamW"] = _BELOW_ONE["Adam"]
AP_VERSIONS = ("Integral", "MaxIntegral", "11point")  # how precisions of detections are averaged


def check_fields(parameter: Any, where: Where) -> None:
    """Raise FieldError for the first field whose value makes no sense."""
    for field, least in _LEAST.items():
        value = getattr(parameter, field)
        if value < least:
            raise _field_error(field, value, where, f"at least {least}")
    for field in _BELOW_ONE.get(parameter.type, ()):
        if not 0 <= getattr(parameter, field) < 1:
            raise _field_error(field, getattr(parameter, field), where, "at least 0 and below 1")
    if not (parameter.delta >= 0 and math.isfinite(parameter.delta)):
        raise _field_error("delta", parameter.delta, where, "a finite number, not negative")
    for field in _FINITE:
        if not math.isfinite(getattr(parameter, field)):
            raise _field_error(field, getattr(parameter, field), where, "a finite number")
    # Caffe reads 0 for a rate that is not stated, and trains for days without learning anything.
    if not parameter.HasField("base_lr") and parameter.lr_policy != "multifixed":
        raise FieldError("no base_lr", where=where(), expected="a learning rate, such as base_lr: 0.01", got="none")
    for field, known in (("on_nan", ON_NAN), ("ap_version", AP_VERSIONS)):
        if getattr(parameter, field) not in known:
            raise unknown_choice(field, field, getattr(parameter, field), known, where(field))
    if parameter.weight_decay and parameter.regularization_type not in ("L2", "L1"):
        raise FieldError(
            "unknown regularization type",
            where=where("regularization_type"),
            expected='regularization_type: "L2" or "L1"',
            got=f'regularization_type: "{parameter.regularization_type}"',
        )


def check_tests(parameter: Any, test_nets: int, where: Where) -> None:
    """Raise FieldError unless every test net has its test_iter, and a test_interval says when to run them."""
    counts = list(parameter.test_iter)
    if len(counts) != test_nets:
        raise FieldError(
            "test_iter does not match the test nets",
            where=where("test_iter"),
            expected=f"{test_nets} test_iter, one for each test net",
            got=f"{len(counts)}",
        )
    for index, count in enumerate(counts):
        if count < 0:
            raise FieldError(
                "test_iter is negative",
                where=where("test_iter", index),
                expected="a number of batches, or 0 for none",
                got=f"test_iter: {count}",
            )
    if counts and not parameter.test_interval:
        raise FieldError(
            "test_iter without test_interval",
            where=where("test_iter"),
            expected="test_interval, the iterations between two tests",
            got="none",
            hint="add `test_interval: 500`, or remove `test_iter`",
        )


def check_net(net: Net) -> None:
    """Raise WiringError unless the net has something to learn and a loss to learn from."""
    if not any(any(entry.loss_weights) for entry in net.layers):
        raise WiringError(
            "the net has no loss in phase TRAIN",
            subject=f"net `{net.name}`",
            where=_file_of(net),
            expected="a loss layer, or a top with a loss_weight",
            got="outputs " + ", ".join(f"`{name}`" for name in net.outputs) if net.outputs else "no outputs",
            hint="add a layer such as SoftmaxWithLoss, or remove an `include` that keeps it out of TRAIN",
        )
    if not net.learnables:
        raise WiringError(
            "the net has no parameters to learn",
            subject=f"net `{net.name}`",
            where=_file_of(net),
            expected="at least one layer with parameters, such as InnerProduct",
            got=", ".join(sorted({entry.node.type for entry in net.layers})) or "no layers",
        )


def check_max_iter(parameter: Any, where: Where) -> None:
    """Raise FieldError when a whole training is asked for and nothing says where it ends."""
    if not parameter.HasField("max_iter"):
        raise FieldError(
            "no max_iter", where=where(), expected="the number of iterations, such as max_iter: 10000", got="none"
        )


def _file_of(net: Net) -> Location | None:
    """Return the net's file, as its layers know it."""
    return next((Location(entry.node.where.path) for entry in net.layers if entry.node.where is not None), None)


def _field_error(field: str, value: float, where: Where, expected: str) -> FieldError:
    got = f"{field}: {value:g}" if isinstance(value, float) else f"{field}: {value}"
    return FieldError(f"{field} is out of range", where=where(field), expected=expected, got=got)
