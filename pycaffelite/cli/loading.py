"""A net with its weights, as several commands load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycaffelite.api import RunnableNet, load_net
from pycaffelite.cli.options import notify
from pycaffelite.net import Net
from pycaffelite.snapshot import load_weights


def load(path: str, weights: Sequence[str], given: Mapping[str, Any]) -> RunnableNet:
    """Build the net of a file; `given` holds what the shared options gave: the phase, the seed and so on."""
    runnable = load_net(
        path,
        given["phase"],
        level=given["level"],
        stages=given["stage"],
        seed=given["seed"],
        builtin_data=given["builtin_data"],
        allow_python_layers=given["allow_python_layers"],
        notify=notify,
    )
    copy_weights(runnable.net, weights)
    return runnable


def copy_weights(net: Net, files: Sequence[str]) -> None:
    """Copy weights into a net, and tell which layers got none and which weights found no layer."""
    for file in files:
        report = load_weights(net, file)
        if report.ignored:
            notify(f"{file}: not in the net, and ignored: {', '.join(report.ignored)}")
        if report.left:
            notify(f"{file}: not in the file, and left as they were: {', '.join(report.left)}")
