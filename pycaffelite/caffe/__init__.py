"""The pycaffe-compatible face: `from pycaffelite import caffe`, and scripts written for pycaffe run."""

from __future__ import annotations

from pycaffelite.caffe.mode import allow_python_layers, set_device, set_mode_cpu, set_mode_gpu, set_random_seed
from pycaffelite.caffe.net import TEST, TRAIN, Net
from pycaffelite.caffe.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    Solver,
    get_solver,
)
from pycaffelite.faces import Blob, Layer
from pycaffelite.layers.registry import layer_types

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Blob",
    "Layer",
    "NesterovSolver",
    "Net",
    "RMSPropSolver",
    "SGDSolver",
    "Solver",
    "allow_python_layers",
    "get_solver",
    "layer_type_list",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
]


def layer_type_list() -> list[str]:
    """Return the names of all layer types."""
    return layer_types()
