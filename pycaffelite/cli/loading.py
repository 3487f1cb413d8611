"""A net with its weights, as several commands load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycaffelite.api import RunnableNet, load_net
from pycaffelite.cli.options import notify, report_of
from pycaffelite.net import Net
from pycaffelite.snapshot import load_weights


def load(path: str, weights: Sequence[str], given: Mapping[str, Any], *, outputs_only: bool = False) -> RunnableNet:
    """Build the net of a file; `given` holds what the shared options gave: the phase, the seed and so on."""
    runnable = load_net(
        path,
        given["phase"],
        level=given["level"],
        stages=given["stage"],
        seed=given["seed"],
        builtin_data=given["builtin_data"],
        allow_python_layers=given["allow_python_layers"],
        outputs_only=outputs_only,
        report=report_of(given["strict"]),
        notify=notify,
    )
    copy_weights(runnable.net, weights)
    return runnable


def copy_weights(net: Net, files: Sequence[str], *, skip_mismatch: bool = False) -> None:
    """Copy weights into a net, and tell which layers got none and which weights found no layer.

    Args:
        net: The net.
        files: One after the other; of a layer that is in several, the last one counts.
        skip_mismatch: Whether layers of other shapes keep their values, instead of an error.
    """
    reports = [load_weights(net, file, skip_mismatch=skip_mismatch) for file in files]
    for file, report in zip(files, reports, strict=True):
        if len(files) > 1 or not report.copied:
            notify(f"{file}: copied: {', '.join(report.copied) or 'nothing'}")
        if report.ignored:
            notify(f"{file}: not in the net, and ignored: {', '.join(report.ignored)}")
        if report.skipped:
            notify(f"{file}: of other shapes, and skipped: {', '.join(report.skipped)}")
        if report.left and len(files) == 1:
            notify(f"{file}: not in the file, and left as they were: {', '.join(report.left)}")
    if len(files) > 1:
        got = {name for report in reports for name in report.copied}
        left = [name for name in (*reports[0].left, *reports[0].skipped) if name not in got]
        if left:
            notify(f"in none of the files, and left as they were: {', '.join(left)}")
