"""How tables look: one style for all commands, readable at 80 columns, in a pipe and in a log file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 1000  # columns: nothing is folded where no terminal sets a limit; lines end where their text ends


def console(stream: TextIO | None = None) -> Console:
    """Return the console that writes to `stream` (standard output when None)."""
    stream = stream or sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False, markup=False)
    return Console(file=stream, width=_PIPE_WIDTH, highlight=False, markup=False, color_system=None)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, left: int = 1) -> Table:
    """Make a table of text; the first `left` columns are aligned left, as names are, the others right, as numbers."""
    made = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        header_style="bold",
    )
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def number(value: float) -> str:
    """Write a figure in at most nine characters: three significant digits."""
    return f"{value:.3g}"


def count(value: float) -> str:
    """Write a whole number with thousands set apart."""
    return f"{value:,.0f}"


def amount(value: float, unit: str = "") -> str:
    """Write a large number with a decimal prefix: 2.29 M, 401 k."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def memory(size: float) -> str:
    """Write a number of bytes in binary units."""
    for factor, unit in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} B"


def shape(lengths: Sequence[int]) -> str:
    """Write a shape as users read it: 64x20x24x24; a single number without axes is a "scalar"."""
    return "x".join(map(str, lengths)) or "scalar"
