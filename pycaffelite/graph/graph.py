"""The graph of a net: which layers run, in order, and which blobs connect them. No arrays, no layer classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pycaffelite.errors import Location


@dataclass(frozen=True)
class Node:
    """One layer of the graph.

    Attributes:
        name: The layer's name; unnamed layers get one.
        type: The type string, as in `type: "Convolution"`.
        message: Its LayerParameter in current form; splits have one too.
        bottoms: Names of the blobs it reads, after splits were inserted.
        tops: Names of the blobs it writes. A name that is also in `bottoms` is computed in place.
        where: Where the layer stands in the file, for error messages.
    """

    name: str
    type: str
    message: Any
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    where: Location | None

    @property
    def subject(self) -> str:
        """The node as an error message names it."""
        return f"layer `{self.name}` ({self.type})"


@dataclass(frozen=True)
class Graph:
    """The layers of one phase, wired.

    Attributes:
        name: The net's name.
        phase: "TRAIN" or "TEST".
        nodes: The layers in the order in which they run forward, splits included.
        outputs: Tops that no layer reads, in alphabetical order as Caffe lists them.
        message: The NetParameter in current form, filtered for the phase, without splits.
    """

    name: str
    phase: str
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    message: Any

    @property
    def inputs(self) -> tuple[str, ...]:
        """The blobs that a user fills: the tops of Input layers."""
        return tuple(top for node in self.nodes if node.type == "Input" for top in node.tops)
