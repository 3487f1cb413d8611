"""How long each layer takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Group, RenderableType

from pycaffelite.plan import Plan, Step
from pycaffelite.report import tables


@dataclass(frozen=True)
class LayerTiming:
    """Median times of one layer, in seconds; backward is None where it takes no part."""

    name: str
    type: str
    forward: float
    backward: float | None

    @property
    def total(self) -> float:
        """Forward and backward."""
        return self.forward + (self.backward or 0.0)


@dataclass(frozen=True)
class Timing:
    """Times of a net; `forward` and `backward` are medians of whole passes, in seconds."""

    net: str
    phase: str
    iterations: int
    threads: int
    forward: float
    backward: float
    layers: tuple[LayerTiming, ...]


def measure(plan: Plan, iterations: int, threads: int) -> Timing:
    """Time every step of a net; one pass before is not counted, since it compiles and reads ahead."""
    _pass(plan.forward_steps)
    _pass(plan.backward_steps)
    forwards, backwards = [], []
    for _ in range(iterations):
        forwards.append(_pass(plan.forward_steps))
        plan.net.clear_param_diffs()
        backwards.append(_pass(plan.backward_steps))
    forward = _medians(plan.forward_steps, forwards)
    backward = _medians(plan.backward_steps, backwards)
    return Timing(
        net=plan.net.name,
        phase=plan.net.phase,
        iterations=iterations,
        threads=threads,
        forward=median(map(sum, forwards)),
        backward=median(map(sum, backwards)),
        layers=tuple(
            LayerTiming(
                entry.node.name, entry.node.type, forward.get(entry.node.name, 0.0), backward.get(entry.node.name)
            )
            for entry in plan.net.layers
        ),
    )


def _pass(steps: Sequence[Step]) -> list[float]:
    """Run steps; return the seconds of each."""
    times = []
    for step in steps:
        begin = time.perf_counter()
        step.run()
        times.append(time.perf_counter() - begin)
    return times


def _medians(steps: Sequence[Step], passes: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the median time of each step by its layer's name."""
    return {step.layer.node.name: median(times) for step, times in zip(steps, zip(*passes, strict=True), strict=True)}


def render(timing: Timing) -> RenderableType:
    """Lay out the times as a table."""
    total = timing.forward + timing.backward or 1.0
    rows = [
        (
            layer.name,
            layer.type,
            f"{1e3 * layer.forward:.3f}",
            "-" if layer.backward is None else f"{1e3 * layer.backward:.3f}",
            f"{100 * layer.total / total:.1f} %",
        )
        for layer in timing.layers
    ]
    rows.append(("whole pass", "", f"{1e3 * timing.forward:.3f}", f"{1e3 * timing.backward:.3f}", ""))
    head = f"{timing.net or 'unnamed net'}, phase {timing.phase}: medians of {timing.iterations} passes, "
    head += f"{timing.threads} {'thread' if timing.threads == 1 else 'threads'}"
    return Group(head, "", tables.table(("layer", "type", "forward ms", "backward ms", "share"), rows, left=2))
