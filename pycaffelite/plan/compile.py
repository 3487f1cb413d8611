"""From a net to its plan: the naive one, then one pass after another that makes it quicker."""

from __future__ import annotations

from pycaffelite.net import Net
from pycaffelite.plan.arena import share_memory
from pycaffelite.plan.diffs import pass_diffs_on
from pycaffelite.plan.frugal import drop_idle_steps, keep_nothing
from pycaffelite.plan.fusion import fuse
from pycaffelite.plan.naive import naive_plan
from pycaffelite.plan.parts import write_in_parts
from pycaffelite.plan.plan import Plan
from pycaffelite.plan.views import share_views

_PASSES = (keep_nothing, fuse, share_views, write_in_parts, drop_idle_steps, pass_diffs_on)


def compile_plan(net: Net, *, naive: bool = False, forward_only: bool = False, outputs_only: bool = False) -> Plan:
    """Return a plan that fills the same blobs as the naive plan with less work.

    Args:
        net: The net.
        naive: Whether to return the naive plan itself, a step for each layer: the oracle for the other.
        forward_only: Whether the plan may do without a backward pass, even where there is a loss to start it from.
        outputs_only: Whether it may also share memory between blobs, so that after a pass only those of inputs, sources
            and outputs hold what `net.blobs` says.
    """
    plan = naive_plan(net)
    if naive:
        return plan
    if forward_only or outputs_only:
        plan = plan.replaced(backward_steps=(), forward_only=True)
    for improve in _PASSES:
        plan = improve(plan)
    return share_memory(plan) if outputs_only else plan
