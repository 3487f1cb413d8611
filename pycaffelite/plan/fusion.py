"""A pass that lets a layer do the in-place layers after it while its own results are still in registers.

Blobs come out as from the naive plan, since layers in place leave nothing of what stood in between. What is folded is
reckoned anew in every forward pass, from the parameters as they are then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from pycaffelite.blob import Blob
from pycaffelite.layers.base import Epilogue
from pycaffelite.net import NetLayer
from pycaffelite.plan.plan import Plan, Step


def fuse(plan: Plan) -> Plan:
    """Join to each layer the layers in place on its top that it can do in passing.

    A layer that has a backward step is joined only if that step still works, which takes nothing from before it.
    """
    returning = {step.layer.node.name for step in plan.backward_steps}
    steps, joined, result = plan.forward_steps, set[int](), []
    for start, step in enumerate(steps):
        if start in joined:
            continue
        chain = _chain(steps, start, returning)
        joined.update(index for index, _ in chain)
        result.append(_fused(step, [(steps[index].layer, epilogue) for index, epilogue in chain]))
    return plan.replaced(forward_steps=tuple(result))


def _fused(step: Step, followers: Sequence[tuple[NetLayer, Epilogue]]) -> Step:
    if not followers:
        return step
    run = _FusedRun(step.layer, [epilogue for _, epilogue in followers])
    return Step((step.layer, *(entry for entry, _ in followers)), run)


def _chain(steps: Sequence[Step], start: int, returning: Collection[str]) -> list[tuple[int, Epilogue]]:
    """Return which steps can be joined to the one at `start`, and how."""
    maker = steps[start].layer
    found: list[tuple[int, Epilogue]] = []
    if len(maker.tops) != 1 or not maker.layer.can_fuse(None):
        return found
    blob = maker.tops[0]
    for index in range(start + 1, len(steps)):
        entry = steps[index].layer
        if not _touches(entry, blob):
            continue
        if not _in_place(entry, blob):
            break
        if entry.layer.leaves_alone(entry.bottoms, entry.tops):
            continue
        epilogue = entry.layer.epilogue()
        if epilogue is None or not maker.layer.can_fuse(epilogue.axis):
            break
        reversible = epilogue.reversible and not any(blob in step.layer.tops for step in steps[index + 1 :])
        if entry.node.name in returning and not reversible:
            break
        found.append((index, epilogue))
        if epilogue.slope is not None:
            break
    return found


def _touches(entry: NetLayer, blob: Blob) -> bool:
    """Return whether a layer reads or writes the numbers of a blob, be it through a split."""
    return any(other.data is blob.data for other in (*entry.bottoms, *entry.tops))


def _in_place(entry: NetLayer, blob: Blob) -> bool:
    """Return whether a layer reads and writes the blob and no other."""
    return len(entry.bottoms) == len(entry.tops) == 1 and entry.bottoms[0] is entry.tops[0] is blob


class _FusedRun:
    """Folds the epilogues and runs the maker with them."""

    def __init__(self, maker: NetLayer, epilogues: Sequence[Epilogue]) -> None:
        self.maker = maker
        self.epilogues = epilogues
        self.axis = next((epilogue.axis for epilogue in epilogues if epilogue.axis is not None), None)
        self.slope = epilogues[-1].slope

    def __call__(self) -> None:
        maker = self.maker
        shift = maker.layer.own_shift()
        scale = shift[:0]
        if self.axis is not None:
            top = maker.tops[0].data
            count = top.shape[self.axis]
            scale = np.empty(count, top.dtype)
            scale.fill(1)
            shift = shift.copy() if shift.size else np.zeros(count, top.dtype)
        for epilogue in self.epilogues:
            epilogue.fold(scale, shift)
        maker.layer.forward_fused(maker.bottoms, maker.tops, scale, shift, self.slope)
