"""From a graph to a net: shapes first, then memory, then filled parameters."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Blob
from pycaffelite.errors import WiringError
from pycaffelite.graph.graph import Graph
from pycaffelite.layers.base import DataOptions
from pycaffelite.net import gradient_flow
from pycaffelite.net.memory import check_memory
from pycaffelite.net.net import AUTOMATIC, LayerShapes, Net, NetLayer, allocate_buffers, located, set_loss_diffs
from pycaffelite.net.parameters import ParameterMaker
from pycaffelite.net.shapes import infer_shapes


def build(
    graph: Graph,
    *,
    dtype: npt.DTypeLike = np.float32,
    seed: int | None = None,
    share: Net | None = None,
    data: DataOptions | None = None,
) -> Net:
    """Make the net of a graph: infer all shapes, allocate blobs, fill parameters.

    Args:
        graph: The wired layers of one phase.
        dtype: float32, or float64 for gradient checks.
        seed: Of fillers and random layers; None takes one from the system (see `Net.seed`).
        share: A net whose parameters this one uses, by layer name: the train net, for a test net.
        data: Options of the data layers.

    Raises:
        PycaffeliteError: As `infer_shapes`; or ShapeError, when the net needs more memory than there is.
    """
    net = Net(graph, dtype, secrets.randbits(31) if seed is None else seed)
    inferred = infer_shapes(graph, seed=net.seed, data=data)
    check_memory(inferred, net.dtype, diffs=graph.phase == "TRAIN")
    parameters = ParameterMaker(net, share)
    for shapes in inferred:
        entry = _allocate(net, shapes)
        with located(shapes.node):
            entry.layer.params = parameters.make(shapes)
            entry.layer.prepare(shapes.bottoms)
            entry.layer.begin(entry.tops)
        if entry.layer.params:
            net.params[shapes.node.name] = entry.layer.params
        net.layers.append(entry)
    gradient_flow.mark(net.layers, force=graph.message.force_backward)
    return net


def _allocate(net: Net, shapes: LayerShapes) -> NetLayer:
    """Make the tops and buffers of a layer, and take its bottoms from the net."""
    node, layer, layout = shapes.node, shapes.layer, shapes.layout
    bottoms = [net.blobs[name] for name in node.bottoms]
    tops = []
    for name, shape in zip(shapes.top_names, layout.tops, strict=True):
        if name in node.bottoms:
            blob = net.blobs[name]
        elif node.type == "Split":
            blob = Blob(shape, data=bottoms[0].data)
        else:
            blob = Blob(shape, net.dtype)
        tops.append(blob)
        if name != AUTOMATIC:
            net.blobs[name] = blob
    allocate_buffers(layer, layout, net.dtype)
    entry = NetLayer(node, layer, shapes.top_names, bottoms, tops, _loss_weights(shapes))
    set_loss_diffs(entry)
    net.loss_weights |= {
        name: weight for name, weight in zip(shapes.top_names, entry.loss_weights, strict=True) if weight
    }
    return entry


def _loss_weights(shapes: LayerShapes) -> list[float]:
    stated = list(shapes.node.message.loss_weight)
    count = len(shapes.top_names)
    if not stated:
        return [shapes.layer.default_loss_weight, *[0.0] * (count - 1)][:count]
    if len(stated) != count:
        raise WiringError(
            "loss_weight does not match the tops",
            subject=shapes.node.subject,
            where=shapes.node.where,
            expected=f"no loss_weight, or one for each of the {count} tops",
            got=f"{len(stated)}",
        )
    return stated
