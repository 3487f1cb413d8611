"""Let `import caffe` find pycaffelite's face of pycaffe."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_OURS = "pycaffelite."


class _Alias(MetaPathFinder, Loader):
    """Finds `caffe` and what is in it where it is: in this package. Each module stays one, under two names."""

    def __init__(self) -> None:
        self.specs: dict[str, Any] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import `caffe` or `caffe.x`; None for anything else, and for what this package lacks."""
        if name != "caffe" and not name.startswith("caffe."):
            return None
        return ModuleSpec(name, self) if importlib.util.find_spec(_OURS + name) is not None else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return our module."""
        module = importlib.import_module(_OURS + spec.name)
        self.specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own specification back, which the import has replaced."""
        spec: Any = module.__spec__
        module.__spec__ = self.specs.pop(spec.name)


def be_caffe() -> None:
    """Make `import caffe` import this package from now on, unless another one has been imported under this name."""
    if not any(isinstance(finder, _Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Alias())
