"""Code of users: found where Caffe's users keep it, run so that what goes wrong in it is told with its line."""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pycaffelite.errors import FieldError, Location, PycaffeliteError
from pycaffelite.names import did_you_mean

_OURS = Path(__file__).parents[1].as_posix() + "/"
_STANDARD = sysconfig.get_paths()["stdlib"]
_loaded: dict[str, str] = {}  # modules that were imported for a net, and from which folder


def find_class(module_name: str, class_name: str, folder: Path) -> type[Any]:
    """Return a class of a module that lies in the prototxt's folder, the working folder, or on Python's path.

    The first two stay on Python's path, in front, as for a script: the code may import its neighbours later on.

    Raises:
        FieldError: There is no such module, or no such class in it.
        PycaffeliteError: Importing it failed, with the line that did.
    """
    places = list(dict.fromkeys([str(folder.resolve()), str(Path.cwd())]))
    sys.path[:] = places + [place for place in sys.path if place not in places]
    module = _import(module_name, places)
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        raise FieldError(
            f"module `{module_name}` has no class `{class_name}`",
            expected=f"a class in {getattr(module, '__file__', None) or 'the module'}",
            got="none of this name" if found is None else f"`{class_name}`, which is no class",
            hint=did_you_mean(class_name, classes),
        )
    return found


def _import(name: str, places: list[str]) -> ModuleType:
    """Import a module; one of the same name that another net's folder had gives way."""
    package = name.partition(".")[0]
    if _loaded.get(package, places[0]) != places[0]:
        for known in [known for known in sys.modules if known == package or known.startswith(f"{package}.")]:
            del sys.modules[known]
    importlib.invalidate_caches()
    new = package not in sys.modules
    try:
        with told_with_its_line(f"importing `{name}`"):
            module = importlib.import_module(name)
    except PycaffeliteError as error:
        cause = error.__cause__
        if (
            isinstance(cause, ModuleNotFoundError)
            and cause.name is not None
            and f"{name}.".startswith(f"{cause.name}.")
        ):
            raise _missing(name, places) from cause
        raise
    if new:
        _loaded[package] = places[0]
    return module


def _missing(name: str, places: list[str]) -> FieldError:
    near = [path.stem for place in places for path in Path(place).glob("*.py")]
    return FieldError(
        f"there is no module `{name}`",
        expected=f"`{name.replace('.', os.sep)}.py` in {' or '.join(places)}, or a module on Python's path",
        got="no such file",
        hint=did_you_mean(name, near) or "PYTHONPATH may name more folders",
    )


@contextmanager
def told_with_its_line(what: str, subject: str | None = None) -> Iterator[None]:
    """Turn whatever the user's code raises into an error of ours that names the code's file and line.

    Args:
        what: What was being done, as "`forward` of class `Mine`".
        subject: The layer that it was done for, where the net does not add it.
    """
    try:
        yield
    except PycaffeliteError as error:
        error.where = error.where or _place(error)
        error.subject = error.subject or subject
        raise
    except SyntaxError as error:
        place = Location(error.filename, error.lineno) if error.filename else None
        raise _failure(what, subject, error, place) from error
    except Exception as error:
        raise _failure(what, subject, error, _place(error)) from error


def _failure(what: str, subject: str | None, error: Exception, place: Location | None) -> PycaffeliteError:
    said = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    return PycaffeliteError(
        f"{what} failed",
        where=place,
        subject=subject,
        got=said.rstrip(": "),
        hint="PYCAFFELITE_DEBUG=1 shows the whole traceback",
    )


def _place(error: BaseException) -> Location | None:
    """Return the line of the user's own code that was run last; None where it had not begun."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    if not frames:
        return None
    own = [frame for frame in frames if not _is_library(frame.filename)]
    return Location(_short((own or frames)[-1].filename), (own or frames)[-1].lineno)


def _is_ours(filename: str) -> bool:
    return Path(filename).as_posix().startswith(_OURS) or filename.startswith("<frozen")


def _is_library(filename: str) -> bool:
    return "site-packages" in filename or filename.startswith(_STANDARD)


def _short(filename: str) -> str:
    """Return a path from the working folder where that is shorter."""
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except ValueError:
        return filename
