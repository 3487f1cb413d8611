"""Build a graph into a net of blobs, parameters and layers."""

from pycaffelite.net.build import build
from pycaffelite.net.net import LayerShapes, Learnable, Net, NetLayer, located, set_loss_diffs
from pycaffelite.net.shapes import ShapeFlow, infer_shapes

__all__ = [
    "LayerShapes",
    "Learnable",
    "Net",
    "NetLayer",
    "ShapeFlow",
    "build",
    "infer_shapes",
    "located",
    "set_loss_diffs",
]
