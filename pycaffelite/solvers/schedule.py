"""The learning rate while training goes on: what policies remember, and the factors of single blobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pycaffelite.errors import FieldError
from pycaffelite.names import did_you_mean
from pycaffelite.net import Net
from pycaffelite.solvers import rates

_NEVER = 1e38  # the smallest loss so far, before the first one; as the forks write it
_NAIVE_EPOCH = 500  # iterations after which "naive_inv" has halved the rate
_AHEAD = 64  # iterations whose rates are reckoned at once: between two kernels one takes five times as long

BLOB_POLICIES = ("nothing", "naive_inv", "power_inv", "step")


class Schedule:
    """Tells the learning rate of each iteration, asked for one after the other.

    Args:
        parameter: A SolverParameter that `rates.check_policy` has passed.
        net: The train net, whose `param` messages may name a policy for a single blob.
        where: Gives the location of a field of the solver, for an error.

    Attributes:
        current_step: Steps taken by the policy, as a solver state keeps it.

    Raises:
        FieldError: A blob names a policy that does not exist, or one that lacks its field.
    """

    def __init__(self, parameter: Any, net: Net, where: rates.Where = rates.nowhere) -> None:
        self.parameter = parameter
        self.current_step = 0
        self._real: Any = net.dtype.type
        self._least_loss, self._least_at = _NEVER, 0
        self._blobs = _blob_policies(net)
        self.begin(0)
        if "step" in self._blobs and parameter.localstepsize < 1:
            raise FieldError(
                "localstepsize must be positive",
                where=where("localstepsize"),
                expected='localstepsize of at least 1 (iterations), for a blob with `lr_policy: "step"`',
                got=f"localstepsize: {parameter.localstepsize}",
            )

    def begin(self, end: int) -> None:
        """Take in the fields, which may have been changed; the iterations up to `end` will be asked for."""
        self._end = end
        self._first = rates.first_iteration(self.parameter)
        self._watches = self.parameter.lr_policy == "plateau"
        self._ahead: dict[int, tuple[int, float]] = {}  # iteration -> its steps and its rate

    def number(self, iteration: int) -> int:
        """Return the number that an iteration, counted from 0, has for the policies."""
        return iteration + self._first

    def rate(self, iteration: int, smoothed_loss: float) -> float:
        """Take note of an iteration's loss, and return its learning rate."""
        if self._watches:
            number = self.number(iteration)
            if not rates.is_warming_up(self.parameter, number):
                self._watch(number, float(self._real(smoothed_loss)))
            return rates.learning_rate(self.parameter, number, self.current_step, self._real)
        if iteration not in self._ahead:
            self._look_ahead(iteration)
        self.current_step, rate = self._ahead[iteration]
        return rate

    def blob_factors(self, iteration: int) -> list[float]:
        """Return for each learnable what its own policy makes of the rate; nothing where no blob has one."""
        if not self._blobs:
            return []
        factors = {name: self._factor(name, self.number(iteration)) for name in set(self._blobs)}
        return [factors[name] for name in self._blobs]

    def state(self) -> dict[str, Any]:
        """Return what a solver state has no room for, as JSON values."""
        return {"least_loss": self._least_loss, "least_at": self._least_at}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned; without it the policy `plateau` begins to watch anew."""
        self._least_loss = float(state.get("least_loss", _NEVER))
        self._least_at = int(state.get("least_at", 0))
        self._ahead.clear()

    def _look_ahead(self, begin: int) -> None:
        """Reckon the rates from one iteration on; they do not hang on losses."""
        self._ahead.clear()
        step = self.current_step
        for iteration in range(begin, max(begin + 1, min(begin + _AHEAD, self._end))):
            number = self.number(iteration)
            step = rates.next_step(self.parameter, number, step)
            rate = rates.learning_rate(self.parameter, number, step, self._real)
            self._ahead[iteration] = step, rate

    def _watch(self, number: int, loss: float) -> None:
        """Take a step where the loss has had no new minimum, and there was no step, for the window's length."""
        if loss < self._least_loss:
            self._least_loss, self._least_at = loss, number
        windows = self.parameter.plateau_winsize
        if self.current_step < len(windows) and number >= self._least_at + windows[self.current_step]:
            self.current_step += 1
            self._least_at = number

    def _factor(self, name: str, number: int) -> float:
        p = self.parameter
        match name:
            case "naive_inv":
                return 1.0 / (number // _NAIVE_EPOCH + 1)
            case "power_inv":
                return rates.to_the_power(1.0 + p.localgamma * number, -p.localpower)
            case "step":
                return rates.to_the_power(p.localgamma, number // p.localstepsize)
        return 1.0


def _blob_policies(net: Net) -> list[str]:
    """Return the policy of each learnable; nothing where all of them are "nothing"."""
    stated = {}
    for entry in net.layers:
        for index, spec in enumerate(entry.node.message.param):
            if spec.lr_policy not in BLOB_POLICIES:
                raise FieldError(
                    "unknown learning-rate policy of a blob",
                    subject=entry.node.subject,
                    where=entry.node.where,
                    expected="lr_policy: one of " + ", ".join(f'"{known}"' for known in BLOB_POLICIES),
                    got=f'lr_policy: "{spec.lr_policy}"',
                    hint=did_you_mean(spec.lr_policy, BLOB_POLICIES),
                )
            stated[f"{entry.node.name}/{index}"] = spec.lr_policy
    policies = [stated.get(learnable.name, "nothing") for learnable in net.learnables]
    return policies if any(name != "nothing" for name in policies) else []
