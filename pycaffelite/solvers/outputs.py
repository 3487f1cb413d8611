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
        ap_version: How precisions are averaged, where outputs are detections.
    """

    def __init__(self, net: Net, ap_version: str = "Integral") -> None:
        self._outputs = [(name, net.blobs[name], net.loss_weights.get(name, 0.0)) for name in net.outputs]
        makers = {entry.node.tops[0]: entry.layer for entry in net.layers if entry.node.tops}
        tallies = {name: makers[name].tally(ap_version) for name in net.outputs if name in makers}
        self._tallies = {name: tally for name, tally in tallies.items() if tally is not None}
        self._sums = [np.zeros(0)] * len(self._outputs)

    def read(self, *, in_full: bool) -> tuple[OutputValue, ...]:
        """Return the outputs as they stand; large ones without their values unless `in_full`."""
        result = []
        for name, blob, weight in self._outputs:
            data = blob.flat_data
            if name in self._tallies:
                values: tuple[float, ...] = ()  # says nothing before the last batch
            elif data.size == 1:
                values = (data.item(),)
            else:
                values = tuple(data.tolist()) if in_full or data.size <= _SMALL else ()
            result.append(OutputValue(name, values, weight))
        return tuple(result)

    def add(self) -> None:
        """Add the outputs as they stand to the sums, element by element."""
        for index, (name, blob, _weight) in enumerate(self._outputs):
            if name in self._tallies:
                self._tallies[name].add(blob.data)
                continue
            values = blob.flat_data
            if self._sums[index].size != values.size:  # the first batch, or one of another shape
                self._sums[index] = np.zeros(values.size)
            self._sums[index] += values

    def means(self, batches: int) -> tuple[OutputValue, ...]:
        """Return the sums divided by the number of batches, and of detections the mean average precision."""
        return tuple(
            OutputValue(
                name,
                (self._tallies[name].value(),) if name in self._tallies else tuple((total / batches).tolist()),
                weight,
            )
            for (name, _blob, weight), total in zip(self._outputs, self._sums, strict=True)
        )
