"""What a benchmark finds: one comparison a line of the table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEAD = ("work", "against", "ours", "theirs", "ratio", "target", "", "GFLOP/s", "of peak", "MiB", "theirs")


@dataclass(frozen=True)
class Figure:
    """One comparison.

    Attributes:
        row: The key of the row, for `--only`.
        title: What was done.
        against: A peer, or the limit that is stated or measured.
        ours, theirs: In `unit`.
        unit: "ms", "s", "MiB", "GB/s", "images/s" or "GFLOP/s".
        ratio: How many times as good as the other ours is.
        target: The least ratio asked for; None where the line only informs.
        gflops: What ours computed a second.
        memory: Peak memory of both processes in MiB.
        details: Whatever else was noted.
    """

    row: str
    title: str
    against: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    target: float | None = None
    gflops: float | None = None
    memory: tuple[float, float] | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        return None if self.target is None else self.ratio >= self.target


def about_machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "processor": model,
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load": [round(value, 2) for value in load],
    }


def cells(figure: Figure, peak: float) -> tuple[str, ...]:
    """Return the figure as the words of a table's line; `peak` is the multiply-add rate of the machine in GFLOP/s."""

    def number(value: float | None, suffix: str = "") -> str:
        return "" if value is None else f"{value:#.3g}".rstrip(".") + suffix

    memory = figure.memory or (None, None)
    verdict = {None: "", True: "ok", False: "below"}[figure.met]
    return (
        figure.title,
        figure.against,
        f"{number(figure.ours)} {figure.unit}",
        f"{number(figure.theirs)} {figure.unit}",
        f"{figure.ratio:.2f}",
        "" if figure.target is None else f"{figure.target:.2f}",
        verdict,
        "" if figure.gflops is None else f"{figure.gflops:.0f}",
        "" if figure.gflops is None else f"{100 * figure.gflops / peak:.0f} %",
        *("" if value is None else f"{value:.0f}" for value in memory),
    )


def text_table(figures: Sequence[Figure], peak: float) -> str:
    """Lay out figures for a terminal."""
    rows = [HEAD, *(cells(figure, peak) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = []
    for row in rows:
        words = [word.ljust(w) if c < 2 else word.rjust(w) for c, (word, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(words).rstrip())
    return "\n".join(lines)


def markdown_table(figures: Sequence[Figure], peak: float) -> str:
    """Lay out figures for a document."""
    lines = [HEAD, ("---",) * len(HEAD), *(cells(figure, peak) for figure in figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_json(machine: dict[str, Any], figures: Sequence[Figure]) -> str:
    """Write everything."""
    rows = [asdict(figure) | {"met": figure.met} for figure in figures]
    return json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n"
