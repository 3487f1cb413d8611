"""The outputs of a net as numbers for events."""

from __future__ import annotations

import numpy as np

from pycaffelite.net import Net
from pycaffelite.solvers.events import OutputValue

# Converting a large output takes longer than some iterations; it is told only where it would be printed.
_SMALL = 64


class OutputReader:
    """Reads the outputs of a net, and sums them up over batches.

    Args:
        net: The net.
    """

    def __init__(self, net: Net) -> None:
        self._outputs = [(name, net.blobs[name], net.loss_weights.get(name, 0.0)) for name in net.outputs]
        self._sums = [np.zeros(0)] * len(self._outputs)

    def read(self, *, in_full: bool) -> tuple[OutputValue, ...]:
        """Return the outputs as they stand; large ones without their values unless `in_full`."""
        result = []
        for name, blob, weight in self._outputs:
            data = blob.data
            if data.size == 1:
                values: tuple[float, ...] = (data.item(),)
            else:
                values = tuple(data.reshape(-1).tolist()) if in_full or data.size <= _SMALL else ()
            result.append(OutputValue(name, values, weight))
        return tuple(result)

    def add(self) -> None:
        """Add the outputs as they stand to the sums, element by element."""
        for index, (_name, blob, _weight) in enumerate(self._outputs):
            values = blob.data.reshape(-1)
            if self._sums[index].size != values.size:  # the first batch, or one of another shape
                self._sums[index] = np.zeros(values.size)
            self._sums[index] += values

    def means(self, batches: int) -> tuple[OutputValue, ...]:
        """Return the sums divided by the number of batches."""
        return tuple(
            OutputValue(name, tuple((total / batches).tolist()), weight)
            for (name, _blob, weight), total in zip(self._outputs, self._sums, strict=True)
        )
