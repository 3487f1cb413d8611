"""A pass that lets the layers below a join write at once where it would copy their results to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pycaffelite.blob import Array, Blob
from pycaffelite.net import NetLayer
from pycaffelite.plan.plan import Plan


def write_in_parts(plan: Plan) -> Plan:
    """Make the bottoms of a join parts of its top, where these are contiguous and no layer works in place on the top.

    Every bottom must be its maker's alone, and written anew in each pass: not a source's top, a split's or a view.
    """
    in_place = {blob for entry in plan.net.layers for blob in entry.tops if blob in entry.bottoms}
    free = {blob for entry in plan.net.layers if _writes_anew(entry) for blob in entry.tops}
    return plan.replaced(
        forward_steps=tuple(
            replace(step, call=_PartsRun(step.layer, step.call))
            if step.layer.layer.joins and free.issuperset(step.layer.bottoms) and in_place.isdisjoint(step.layer.tops)
            else step
            for step in plan.forward_steps
        )
    )


def _writes_anew(entry: NetLayer) -> bool:
    return bool(entry.bottoms) and entry.node.type != "Split" and not entry.layer.keeps_elements


class _PartsRun:
    """Runs a join: nothing is left to do unless arrays are new, or the parts are not contiguous in this shape."""

    def __init__(self, entry: NetLayer, join: Callable[[], None]) -> None:
        self.entry = entry
        self.join = join
        self.whole: list[Array] = []
        self.parts: list[Array] = []
        self._share()  # at once, for those who take the arrays before the first pass

    def __call__(self) -> None:
        if not (self.parts and _hold(self.entry.tops, self.whole) and _hold(self.entry.bottoms, self.parts)):
            self.join()
            self._share()

    def _share(self) -> None:
        bottoms = self.entry.bottoms
        parts = self.entry.layer.parts(self.entry.tops)
        self.whole = [blob.data for blob in self.entry.tops]
        self.parts = [part.reshape(blob.shape) for blob, part in zip(bottoms, parts, strict=False)]
        for blob, part in zip(bottoms, self.parts, strict=False):
            np.copyto(part, blob.data)
            blob.data = part


def _hold(blobs: list[Blob], arrays: list[Array]) -> bool:
    return all(blob.data is array for blob, array in zip(blobs, arrays, strict=True))
