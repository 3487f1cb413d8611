"""Which data a result does not come from: MNIST or CIFAR-10, where built-in digits had to stand in for it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pycaffelite.data.locate import BUILTIN_IN_COLOR, stands_in
from pycaffelite.net import Net


def stand_ins(nets: Iterable[Net]) -> tuple[str, ...]:
    """Return the names of the sources that the built-in digits stand in for."""
    named = {
        entry.node.message.data_param.source: entry.layer.context.data.folder
        for net in nets
        for entry in net.layers
        if entry.node.type == "Data"
    }
    return tuple(name for name, folder in named.items() if stands_in(name, folder))


def warning(names: Iterable[str]) -> str:
    """Say what the data was instead."""
    names = list(names)
    in_color = all(Path(name).name in BUILTIN_IN_COLOR for name in names)
    what = "coloured digits, NOT CIFAR-10," if in_color else "digits, NOT MNIST,"
    return f"pycaffelite's own {what} in place of {', '.join(names)}"
