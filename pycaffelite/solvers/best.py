"""`keep_best` and `patience`: the best test so far, and when to give up waiting for a better one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pycaffelite.errors import FieldError
from pycaffelite.names import did_you_mean
from pycaffelite.net import Net
from pycaffelite.solvers.events import TestDone
from pycaffelite.solvers.rates import Where

MODES = ("max", "min")
_SMALL_IS_GOOD = ("loss", "error")


class BestKeeper:
    """Judges the tests by one output of a test net.

    Args:
        parameter: The SolverParameter message.
        test_nets: The test nets; the first one that has the output counts.
        where: Gives the location of a field.

    Attributes:
        value: The best value so far; None before the first.
        missed: Tests since then.

    Raises:
        FieldError: No test net has such an output, or a field makes no sense.
    """

    def __init__(self, parameter: Any, test_nets: Sequence[Net], where: Where) -> None:
        self.name: str = parameter.keep_best
        self.patience: int = parameter.patience
        self._index = _check(parameter, test_nets, where) if self.name or self.patience else -1
        small = any(word in self.name.lower() for word in _SMALL_IS_GOOD)
        self._down = parameter.keep_best_mode == "min" if parameter.keep_best_mode else small
        self.value: float | None = None
        self.missed = 0

    @property
    def out_of_patience(self) -> bool:
        """Whether training should end."""
        return bool(self.name) and 0 < self.patience <= self.missed

    def judge(self, test: TestDone) -> bool:
        """Take in a test; return whether it is the best one so far."""
        if not self.name or test.net_index != self._index:
            return False
        value = next((output.values[0] for output in test.outputs if output.name == self.name and output.values), None)
        if value is None:
            return False
        best = self.value
        if not math.isnan(value) and (best is None or (value < best if self._down else value > best)):
            self.value, self.missed = value, 0
            return True
        self.missed += 1
        return False

    def state(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {"value": self.value, "missed": self.missed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned; without it the next test is the first."""
        value = state.get("value")
        self.value = None if value is None else float(value)
        self.missed = int(state.get("missed", 0))


def _check(parameter: Any, test_nets: Sequence[Net], where: Where) -> int:
    """Return which test net has the output."""
    name = parameter.keep_best
    if parameter.patience < 0 or (parameter.patience and not name):
        raise FieldError(
            "patience with nothing to wait for" if parameter.patience > 0 else "patience is negative",
            where=where("patience"),
            expected='tests to wait for a better `keep_best`, such as `keep_best: "accuracy" patience: 5`',
            got=f"patience: {parameter.patience}" + ("" if name else ", no keep_best"),
        )
    if parameter.keep_best_mode and parameter.keep_best_mode not in MODES:
        raise FieldError(
            "unknown keep_best_mode",
            where=where("keep_best_mode"),
            expected='keep_best_mode: "max" or "min"',
            got=f'keep_best_mode: "{parameter.keep_best_mode}"',
        )
    for index, net in enumerate(test_nets):
        if name in net.outputs and net.blobs[name].count == 1:
            return index
    known = [output for net in test_nets for output in net.outputs if net.blobs[output].count == 1]
    raise FieldError(
        f"no test tells `{name}`",
        where=where("keep_best"),
        expected="an output of a test net with one value" + (f": {', '.join(known)}" if known else ""),
        got=f'keep_best: "{name}"' + ("" if test_nets else ", and no tests"),
        hint=did_you_mean(name, known),
    )
