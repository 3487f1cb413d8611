"""Reads, runs, trains and inspects Caffe prototxt nets.

The public names are found when they are first used, so that `import pycaffelite` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pycaffelite.api import RunnableNet, load_net, load_solver
    from pycaffelite.errors import (
        DataError,
        DivergenceError,
        FieldError,
        Location,
        PrototxtError,
        PycaffeliteError,
        ShapeError,
        SnapshotError,
        UnsupportedError,
        WiringError,
    )

__all__ = [
    "DataError",
    "DivergenceError",
    "FieldError",
    "Location",
    "PrototxtError",
    "PycaffeliteError",
    "RunnableNet",
    "ShapeError",
    "SnapshotError",
    "UnsupportedError",
    "WiringError",
    "__version__",
    "load_net",
    "load_solver",
]

_FROM_API = ("RunnableNet", "load_net", "load_solver")


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name == "__version__":
        return _version()
    if name not in __all__:
        raise AttributeError(f"module 'pycaffelite' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"pycaffelite.{'api' if name in _FROM_API else 'errors'}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    """Return the version of the installed distribution; "unknown" in a source tree that was never installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("pycaffelite")
    except PackageNotFoundError:
        return "unknown"
