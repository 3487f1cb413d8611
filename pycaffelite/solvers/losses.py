"""The loss that is displayed: the average over the last `average_loss` iterations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LossWindow:
    """A running average, kept up as Caffe does, rounding included.

    Args:
        size: How many losses it averages.

    Attributes:
        values: The last losses.
        smoothed: Their average; 0 before the first.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.reset()

    def reset(self) -> None:
        """Forget all losses."""
        self.values: list[float] = []
        self.smoothed = 0.0
        self._oldest = 0

    def add(self, loss: float) -> None:
        """Take in the loss of one more iteration."""
        if len(self.values) < self.size:
            self.smoothed = (self.smoothed * len(self.values) + loss) / (len(self.values) + 1)
            self.values.append(loss)
            return
        self.smoothed += (loss - self.values[self._oldest]) / self.size
        self.values[self._oldest] = loss
        self._oldest = (self._oldest + 1) % self.size

    def state(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {"values": list(self.values), "smoothed": self.smoothed, "oldest": self._oldest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned; a window of another size, or none, starts anew."""
        self.reset()
        values = [float(value) for value in state.get("values", ())]
        oldest = int(state.get("oldest", 0))
        if len(values) > self.size or (oldest and len(values) != self.size):
            return
        self.values, self.smoothed, self._oldest = values, float(state.get("smoothed", 0.0)), oldest
