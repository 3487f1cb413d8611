"""What a net is before it is built: shapes, parameters, arithmetic and memory, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType

from pycaffelite.blob import Shape
from pycaffelite.net import LayerShapes
from pycaffelite.report import tables


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    Attributes:
        name, type: As in the file.
        bottoms: Shapes by name of the blobs that it reads.
        tops: Shapes by name of the blobs that it writes.
        params: Shapes of its parameter blobs.
        owned: The indices of those that no earlier layer owns.
        parameters: How many numbers are in them.
        macs: Multiply-accumulate operations of a forward pass over the batch; 0 for layers that multiply no matrices.
        memory: Bytes of its tops, parameters and buffers, with the diffs that the phase needs.
        splits: Whether the net made this layer itself, because several layers read one blob.
    """

    name: str
    type: str
    bottoms: dict[str, Shape]
    tops: dict[str, Shape]
    params: tuple[Shape, ...]
    owned: tuple[int, ...]
    parameters: int
    macs: int
    memory: int
    splits: bool


@dataclass(frozen=True)
class NetSummary:
    """A net in one phase, and its layers."""

    name: str
    phase: str
    layers: tuple[LayerSummary, ...] = field(repr=False)

    @property
    def parameters(self) -> int:
        """How many numbers the net learns or keeps."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of a forward pass over the batch."""
        return sum(layer.macs for layer in self.layers)

    @property
    def memory(self) -> int:
        """Bytes of all blobs and buffers."""
        return sum(layer.memory for layer in self.layers)


def summarize(name: str, phase: str, layers: Sequence[LayerShapes], dtype: npt.DTypeLike = np.float32) -> NetSummary:
    """Summarize inferred shapes; `phase` TRAIN counts diffs too."""
    summarizer = Summarizer(phase, dtype)
    return NetSummary(name, phase, tuple(map(summarizer.add, layers)))


class Summarizer:
    """Summarizes the layers of a net one after another; a parameter counts for the first layer that has it."""

    def __init__(self, phase: str, dtype: npt.DTypeLike) -> None:
        self.seen: set[str] = set()
        self.itemsize = np.dtype(dtype).itemsize
        self.phase = phase

    def add(self, entry: LayerShapes) -> LayerSummary:
        """Summarize the next layer."""
        return _layer(entry, self.seen, self.itemsize, self.phase)


def with_totals(summary: NetSummary) -> dict[str, Any]:
    """Return the summary and its totals as one dictionary, for JSON."""
    totals = {"parameters": summary.parameters, "macs": summary.macs, "memory": summary.memory}
    return {"name": summary.name, "phase": summary.phase, **totals, "layers": summary.layers}


def _layer(entry: LayerShapes, seen: set[str], itemsize: int, phase: str) -> LayerSummary:
    """Summarize a layer; `seen` collects the names of parameters that have an owner already."""
    node, layout = entry.node, entry.layout
    split = node.type == "Split"
    copies = 2 if phase == "TRAIN" else 1
    # The tops of a split are views of its bottom, and an in-place top is its bottom: only their diffs are new.
    fresh = [math.prod(s) for name, s in zip(entry.top_names, layout.tops, strict=True) if name not in node.bottoms]
    numbers = sum(fresh) * (copies - 1 if split else copies)
    owned = _owned_params(entry, seen)
    own = sum(math.prod(layout.params[index].shape) for index in owned)
    buffers = sum(
        math.prod(shape) * (itemsize if dtype is None else np.dtype(dtype).itemsize)
        for shape, dtype in layout.buffers.values()
    )
    return LayerSummary(
        name=node.name,
        type=node.type,
        bottoms=dict(zip(node.bottoms, map(tuple, entry.bottoms), strict=True)),
        tops=dict(zip(entry.top_names, map(tuple, layout.tops), strict=True)),
        params=tuple(tuple(param.shape) for param in layout.params),
        owned=owned,
        parameters=own,
        macs=entry.layer.macs(entry.bottoms, layout),
        memory=(numbers + own * copies) * itemsize + buffers,
        splits=split,
    )


def _owned_params(entry: LayerShapes, seen: set[str]) -> tuple[int, ...]:
    """Return which parameters no earlier layer owns under the same `param { name }`."""
    specs = entry.node.message.param
    owned = []
    for index in range(len(entry.layout.params)):
        shared_name = specs[index].name if index < len(specs) else ""
        if shared_name not in seen:
            owned.append(index)
        if shared_name:
            seen.add(shared_name)
    return tuple(owned)


def render(summary: NetSummary, *, with_splits: bool = False) -> RenderableType:
    """Lay the summary out as a table and its totals; the net's own splits only when asked for."""
    rows = [
        (
            layer.name,
            layer.type,
            ", ".join(map(tables.shape, layer.tops.values())) or "-",
            tables.count(layer.parameters) if layer.parameters else ("shared" if layer.params else "-"),
            tables.amount(layer.macs) if layer.macs else "-",
            tables.memory(layer.memory),
        )
        for layer in summary.layers
        if with_splits or not layer.splits
    ]
    hidden = sum(layer.splits for layer in summary.layers) * (not with_splits)
    grid = tables.table(("layer", "type", "tops", "parameters", "MACs", "memory"), rows, left=3)
    totals = [
        f"parameters  {tables.count(summary.parameters)} ({tables.memory(4 * summary.parameters)} as float32)",
        f"MACs        {tables.count(summary.macs)} for a forward pass over the batch",
        f"memory      {tables.memory(summary.memory)}"
        + (" with gradients" if summary.phase == "TRAIN" else "")
        + (f"; with {hidden} {'split that is' if hidden == 1 else 'splits that are'} not shown" if hidden else ""),
    ]
    return Group(f"{summary.name or 'unnamed net'}, phase {summary.phase}", "", grid, "", *totals)
