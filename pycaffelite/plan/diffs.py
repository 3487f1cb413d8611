"""A pass for the backward steps of splits: they take only diffs that somebody writes, and hand on a single one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pycaffelite.blob import Blob
from pycaffelite.plan.plan import Plan, Step


def pass_diffs_on(plan: Plan) -> Plan:
    """Leave the diffs that stay zero out of the sums of splits; where one diff is left, share it with the bottom."""
    written = _written_diffs(plan)
    changed = _changed_in_place(plan)
    return plan.replaced(backward_steps=tuple(_shorter(step, written, changed) for step in plan.backward_steps))


def _written_diffs(plan: Plan) -> set[Blob]:
    """Return the blobs whose diff a backward step writes, or a loss weight has filled."""
    steps = plan.backward_steps
    written = {b for step in steps for b, wanted in zip(step.layer.bottoms, step.layer.wanted, strict=True) if wanted}
    for entry in plan.net.layers:
        written.update(blob for blob, weight in zip(entry.tops, entry.loss_weights, strict=True) if weight)
    return written


def _changed_in_place(plan: Plan) -> set[Blob]:
    """Return the blobs whose diff a layer in place overwrites with that of its bottom."""
    return {blob for step in plan.backward_steps for blob in step.layer.bottoms if blob in step.layer.tops}


def _shorter(step: Step, written: set[Blob], changed: set[Blob]) -> Step:
    entry = step.layer
    if entry.node.type != "Split" or not entry.wanted[0]:
        return step
    carrying = [blob for blob in entry.tops if blob in written]
    if len(carrying) == 1 and entry.bottoms[0] not in changed:
        run = partial(_share_diff, entry.bottoms[0], carrying[0])
        run()  # at once, for those who take the arrays before the first pass
        return replace(step, call=run)
    if not 0 < len(carrying) < len(entry.tops):
        return step
    return replace(step, call=partial(entry.layer.backward, carrying, entry.wanted, entry.bottoms))


def _share_diff(bottom: Blob, top: Blob) -> None:
    if bottom.diff is not top.diff:
        bottom.diff = top.diff
