"""How tables look: one style for all commands, readable at 80 columns, in a pipe and in a log file."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pycaffelite.errors import harmless

_PIPE_WIDTH = 1000  # columns: nothing is folded where no terminal sets a limit; lines end where their text ends


_RULE = "─"  # of rich's box below; not every encoding has it (a pipe on Windows, LC_ALL=C)


def show(renderable: RenderableType, stream: TextIO | None = None) -> None:
    """Print on `stream` (standard output when None): in colour and folded to its width on a terminal, else plain."""
    stream = stream or sys.stdout
    if stream.isatty():
        console = Console(file=stream, highlight=False, markup=False)
        with console.capture() as shown:
            console.print(renderable, crop=False)
        stream.write(harmless(shown.get(), colours=True))
    else:
        text = harmless(plain(renderable))
        with_rules = (stream.encoding or "utf-8").lower().startswith("utf")
        stream.write(text if with_rules else text.replace(_RULE, "-"))


def plain(renderable: RenderableType, width: int = _PIPE_WIDTH) -> str:
    """Return the text without colours; no line has blanks at its end."""
    buffer = io.StringIO()
    # The stream's encoding decides whether rich draws rules with ASCII; a StringIO has none, and UTF-8 is assumed.
    Console(file=buffer, width=width, highlight=False, markup=False, color_system=None).print(renderable)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> Table:
    """Make a table of text; the first `left` columns are aligned left, as names are, the others right, as numbers."""
    made = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        header_style="bold",
    )
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def line(text: str) -> Text:
    """Return a line that is never folded, so that it can be copied from the screen."""
    return Text(text, no_wrap=True, overflow="ignore")


def labelled(label: str, text: str) -> Table:
    """Write a text behind a label; where it is folded, it goes on below its beginning."""
    made = Table.grid()
    made.add_column(width=len(label))
    made.add_column()
    made.add_row(Text(label), Text(text))
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


def values(numbers: Sequence[float], most: int = 8) -> str:
    """Write the elements of a blob, the first of many."""
    shown = " ".join(f"{value:.5g}" for value in numbers[:most])
    return shown + (f" ... ({len(numbers)})" if len(numbers) > most else "")
