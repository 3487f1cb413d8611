"""Passes that leave out what nobody needs: notes for a backward pass that does not come, steps that do nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pycaffelite.layers.base import Layer
from pycaffelite.plan.plan import Plan, Step


def keep_nothing(plan: Plan) -> Plan:
    """Let layers without a backward step keep nothing for one."""
    returning = {step.layer.node.name for step in plan.backward_steps}
    return plan.replaced(
        forward_steps=tuple(step if step.layer.node.name in returning else _alone(step) for step in plan.forward_steps)
    )


def _alone(step: Step) -> Step:
    entry = step.layer
    if not entry.bottoms or type(entry.layer).forward_alone is Layer.forward_alone:
        return step
    return replace(step, call=partial(entry.layer.forward_alone, entry.bottoms, entry.tops))


def drop_idle_steps(plan: Plan) -> Plan:
    """Leave out forward steps that change nothing, such as those of splits, whose tops share the bottom's data."""
    return plan.replaced(forward_steps=tuple(step for step in plan.forward_steps if not _idle(step)))


def _idle(step: Step) -> bool:
    entry = step.layer
    return bool(entry.bottoms) and len(step.layers) == 1 and entry.layer.leaves_alone(entry.bottoms, entry.tops)
