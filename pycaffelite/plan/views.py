"""A pass that lets a layer which only gives another shape share the memory of its bottom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from pycaffelite.blob import Blob
from pycaffelite.net import Net, NetLayer
from pycaffelite.plan.plan import Plan, Step


def share_views(plan: Plan) -> Plan:
    """Replace copies between shapes by views, forward where no layer works in place on the top.

    Backward they are views where no layer works in place on the bottom either: it would overwrite the diff of the top.
    """
    in_place = {blob for entry in plan.net.layers for blob in entry.tops if blob in entry.bottoms}
    forward = tuple(
        _viewing(step, _DataView(plan.net, step.layer)) if _can_share(step, in_place, step.layer.tops) else step
        for step in plan.forward_steps
    )
    backward = tuple(
        _viewing(step, _DiffView(step.layer))
        if step.layer.wanted[:1] == [True] and _can_share(step, in_place, (*step.layer.bottoms, *step.layer.tops))
        else step
        for step in plan.backward_steps
    )
    return plan.replaced(forward_steps=forward, backward_steps=backward)


def _can_share(step: Step, in_place: Collection[Blob], blobs: Sequence[Blob]) -> bool:
    return step.layer.layer.keeps_elements and not any(blob in in_place for blob in blobs)


def _viewing(step: Step, run: Callable[[], None]) -> Step:
    run()  # at once, for those who take the arrays before the first pass
    return replace(step, call=run)


class _DataView:
    """Lets the top, and the tops of splits of it, have the data of the bottom."""

    def __init__(self, net: Net, entry: NetLayer) -> None:
        self.bottom, self.top = entry.bottoms[0], entry.tops[0]
        splits = [other for other in net.layers if other.node.type == "Split" and other.bottoms[0] is self.top]
        self.sharers = [self.top, *(blob for split in splits for blob in split.tops)]
        self.source = self.view = self.top.data

    def __call__(self) -> None:
        if self.bottom.data is not self.source or self.top.data is not self.view:
            self.source = self.bottom.data
            self.view = self.source.reshape(self.top.shape)
            for blob in self.sharers:
                blob.data = self.view


class _DiffView:
    """Lets the bottom have the diff of the top."""

    def __init__(self, entry: NetLayer) -> None:
        self.bottom, self.top = entry.bottoms[0], entry.tops[0]
        self.source = self.view = self.bottom.diff

    def __call__(self) -> None:
        if self.top.diff is not self.source or self.bottom.diff is not self.view:
            self.source = self.top.diff
            self.view = self.source.reshape(self.bottom.shape)
            self.bottom.diff = self.view
