"""The page of the documentation that lists the layer types: `pycaffelite layers --markdown`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pycaffelite.report.catalogue import LayerEntry, catalogue_of_ours, known_besides

_HEAD = """\
# Layers

`pycaffelite layers TYPE` explains a type: its formula, the blobs it reads and writes, its parameters, its fields with
their defaults. This page is made by `pycaffelite layers --markdown > docs/layers.md`.

* from: Caffe, or the forks of Caffe that have the type.
* in place: whether the first top may be the first bottom.
* backward: whether there is a backward pass.

"""

_NOT_HERE = """
## Known, but not run here

Nets with these types are read; `pycaffelite check` tells what is wrong with the rest of them, and
`pycaffelite check --skip-unknown` takes shapes as far as they go. `--layers my_layers.py` plugs in a type of your own.

"""


def page() -> str:
    """Return the page as Markdown."""
    entries = catalogue_of_ours()
    columns = ("type", "from", "what it does", "bottoms", "tops", "in place", "backward")
    known = ((f"`{name}`", _forks(forks)) for name, forks in known_besides(entries).items())
    return _HEAD + _table(columns, map(_row, entries)) + _NOT_HERE + _table(("type", "from"), known)


def _row(entry: LayerEntry) -> Sequence[str]:
    marks = ("yes" if flag else "" for flag in (entry.in_place, entry.backward))
    origin = _forks(entry.forks) or "Caffe"
    return (f"`{entry.type}`", origin, entry.summary, entry.bottoms, entry.tops, *marks)


def _forks(forks: Sequence[str]) -> str:
    return ", ".join(forks)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
