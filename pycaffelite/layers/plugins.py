"""Layer types of other people: named on the command line, or installed with an entry point `pycaffelite.layers`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from pycaffelite.errors import Location, PycaffeliteError, UnsupportedError

GROUP = "pycaffelite.layers"


def plug_in(source: str) -> None:
    """Import a Python file or a module; the classes in it register themselves, as ours do.

    Args:
        source: "my_layers.py", a path, or "my_package.layers", a module that Python can import.

    Raises:
        UnsupportedError: There is no such file or module, or importing it failed, with the line of it that did.
    """
    try:
        _import_file(Path(source)) if source.endswith(".py") else importlib.import_module(source)
    except PycaffeliteError:
        raise
    except Exception as error:
        raise UnsupportedError(
            "importing the layers failed",
            where=_place(error, source),
            got=f"{type(error).__name__}: {error}".rstrip(": "),
            hint="a module of layers needs no more than classes under `@register(...)`; "
            "`pycaffelite.testing.LayerContract` tests them",
        ) from error


def plug_in_installed() -> None:
    """Import the layers that installed packages announce."""
    from importlib import metadata  # noqa: PLC0415 -- slow to import, and only needed where no layer of ours is meant

    for entry in metadata.entry_points(group=GROUP):
        plug_in(entry.module)


def _import_file(path: Path) -> ModuleType:
    """Import a file under its own name, once; its folder is where it finds its neighbours."""
    if not path.is_file():
        raise UnsupportedError("no such file of layers", where=Location(str(path)), expected="a Python file")
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path.resolve()):
        return known
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UnsupportedError("this is no Python file", where=Location(str(path)))
    module = importlib.util.module_from_spec(spec)
    if known is None:
        sys.modules[name] = module
    sys.path.append(str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _place(error: Exception, source: str) -> Location:
    """Return the line in the user's own file where importing it failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return Location(error.filename, error.lineno)
    own = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == Path(source).name
    ]
    return Location(source, own[-1].lineno) if own else Location(source)
