"""The net: layers and blobs by name. It is inert; a plan runs it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Blob, Shape, aligned_zeros
from pycaffelite.errors import Location, PycaffeliteError, ShapeError
from pycaffelite.graph.graph import Graph, Node
from pycaffelite.layers.base import Layer, Layout, shape_text

AUTOMATIC = "(automatic)"  # Caffe's name for the top that it makes for a loss layer without one


@dataclass(frozen=True)
class LayerShapes:
    """One layer before any memory is taken: its shapes and what it will own.

    Attributes:
        node: Its place in the graph.
        layer: The layer object, without parameters yet.
        top_names: Names of the tops, automatic ones included.
        bottoms: Shapes of the bottoms.
        layout: Shapes of tops, parameters and buffers.
    """

    node: Node
    layer: Layer
    top_names: tuple[str, ...]
    bottoms: tuple[Shape, ...]
    layout: Layout


@dataclass
class NetLayer:
    """A layer with its blobs.

    Attributes:
        node: Its place in the graph.
        layer: The layer object.
        top_names: Names of the tops, automatic ones included.
        bottoms, tops: Its blobs; an in-place top is the same object as the bottom.
        loss_weights: The weight of each top in the total loss; mostly 0.
        wanted: For each bottom, whether the backward pass must compute its diff.
        needs_backward: Whether the layer takes part in the backward pass at all.
    """

    node: Node
    layer: Layer
    top_names: tuple[str, ...]
    bottoms: list[Blob]
    tops: list[Blob]
    loss_weights: list[float]
    wanted: list[bool] = field(default_factory=list)
    needs_backward: bool = False


@dataclass(frozen=True)
class Learnable:
    """A parameter blob as the solver sees it; one that several layers share appears once, under its owner.

    Attributes:
        name: "conv1/0": the owner's name and the index of the blob.
        blob: Weights and their gradient.
        lr_mult: Multiplies the learning rate; 0 freezes the blob.
        decay_mult: Multiplies the weight decay.
        where: The line of the owner.
    """

    name: str
    blob: Blob
    lr_mult: float
    decay_mult: float
    where: Location | None


class Net:
    """Layers and blobs by name. Made by `build`.

    Attributes:
        name, phase, graph: What it was built from.
        dtype: float32 or float64, for every blob.
        seed: Seeds the fillers and every random layer.
        layers: In the order of the forward pass, splits included.
        blobs: Tops by name.
        params: Parameter blobs by the name of their layer, for layers that have any.
        learnables: Parameters for the solver.
        loss_weights: The blobs with a nonzero loss weight.
    """

    def __init__(self, graph: Graph, dtype: npt.DTypeLike, seed: int) -> None:
        self.graph = graph
        self.name = graph.name
        self.phase = graph.phase
        self.dtype = np.dtype(dtype)
        self.seed = seed
        self.layers: list[NetLayer] = []
        self.blobs: dict[str, Blob] = {}
        self.params: dict[str, list[Blob]] = {}
        self.learnables: list[Learnable] = []
        self.loss_weights: dict[str, float] = {}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The blobs that the user fills."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The blobs that no layer reads, in alphabetical order."""
        return self.graph.outputs

    def layer(self, name: str) -> NetLayer:
        """Return the layer of this name; KeyError where there is none."""
        for layer in self.layers:
            if layer.node.name == name:
                return layer
        raise KeyError(name)

    def clear_param_diffs(self) -> None:
        """Set the gradient of every parameter to zero."""
        for learnable in self.learnables:
            learnable.blob.diff.fill(0)

    def reshape(self, after: NetLayer | None = None) -> None:
        """Let new shapes of the inputs run through the net; parameters keep theirs.

        Args:
            after: Begin behind this layer, whose tops have new shapes; None: at the inputs.

        Raises:
            ShapeError: The new input does not fit a parameter.
        """
        for entry in self.layers[0 if after is None else self.layers.index(after) + 1 :]:
            shapes = [blob.shape for blob in entry.bottoms]
            with located(entry.node):
                if shapes:
                    layout = entry.layer.layout(shapes)
                    _check_params_fit(entry, layout)
                    for blob, shape in zip(entry.tops, layout.tops, strict=True):
                        blob.resize(shape)
                    allocate_buffers(entry.layer, layout, self.dtype)
                entry.layer.prepare(shapes)
            if entry.node.type == "Split":
                for top in entry.tops:
                    top.data = entry.bottoms[0].data
            set_loss_diffs(entry)


def set_loss_diffs(entry: NetLayer) -> None:
    """Write each loss weight into the diff of its top: that is where the backward pass starts."""
    for blob, weight in zip(entry.tops, entry.loss_weights, strict=True):
        if weight:
            blob.diff.fill(weight)


def allocate_buffers(layer: Layer, layout: Layout, dtype: npt.DTypeLike) -> None:
    """Give the layer the private arrays of its layout, keeping those that fit already."""
    for name, (shape, buffer_dtype) in layout.buffers.items():
        if name not in layer.buffers or layer.buffers[name].shape != shape:
            layer.buffers[name] = aligned_zeros(shape, dtype if buffer_dtype is None else buffer_dtype)


def _check_params_fit(entry: NetLayer, layout: Layout) -> None:
    """After a reshape, the layer must still want parameters of the shapes it has."""
    for index, (blob, wanted) in enumerate(zip(entry.layer.params, layout.params, strict=True)):
        if blob.shape != wanted.shape:
            raise ShapeError(
                "the new input does not fit the layer's parameters",
                expected=f"an input for parameter {index} of shape {shape_text(blob.shape)}",
                got=f"bottom of shape {shape_text(entry.bottoms[0].shape)}, which needs {shape_text(wanted.shape)}",
            )


class located:  # noqa: N801 -- used like a function, in a with statement
    """Adds the layer and its line to any error of ours that is raised within."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, PycaffeliteError):
            error.within(self.node.subject, self.node.where)
