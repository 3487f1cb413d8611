"""Scoring a net on its data: the averages of its outputs over whole batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Group, RenderableType

from pycaffelite.errors import DataError
from pycaffelite.plan import Plan
from pycaffelite.report.heads import Head, heads
from pycaffelite.report.stand_ins import stand_ins, warning
from pycaffelite.report.training import scores_table
from pycaffelite.solvers.events import OutputValue
from pycaffelite.solvers.outputs import OutputReader

BatchDone = Callable[[int, tuple[OutputValue, ...]], None]


@dataclass(frozen=True)
class Pass:
    """How many batches a pass over the data takes.

    Attributes:
        batches: How many to run.
        batch_size: Records in a batch, where a data layer says so.
        records: Records in its source.
    """

    batches: int
    batch_size: int | None = None
    records: int | None = None

    def __str__(self) -> str:
        batches = f"{self.batches} {'batch' if self.batches == 1 else 'batches'}"
        if self.batch_size is None or self.records is None:
            return batches
        seen = self.batches * self.batch_size
        text = f"{batches} of {self.batch_size}, {seen:,} of {self.records:,} records"
        if seen == self.records:
            return f"{text}: the whole source once"
        if 0 < seen - self.records < self.batch_size:
            return f"{text}: the whole source once, and its first {seen - self.records} records twice"
        return text


@dataclass(frozen=True)
class Scores:
    """The averages over a pass.

    Attributes:
        net, phase: What ran.
        batches, records: How much of the data it saw; records is None where no data layer tells.
        loss: The total loss.
        heads: The scored blobs.
        others: Outputs that score no blob.
        outputs: All outputs in Caffe's order.
        seconds: How long it took.
        stand_ins: The sources that the built-in digits stood in for.
    """

    net: str
    phase: str
    batches: int
    records: int | None
    loss: float
    heads: tuple[Head, ...]
    others: tuple[OutputValue, ...]
    outputs: tuple[OutputValue, ...]
    seconds: float
    stand_ins: tuple[str, ...]


def whole_pass(plan: Plan, iterations: int | None = None) -> Pass:
    """Return one pass over the longest source of a net, or as many batches as asked for.

    Raises:
        DataError: No layer of the net has a source that ends, and `iterations` is None.
    """
    sources = [
        (records, entry.tops[0].shape[0]) for entry in plan.net.layers if (records := entry.layer.records()) is not None
    ]
    if not sources:
        if iterations is None:
            raise DataError(
                "the net does not say how many records there are",
                expected="a data layer with a source, or a number of batches",
                hint="give --iterations",
            )
        return Pass(iterations)
    records, batch_size = max(sources, key=lambda source: -(-source[0] // source[1]))
    return Pass(-(-records // batch_size) if iterations is None else iterations, batch_size, records)


def score(plan: Plan, batches: Pass, batch_done: BatchDone = lambda _index, _outputs: None) -> Scores:
    """Run a net over batches and average its outputs.

    Args:
        plan: The plan of the net.
        batches: How many.
        batch_done: Is told the outputs of every batch.
    """
    sums, loss, begin = OutputReader(plan.net), 0.0, time.perf_counter()
    for index in range(batches.batches):
        loss += plan.forward()
        sums.add()
        batch_done(index, sums.read(in_full=True))
    means = sums.means(batches.batches)
    found, others = heads(plan.net.graph, means)
    return Scores(
        net=plan.net.name,
        phase=plan.net.phase,
        batches=batches.batches,
        records=None if batches.batch_size is None else batches.batches * batches.batch_size,
        loss=loss / batches.batches,
        heads=tuple(found),
        others=tuple(others),
        outputs=means,
        seconds=time.perf_counter() - begin,
        stand_ins=stand_ins([plan.net]),
    )


def render(scores: Scores, title: str) -> RenderableType:
    """Lay the averages out as a table."""
    table = scores_table(scores.heads, scores.others, title)
    return Group(table, "", f"data  {warning(scores.stand_ins)}") if scores.stand_ins else table
