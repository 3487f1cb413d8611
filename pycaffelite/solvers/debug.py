"""`debug_info`: run a plan step by step and tell the size of everything that it touches."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.net import Net, NetLayer
from pycaffelite.plan import Plan
from pycaffelite.solvers import events


def mean_abs(values: Array) -> float:
    """Return the mean absolute value; 0 for no values."""
    return float(np.abs(values).mean(dtype=np.float64)) if values.size else 0.0


def forward(plan: Plan, iteration: int) -> Iterator[events.Event]:
    """Run forward; yield the size of tops and parameters after each layer."""
    for step in plan.naive.forward_steps:
        step.run()
        entry = step.layer
        for name, blob in zip(entry.top_names, entry.tops, strict=True):
            yield events.DebugForward(iteration, entry.node.name, name, None, mean_abs(blob.data))
        for index, blob in enumerate(entry.layer.params):
            yield events.DebugForward(iteration, entry.node.name, None, index, mean_abs(blob.data))


def backward(plan: Plan, iteration: int) -> Iterator[events.Event]:
    """Run backward; yield the size of the diffs after each layer, and the norms of all parameters at the end."""
    for step in plan.naive.backward_steps:
        step.run()
        yield from _diffs(step.layer, iteration)
    yield _norms(plan.net, iteration)


def _diffs(entry: NetLayer, iteration: int) -> Iterator[events.Event]:
    for name, blob, wanted in zip(entry.node.bottoms, entry.bottoms, entry.wanted, strict=True):
        if wanted:
            yield events.DebugBackward(iteration, entry.node.name, name, None, mean_abs(blob.diff))
    for index, (blob, wanted) in enumerate(zip(entry.layer.params, entry.layer.wanted_params, strict=True)):
        if wanted:
            yield events.DebugBackward(iteration, entry.node.name, None, index, mean_abs(blob.diff))


def _norms(net: Net, iteration: int) -> events.DebugNorms:
    data = [learnable.blob.data for learnable in net.learnables]
    diff = [learnable.blob.diff for learnable in net.learnables]
    return events.DebugNorms(iteration, _l1(data), _l1(diff), _l2(data), _l2(diff))


def _l1(arrays: list[Array]) -> float:
    return math.fsum(float(np.abs(array).sum(dtype=np.float64)) for array in arrays)


def _l2(arrays: list[Array]) -> float:
    return math.sqrt(math.fsum(float(np.square(array, dtype=np.float64).sum()) for array in arrays))
