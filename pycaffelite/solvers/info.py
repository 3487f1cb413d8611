"""`info { type interval }` of the deeply-supervised-nets fork: what it logs while it trains, quirks included.

Iterations have the fork's numbers, which count from 1. A block is called once an iteration, after the update, so that
the diff of a parameter holds the update that was subtracted from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.errors import FieldError
from pycaffelite.names import did_you_mean
from pycaffelite.plan import Plan
from pycaffelite.solvers import events
from pycaffelite.solvers.rates import Where

TYPES = ("weight", "blob", "mean_train_loss", "layer_loss")
_TELLING = 1e-6  # the smallest sum of a layer's losses that has a line


class InfoBlocks:
    """All `info` blocks of a solver.

    Args:
        parameter: The SolverParameter message.
        plan: The plan of the train net.
        where: Gives the location of a field.

    Attributes:
        blocks: Type and interval of each block.

    Raises:
        FieldError: A block has a type that does not exist, or no interval.
    """

    def __init__(self, parameter: Any, plan: Plan, where: Where) -> None:
        _check(parameter, where)
        self.blocks = [(block.type, block.interval) for block in parameter.info]
        self._plan = plan
        # Counted from the end of the net; a layer without a loss has one of 0.
        self._layers = [step.layer for step in plan.naive.backward_steps]
        self._totals = [0.0] * len(self.blocks)
        self._counts = [0] * len(self.blocks)
        self._layer_sums = np.zeros(len(self._layers))
        self._pass = np.zeros(len(self._layers))
        self._begun = False

    def needs_blobs(self, number: int) -> bool:
        """Return whether the blobs between layers are told after this iteration."""
        return any(kind == "blob" and number % interval == 0 for kind, interval in self.blocks)

    def take_pass(self, share: float) -> None:
        """Take in the losses that stand in the blobs after a forward pass, one of 1 / share in the iteration."""
        for index, entry in enumerate(self._layers):
            for blob, weight in zip(entry.tops, entry.loss_weights, strict=True):
                if weight:
                    self._pass[index] += share * weight * float(blob.data.sum())

    def after_update(self, number: int, loss: float) -> Iterator[events.Event]:
        """Yield what the blocks tell after an iteration.

        Args:
            number: The fork's number of the iteration.
            loss: The total loss of the iteration.
        """
        for index, (kind, interval) in enumerate(self.blocks):
            due = number % interval == 0
            if kind == "mean_train_loss":
                yield from self._mean_loss(index, number, loss, due=due)
            elif kind == "layer_loss":
                yield from self._layer_losses(index, number, due=due)
            elif due:
                yield self._weights(number) if kind == "weight" else self._all_blobs(number)
        self._pass[:] = 0

    def state(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "totals": list(self._totals),
            "counts": list(self._counts),
            "layers": self._layer_sums.tolist(),
            "begun": self._begun,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned for the same blocks and net; else the sums begin anew."""
        totals, counts, layers = state.get("totals", ()), state.get("counts", ()), state.get("layers", ())
        if len(totals) == len(counts) == len(self.blocks) and len(layers) == len(self._layers):
            self._totals, self._counts = [float(value) for value in totals], [int(value) for value in counts]
            self._layer_sums[:] = layers
            self._begun = bool(state.get("begun"))

    def _mean_loss(self, index: int, number: int, loss: float, *, due: bool) -> Iterator[events.Event]:
        self._totals[index] += loss
        self._counts[index] += 1
        if due:
            yield events.InfoMeanLoss(number, self._totals[index] / self._counts[index])
            self._totals[index], self._counts[index] = 0.0, 0

    def _layer_losses(self, index: int, number: int, *, due: bool) -> Iterator[events.Event]:
        """Sum up; as in the fork the first iteration after a line adds its losses without being counted."""
        if not self._begun:
            self._layer_sums[:] = self._pass
            self._counts[index], self._begun = 0, True
            return
        self._layer_sums += self._pass
        self._counts[index] += 1
        if due:
            for position, total in enumerate(self._layer_sums.tolist()):
                if total > _TELLING:
                    yield events.InfoLayerLoss(number, position, total / self._counts[index])
            self._begun = False

    def _weights(self, number: int) -> events.InfoWeights:
        rows = []
        for entry in self._plan.net.layers:
            for index, blob in enumerate(entry.layer.params):
                sizes = np.abs(blob.diff, dtype=np.float64)
                mean = float(np.abs(blob.data).mean(dtype=np.float64))
                rows.append(events.InfoWeight(entry.node.name, index, mean, float(sizes.mean()), float(sizes.var())))
        return events.InfoWeights(number, tuple(rows))

    def _all_blobs(self, number: int) -> events.InfoBlobs:
        rows = [
            events.InfoBlob(name, _extent(blob.data), _extent(blob.diff)) for name, blob in self._plan.net.blobs.items()
        ]
        return events.InfoBlobs(number, tuple(rows))


def _extent(values: Array) -> tuple[float, float, float]:
    """Return maximum, mean and minimum; as in the fork the maximum is never below 0 and the minimum never above."""
    if not values.size:
        return 0.0, 0.0, 0.0
    return max(0.0, float(values.max())), float(values.mean(dtype=np.float64)), min(0.0, float(values.min()))


def _check(parameter: Any, where: Where) -> None:
    for index, block in enumerate(parameter.info):
        if block.type not in TYPES:
            raise FieldError(
                "unknown type of info",
                where=where("info", index),
                expected="type: one of " + ", ".join(f'"{name}"' for name in TYPES),
                got=f'type: "{block.type}"',
                hint=did_you_mean(block.type, TYPES),
            )
        if block.interval < 1:
            raise FieldError(
                "info without an interval",
                where=where("info", index),
                expected="interval of at least 1 (iterations)",
                got=f"interval: {block.interval}",
            )
