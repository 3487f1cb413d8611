"""What is in every blob when a net runs: a walk through its steps that looks at each before the next one runs.

Looking in between matters: a layer that works in place overwrites what the layer before it wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pycaffelite.blob import Array
from pycaffelite.errors import FieldError, Location
from pycaffelite.names import did_you_mean
from pycaffelite.net import NetLayer
from pycaffelite.plan import Plan
from pycaffelite.report.statistics import Distribution, Statistics, describe, distribution

Keep = Callable[[str, Array], None]


@dataclass(frozen=True)
class BlobFigures:
    """One blob of a layer, just after the layer's own step.

    Attributes:
        role: "top" or "param".
        name: The top's name; the index of a parameter.
        data: Figures of the data.
        diff: Figures of the gradient, where the backward pass reached it.
        data_spread, diff_spread: How the numbers are spread, for a layer that was asked for in depth.
    """

    role: str
    name: str
    data: Statistics
    diff: Statistics | None = None
    data_spread: Distribution | None = None
    diff_spread: Distribution | None = None


@dataclass(frozen=True)
class LayerFigures:
    """A layer and its blobs, tops first."""

    name: str
    type: str
    where: Location | None
    blobs: tuple[BlobFigures, ...]


@dataclass(frozen=True)
class Inspection:
    """One pass of real records through a net.

    Attributes:
        net, phase: What ran.
        loss: The total loss; None where the net has none.
        backward: Whether a backward pass was made.
        layers: In the order of the forward pass.
    """

    net: str
    phase: str
    loss: float | None
    backward: bool
    layers: tuple[LayerFigures, ...] = field(repr=False)


def inspect(plan: Plan, *, backward: bool = False, depth: str | None = None, keep: Keep | None = None) -> Inspection:
    """Run a net forward (and backward) once and describe every blob on the way.

    Args:
        plan: The plan of the net; its data layers are advanced by one batch.
        backward: Whether to run the backward pass too, and describe the diffs.
        depth: The name of the layer to describe in depth.
        keep: Takes every array that is described with its name, "data/conv1/conv1" or "diff/conv1/param/0"; it must
            copy what it wants to keep.

    Raises:
        FieldError: No layer has the name `depth`.
    """
    plan = plan.naive  # the others do several layers in one step
    net = plan.net
    _check_name(depth, [entry.node.name for entry in net.layers])
    walk = _Walk(depth, keep or (lambda _name, _array: None))
    for step in plan.forward_steps:
        step.run()
        walk.see_data(step.layer)
    loss = plan.total_loss() if net.loss_weights else None
    if backward:
        net.clear_param_diffs()
        for step in plan.backward_steps:
            walk.see_top_diffs(step.layer)  # complete now; an in-place layer is about to overwrite them
            step.run()
        for step in plan.backward_steps:
            walk.see_param_diffs(step.layer)  # complete only here, where layers share them
    layers = tuple(
        LayerFigures(entry.node.name, entry.node.type, entry.node.where, tuple(walk.blobs[entry.node.name]))
        for entry in net.layers
    )
    return Inspection(net.name, net.phase, loss, backward, layers)


def _check_name(name: str | None, known: list[str]) -> None:
    if name is not None and name not in known:
        raise FieldError(
            "unknown layer",
            expected="the name of a layer that runs in this phase",
            got=f"`{name}`",
            hint=did_you_mean(name, known),
        )


class _Walk:
    """Collects figures: the tops of a layer first, then its parameters."""

    def __init__(self, depth: str | None, keep: Keep) -> None:
        self.depth = depth
        self.keep = keep
        self.blobs: dict[str, list[BlobFigures]] = {}

    def see_data(self, entry: NetLayer) -> None:
        """Describe tops and parameters after the layer's forward step."""
        name = entry.node.name
        figures = []
        for top_name, blob in zip(entry.top_names, entry.tops, strict=True):
            self.keep(f"data/{name}/{top_name}", blob.data)
            figures.append(
                BlobFigures("top", top_name, describe(blob.data), data_spread=self._spread(name, blob.data, 1))
            )
        for index, blob in enumerate(entry.layer.params):
            self.keep(f"data/{name}/param/{index}", blob.data)
            spread = self._spread(name, blob.data, 0)
            figures.append(BlobFigures("param", str(index), describe(blob.data), data_spread=spread))
        self.blobs[name] = figures

    def see_top_diffs(self, entry: NetLayer) -> None:
        """Describe the diffs of the tops before the layer's backward step."""
        for index, (top_name, blob) in enumerate(zip(entry.top_names, entry.tops, strict=True)):
            self.keep(f"diff/{entry.node.name}/{top_name}", blob.diff)
            self._add_diff(entry, index, blob.diff, 1)

    def see_param_diffs(self, entry: NetLayer) -> None:
        """Describe the diffs of the parameters after the whole backward pass."""
        for index, blob in enumerate(entry.layer.params):
            if entry.layer.wanted_params[index]:
                self.keep(f"diff/{entry.node.name}/param/{index}", blob.diff)
                self._add_diff(entry, len(entry.tops) + index, blob.diff, 0)

    def _add_diff(self, entry: NetLayer, position: int, diff: Array, channel_axis: int) -> None:
        figures = self.blobs[entry.node.name]
        spread = self._spread(entry.node.name, diff, channel_axis)
        figures[position] = replace(figures[position], diff=describe(diff), diff_spread=spread)

    def _spread(self, layer: str, array: Array, channel_axis: int) -> Distribution | None:
        return distribution(array, channel_axis) if layer == self.depth else None
