"""Which class runs a layer type. `@register("Pooling")` above a class is all that it takes to add one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from pycaffelite.errors import FieldError, UnsupportedError
from pycaffelite.layers.base import Layer
from pycaffelite.layers.plugins import plug_in_installed
from pycaffelite.names import did_you_mean
from pycaffelite.schema.upgrade.types import TYPES

LayerClass = TypeVar("LayerClass", bound=type[Layer])

_CLASSES: dict[str, type[Layer]] = {}

# What BVLC Caffe 1.0 runs: the types that the V1 form could name, and the younger ones.
_OF_CAFFE = {name for name in TYPES.values() if name} | {
    "BatchNorm", "BatchReindex", "Bias", "Crop", "ELU", "Embed", "Filter", "Input", "LSTM", "Log", "PReLU", "Parameter",
    "Python", "RNN", "Reduction", "Reshape", "SPP", "Scale", "Swish", "Tile",
}  # fmt: skip


_PLUG_IN = "a type of your own is plugged in with `--layers my_layers.py`"


def register(type_name: str) -> Callable[[LayerClass], LayerClass]:
    """Make the class below the one that runs layers of this type; a later registration of a type wins."""

    def keep(layer_class: LayerClass) -> LayerClass:
        layer_class.type = type_name
        _CLASSES[type_name] = layer_class
        return layer_class

    return keep


def layer_class(type_name: str) -> type[Layer]:
    """Return the class of a layer type.

    Raises:
        FieldError: There is no such type; close matches are named.
        UnsupportedError: Caffe runs this type, and pycaffelite does not yet.
    """
    _discover()
    if type_name in _OF_CAFFE and type_name not in _CLASSES:
        raise UnsupportedError(
            "this layer type of Caffe's does not run yet",
            expected="one of the types that `pycaffelite layers` lists",
            got=f"`{type_name}`",
        )
    if type_name not in _CLASSES:
        raise FieldError(
            "unknown layer type",
            expected="one of the types that `pycaffelite layers` lists",
            got=f"`{type_name}`" if type_name else "no type",
            hint="; ".join(filter(None, [did_you_mean(type_name, _CLASSES), _PLUG_IN])),
        )
    return _CLASSES[type_name]


def layer_types() -> list[str]:
    """Return the names of all registered types, sorted."""
    _discover()
    return sorted(_CLASSES)


@cache
def _discover() -> None:
    """Import every module of this package once, so that each registers its layers; then those of other packages."""
    package = importlib.import_module("pycaffelite.layers")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in ("base", "registry"):
            importlib.import_module(f"pycaffelite.layers.{module.name}")
    plug_in_installed()
