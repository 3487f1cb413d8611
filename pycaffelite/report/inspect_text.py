"""An inspection as tables that people read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from pycaffelite.report import tables
from pycaffelite.report.inspect import BlobFigures, Inspection, LayerFigures
from pycaffelite.report.statistics import QUANTILES, Distribution, Statistics

_COLUMNS = ("mean", "mean|x|", "std", "min", "max", "zeros", "NaN")
_WIDTHS = (10, 10, 10, 10, 10, 7, 4)  # characters: 61, which leaves 19 of 80 for the name and the shape
_NARROWEST = 12
_BAR_WIDTH = 40  # characters of the longest bar of a histogram
_FEWEST_TO_BIN = 20  # numbers: fewer are better read than binned
_MOST_CHANNELS = 32  # rows; JSON has them all


def render(inspection: Inspection, *, depth: str | None = None) -> RenderableType:
    """Lay out all layers in one table, or one layer in depth."""
    head = f"{inspection.net or 'unnamed net'}, phase {inspection.phase}"
    if inspection.loss is not None:
        head += f", total loss {inspection.loss:.6g}"
    if depth is not None:
        layer = next(layer for layer in inspection.layers if layer.name == depth)
        return Group(head, "", *_in_depth(layer))
    return Group(head, "", _Overview(inspection), *_warnings(inspection))


class _Overview:
    """One line per array under a heading per layer, in columns that do not depend on the terminal's width.

    A name and shape too long for what the figures leave stands on a line of its own.
    """

    def __init__(self, inspection: Inspection) -> None:
        self._rows = [row for layer in inspection.layers if layer.type != "Split" for row in _layer_rows(layer)]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Text]:
        figures = sum(_WIDTHS)
        longest = max((len(label) for label, cells in self._rows if cells), default=0)
        width = min(longest, max(options.max_width - figures, _NARROWEST))
        yield tables.line(_row("blob", width, _COLUMNS))
        yield tables.line("\u2500" * (width + figures))
        for label, cells in self._rows:
            if cells and len(label) > width:
                yield tables.line(label)
                yield tables.line(_row("", width, cells))
            else:
                yield tables.line(_row(label, width, cells))


def _row(label: str, width: int, cells: Sequence[str]) -> str:
    """Write figures in their columns behind a label."""
    return f"{label:<{width}}" + "".join(f"{cell:>{size}}" for cell, size in zip(cells, _WIDTHS, strict=False))


def _layer_rows(layer: LayerFigures) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a heading, then a row for each array."""
    yield f"{layer.name} ({layer.type})", ()
    for blob in layer.blobs:
        name = blob.name if blob.role == "top" else f"param {blob.name}"
        yield f"  {name} {tables.shape(blob.data.shape)}", _figures(blob.data)
        if blob.diff is not None:
            yield "    diff", _figures(blob.diff)


def _figures(figures: Statistics) -> tuple[str, ...]:
    numbers = (figures.mean, figures.mean_abs, figures.std, figures.min, figures.max)
    return (*map(tables.number, numbers), _share(figures.zeros), str(figures.nans))


def _share(value: float) -> str:
    """Write a share as a percentage; what is rare or nearly all must not look like none or all."""
    if 0 < value < 0.001:
        return "<.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    return f"{100 * value:.3g}%"


def _warnings(inspection: Inspection) -> Iterator[str]:
    """Say where the trouble starts, if there is any."""
    for layer in inspection.layers:
        for blob in layer.blobs:
            for kind, figures in (("data", blob.data), ("diff", blob.diff)):
                if figures is not None and figures.nans + figures.infinities:
                    place = f" ({layer.where})" if layer.where else ""
                    yield (
                        f"warning: {layer.name}{place}: {kind} of {blob.role} {blob.name} has "
                        f"{figures.nans} NaN and {figures.infinities} infinite values"
                    )
                    return


def _in_depth(layer: LayerFigures) -> Iterator[RenderableType]:
    """Yield everything about one layer."""
    yield f"{layer.name} ({layer.type})" + (f", {layer.where}" if layer.where else "")
    for blob in layer.blobs:
        for kind, figures, spread in (
            ("data", blob.data, blob.data_spread),
            ("diff", blob.diff, blob.diff_spread),
        ):
            if figures is not None and spread is not None:
                yield ""
                yield from _array(blob, kind, figures, spread)


def _array(blob: BlobFigures, kind: str, figures: Statistics, spread: Distribution) -> Iterator[RenderableType]:
    """Yield the figures, quantiles, histogram, first values and channels of an array."""
    yield Text(f"{blob.role} {blob.name}, {kind}", style="bold")
    yield ""
    yield tables.table(("shape", *_COLUMNS), [(tables.shape(figures.shape), *_figures(figures))])
    count = math.prod(figures.shape)
    if spread.quantiles and count >= _FEWEST_TO_BIN:
        head = [f"{100 * share:g}%" for share in QUANTILES]
        yield ""
        yield tables.table(["quantile", *head], [["", *map(tables.number, spread.quantiles)]])
        yield ""
        yield from _histogram(spread)
    yield ""
    yield f"first values: {' '.join(map(tables.number, spread.first))}"
    if 1 < len(spread.channels) < count:
        yield ""
        yield from _channels(spread)


def _channels(spread: Distribution) -> Iterator[RenderableType]:
    """Yield the figures of the first channels."""
    rows = [(str(index), *_figures(channel)) for index, channel in enumerate(spread.channels[:_MOST_CHANNELS])]
    yield tables.table(("channel", *_COLUMNS), rows)
    if len(spread.channels) > _MOST_CHANNELS:
        yield f"... and {len(spread.channels) - _MOST_CHANNELS} more channels; --json has them all"


def _histogram(spread: Distribution) -> Iterator[str]:
    """Yield one line per bin: its lower edge, a bar, its count."""
    highest = max(spread.counts)
    for edge, count in zip(spread.edges, spread.counts, strict=False):
        length = -(-count * _BAR_WIDTH // highest)
        yield f"{tables.number(edge):>9} {'#' * length:<{_BAR_WIDTH}} {tables.count(count)}"
    yield f"{tables.number(spread.edges[-1]):>9}"
