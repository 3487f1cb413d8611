"""Splits: where several layers read one blob, an explicit layer hands each its own copy of the name.

Caffe inserts the same layers under the same names; so weights files, logs and scripts that mention them fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pycaffelite.graph.graph import Node
from pycaffelite.schema import messages

Top = tuple[int, int]  # (index of the node, index of its top)


@dataclass(frozen=True)
class Uses:
    """Who reads what.

    Attributes:
        sources: The top that each (node index, bottom index) reads.
        counts: How often each top is read; a loss weight on a top counts as one more reader.
        loss_weights: The nonzero loss weights that layers state for their own tops.
    """

    sources: dict[Top, Top]
    counts: dict[Top, int]
    loss_weights: dict[Top, float]


def insert_splits(nodes: Sequence[Node], sources: dict[Top, Top]) -> list[Node]:
    """Return the nodes with a Split behind every top that more than one reader uses.

    Args:
        nodes: The layers of one phase, in order.
        sources: For each (node index, bottom index) the (node index, top index) that made the blob it reads; a bottom
            that nothing made has none.
    """
    uses = _count_uses(nodes, sources)
    next_copy: dict[Top, int] = defaultdict(int)
    result: list[Node] = []
    for i, node in enumerate(nodes):
        bottoms = list(node.bottoms)
        for j, name in enumerate(node.bottoms):
            source = uses.sources.get((i, j))
            if source is not None and uses.counts[source] > 1:
                bottoms[j] = _copy_name(_split_name(nodes, source, name), next_copy[source])
                next_copy[source] += 1
        splits = []
        weight_moved = False
        for j, name in enumerate(node.tops):
            count = uses.counts[i, j]
            if count > 1:
                weight = uses.loss_weights.get((i, j), 0.0)
                splits.append(_split(nodes, (i, j), name, count, weight))
                if weight:
                    # The weight moves to the first copy, which nobody else reads.
                    next_copy[i, j] = 1
                    weight_moved = True
        message = node.message
        if weight_moved:
            message = messages.LayerParameter()
            message.CopyFrom(node.message)
            message.ClearField("loss_weight")
        result += [replace(node, bottoms=tuple(bottoms), message=message), *splits]
    return result


def _count_uses(nodes: Sequence[Node], sources: dict[Top, Top]) -> Uses:
    counts: dict[Top, int] = defaultdict(int)
    for source in sources.values():
        counts[source] += 1
    weights: dict[Top, float] = {}
    for i, node in enumerate(nodes):
        for j, weight in enumerate(node.message.loss_weight[: len(node.tops)]):
            if weight:
                weights[i, j] = weight
                counts[i, j] += 1
    return Uses(sources, counts, weights)


def _split_name(nodes: Sequence[Node], top: Top, blob: str) -> str:
    return f"{blob}_{nodes[top[0]].name}_{top[1]}_split"


def _copy_name(split_name: str, index: int) -> str:
    return f"{split_name}_{index}"


def _split(nodes: Sequence[Node], top: Top, blob: str, count: int, loss_weight: float) -> Node:
    name = _split_name(nodes, top, blob)
    tops = tuple(_copy_name(name, k) for k in range(count))
    message = messages.LayerParameter(name=name, type="Split", bottom=[blob], top=tops)
    if loss_weight:
        message.loss_weight.extend([loss_weight] + [0.0] * (count - 1))
    return Node(name, "Split", message, (blob,), tops, nodes[top[0]].where)
