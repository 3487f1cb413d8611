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
from pycaffelite.schema.fork_types import known_types

LayerClass = TypeVar("LayerClass", bound=type[Layer])

_CLASSES: dict[str, type[Layer]] = {}
_PACKAGE = "pycaffelite.layers"

_PLUG_IN = "a type of your own is plugged in with `--layers my_layers.py`"


def register(type_name: str) -> Callable[[LayerClass], LayerClass]:
    """Make the class below the one that runs layers of this type.

    A later registration of a type wins, but one of ours never takes the place of somebody else's: ours are imported
    when they are needed.
    """

    def keep(layer_class: LayerClass) -> LayerClass:
        layer_class.type = type_name
        if type_name not in _CLASSES or not layer_class.__module__.startswith(f"{_PACKAGE}."):
            _CLASSES[type_name] = layer_class
        return layer_class

    return keep


def layer_class(type_name: str) -> type[Layer]:
    """Return the class of a layer type.

    Raises:
        FieldError: There is no such type; close matches are named.
        UnsupportedError: A fork of Caffe runs this type, and pycaffelite does not.
    """
    if has_layer(type_name):
        return _CLASSES[type_name]
    if forks := known_types().get(type_name):
        raise UnsupportedError(
            "this layer type of a fork does not run here",
            expected="one of the types that `pycaffelite layers` lists",
            got=f"`{type_name}`, of {' and '.join(forks[:2])}",
            hint=_PLUG_IN,
        )
    raise FieldError(
        "unknown layer type",
        expected="one of the types that `pycaffelite layers` lists",
        got=f"`{type_name}`" if type_name else "no type",
        hint="; ".join(filter(None, [did_you_mean(type_name, _CLASSES), _PLUG_IN])),
    )


def has_layer(type_name: str) -> bool:
    """Tell whether there is a class for a layer type.

    A type of ours stands in the module of its name, so a net's first layer does not import all the others.
    """
    if type_name not in _CLASSES and (module := _modules().get(type_name.lower())) is not None:
        importlib.import_module(f"{_PACKAGE}.{module}")
    if type_name not in _CLASSES:
        _discover()
    return type_name in _CLASSES


def layer_types() -> list[str]:
    """Return the names of all registered types, sorted."""
    _discover()
    return sorted(_CLASSES)


@cache
def _discover() -> None:
    """Import every module of this package once, so that each registers its layers; then those of other packages."""
    for module in _modules().values():
        importlib.import_module(f"{_PACKAGE}.{module}")
    plug_in_installed()


@cache
def _modules() -> dict[str, str]:
    """Return the modules of this package by their names without underscores."""
    package = importlib.import_module(_PACKAGE)
    return {module.name.replace("_", ""): module.name for module in pkgutil.iter_modules(package.__path__)}
