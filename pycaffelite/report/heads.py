"""The heads of a net: the blobs that are scored, and what scores them. A deeply supervised net has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pycaffelite.graph.graph import Graph, Node
from pycaffelite.solvers.events import OutputValue


@dataclass(frozen=True)
class Head:
    """One scored blob.

    Attributes:
        name: The blob that is scored, such as `ip2`.
        accuracies: Accuracies by output name.
        losses: Losses by output name, not weighted.
        weights: The loss weights, by output name.
    """

    name: str
    accuracies: dict[str, float]
    losses: dict[str, float]
    weights: dict[str, float]


def heads(graph: Graph, outputs: Sequence[OutputValue]) -> tuple[list[Head], list[OutputValue]]:
    """Sort the outputs of a net by the blob that they score.

    Args:
        graph: The net.
        outputs: The values of its outputs.

    Returns:
        The heads, the deepest first, since that is the one the net is for; and the outputs that score no blob.
    """
    producer = {top: node for node in graph.nodes for top in node.tops}
    made: dict[str, Head] = {}
    others = []
    for output in outputs:
        node = producer.get(output.name)
        kind = _kind(node, output)
        if node is None or kind is None or len(output.values) != 1:
            others.append(output)
            continue
        name = _origin(node.bottoms[0], producer)
        head = made.setdefault(name, Head(name, {}, {}, {}))
        (value,) = output.values
        if kind == "accuracy":
            head.accuracies[output.name] = value
        else:
            head.losses[output.name] = value
            head.weights[output.name] = output.loss_weight
    depth = {top: index for index, node in enumerate(graph.nodes) for top in node.tops}
    return sorted(made.values(), key=lambda head: -depth.get(head.name, 0)), others


def _kind(node: Node | None, output: OutputValue) -> str | None:
    """Tell what an output says about its first bottom."""
    if node is None or not node.bottoms:
        return None
    if node.type == "Accuracy":
        return "accuracy"
    return "loss" if output.loss_weight else None


def _origin(name: str, producer: dict[str, Node]) -> str:
    """Return the blob that the user named, where `name` is one of the tops that the net split it into."""
    while name in producer and producer[name].type == "Split":
        name = producer[name].bottoms[0]
    return name
