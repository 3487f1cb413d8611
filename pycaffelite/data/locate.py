"""Finds the files that a net names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pycaffelite.data.color_digits import color_digits_database
from pycaffelite.data.digits import digits_database
from pycaffelite.errors import DataError
from pycaffelite.names import did_you_mean

# Sources that the embedded digits, and the coloured ones, stand in for, and which half of them.
BUILTIN = {"mnist-train-leveldb": "train", "mnist-test-leveldb": "test"}
BUILTIN_IN_COLOR = {"cifar-train-leveldb": "train", "cifar-test-leveldb": "test"}

_MANY = 200  # names in a folder; of more, only those that begin alike are compared


def locate_source(name: str, folder: Path, *, builtin: bool, notify: Callable[[str], None]) -> Path:
    """Return where the source `name` is: as given from the working folder, then from the prototxt's folder.

    Args:
        name: The source as the prototxt names it.
        folder: The prototxt's folder.
        builtin: Whether the embedded digits stand in for missing MNIST.
        notify: Takes the sentence that says so.
    """
    for path in _candidates(name, folder):
        if path.exists():
            return path
    base = Path(name).name
    if builtin and base in BUILTIN:
        notify(
            f"`{name}` does not exist: using pycaffelite's own digits in its place. THIS IS NOT MNIST; "
            "`pycaffelite data mnist` makes the real thing, --no-builtin-data makes this an error"
        )
        return digits_database(BUILTIN[base], notify=notify)
    if builtin and base in BUILTIN_IN_COLOR:
        notify(
            f"`{name}` does not exist: using pycaffelite's own coloured digits in its place. THIS IS NOT CIFAR-10; "
            "--no-builtin-data makes this an error"
        )
        return color_digits_database(BUILTIN_IN_COLOR[base], notify=notify)
    hint = "`pycaffelite data mnist` makes the MNIST databases in the current folder" if base in BUILTIN else None
    raise _missing("the data source does not exist", name, folder, hint)


def stands_in(name: str, folder: Path) -> bool:
    """Tell whether the embedded digits stand in for the source `name`."""
    return Path(name).name in (*BUILTIN, *BUILTIN_IN_COLOR) and not any(
        path.exists() for path in _candidates(name, folder)
    )


def locate_file(name: str, folder: Path, *, what: str) -> Path:
    """Return where a file is that a data layer names: from the working folder, then from the prototxt's folder."""
    for path in _candidates(name, folder):
        if path.is_file():
            return path
    raise _missing(f"the {what} does not exist", name, folder, None)


def _candidates(name: str, folder: Path) -> list[Path]:
    """Return the places to look in, each once; none for no name."""
    return list(dict.fromkeys([Path(name), folder / name])) if name else []


def _missing(what: str, name: str, folder: Path, hint: str | None) -> DataError:
    """Return the error with all paths tried and what is there under similar names."""
    tried = _candidates(name, folder)
    base = Path(name).name
    near = [entry.name for path in tried if path.parent.is_dir() for entry in path.parent.iterdir()]
    if len(near) > _MANY:
        near = [other for other in near if other[:2].casefold() == base[:2].casefold()]
    hints = [text for text in (did_you_mean(base, near), hint) if text]
    return DataError(
        what,
        expected=" or ".join(f"`{path.absolute()}`" for path in tried) if name else "the name of a source",
        got="nothing there" if name else "no name",
        hint=" ".join(hints) or "sources are looked for in the working folder and in the prototxt's folder",
    )
