"""How long each layer takes, and how near that is to what the machine can do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Group, RenderableType

from pycaffelite.kernels.probe import Machine, measure_machine
from pycaffelite.layers.base import Layout, ParamLayout
from pycaffelite.net import Net, NetLayer
from pycaffelite.plan import Plan, Step
from pycaffelite.report import tables


@dataclass(frozen=True)
class PassTiming:
    """One direction of one layer.

    Attributes:
        seconds: Median time.
        flops: Arithmetic of its matrix products, a multiply-add being two operations; 0 for layers without.
        bytes: What it must at least read and write: bottoms, tops and parameters, and in the backward pass their diffs.
        least: The seconds that the machine needs at least, if nothing is in cache.
        memory_bound: Whether memory, and not arithmetic, sets that limit.
    """

    seconds: float
    flops: float
    bytes: float
    least: float
    memory_bound: bool


@dataclass(frozen=True)
class LayerTiming:
    """One layer; a pass is None where the layer takes no part in it, or is done within another layer's step."""

    name: str
    type: str
    forward: PassTiming | None
    backward: PassTiming | None

    @property
    def seconds(self) -> float:
        """Forward and backward."""
        return sum(part.seconds for part in self.passes)

    @property
    def flops(self) -> float:
        """Operations of both passes."""
        return sum(part.flops for part in self.passes)

    @property
    def least(self) -> float:
        """Least seconds of both passes."""
        return sum(part.least for part in self.passes)

    @property
    def memory_bound(self) -> bool:
        """Whether memory sets the limit of the greater part."""
        return sum(part.least for part in self.passes if part.memory_bound) > self.least / 2

    @property
    def passes(self) -> tuple[PassTiming, ...]:
        """Those that there are."""
        return tuple(part for part in (self.forward, self.backward) if part is not None)


@dataclass(frozen=True)
class Timing:
    """Times of a net; `forward` and `backward` are medians of whole passes, in seconds."""

    net: str
    phase: str
    iterations: int
    threads: int
    machine: Machine
    forward: float
    backward: float
    layers: tuple[LayerTiming, ...]


def measure(plan: Plan, iterations: int, threads: int, machine: Machine | None = None) -> Timing:
    """Time every step of a net; one pass before is not counted, since it compiles and reads ahead.

    Args:
        plan: The net.
        iterations: How many passes; medians are reported.
        threads: How many threads compute.
        machine: The machine's limits with so many threads; measured when None.
    """
    machine = machine or measure_machine()
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
        machine=machine,
        forward=median(map(sum, forwards)),
        backward=median(map(sum, backwards)),
        layers=tuple(_layer(entry, forward, backward, machine) for entry in plan.net.layers),
    )


def total_flops(net: Net) -> tuple[float, float]:
    """Return the operations of the net's matrix products, forward and backward."""
    return sum(_forward_flops(entry) for entry in net.layers), sum(_backward_flops(entry) for entry in net.layers)


def _pass(steps: Sequence[Step]) -> list[float]:
    """Run steps; return the seconds of each."""
    times = []
    for step in steps:
        begin = time.perf_counter()
        step.run()
        times.append(time.perf_counter() - begin)
    return times


def _medians(steps: Sequence[Step], passes: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the median time of each step by its layer's name; of several steps of one layer, their sum."""
    found: dict[str, float] = {}
    for step, times in zip(steps, zip(*passes, strict=True), strict=True):
        name = step.layer.node.name
        found[name] = found.get(name, 0.0) + median(times)
    return found


def _layer(entry: NetLayer, forward: dict[str, float], backward: dict[str, float], machine: Machine) -> LayerTiming:
    name = entry.node.name
    return LayerTiming(
        name,
        entry.node.type,
        _timing(forward.get(name), _forward_flops(entry), _forward_bytes(entry), machine),
        _timing(backward.get(name), _backward_flops(entry), _backward_bytes(entry), machine),
    )


def _timing(seconds: float | None, flops: float, size: float, machine: Machine) -> PassTiming | None:
    if seconds is None:
        return None
    least = machine.seconds(flops, size)
    return PassTiming(seconds, flops, size, least, least > machine.seconds(flops, 0))


def _forward_flops(entry: NetLayer) -> float:
    params = [ParamLayout(blob.shape) for blob in entry.layer.params]
    layout = Layout([blob.shape for blob in entry.tops], params)
    return 2.0 * entry.layer.macs([blob.shape for blob in entry.bottoms], layout)


def _backward_flops(entry: NetLayer) -> float:
    """The gradients of bottoms and of weights take as much arithmetic each as the forward pass."""
    if not entry.needs_backward:
        return 0.0
    return _forward_flops(entry) * (any(entry.wanted) + any(entry.layer.wanted_params[:1]))


def _forward_bytes(entry: NetLayer) -> float:
    if entry.node.type == "Split":
        return 0.0  # its tops are views
    arrays = [blob.data for blob in (*entry.bottoms, *entry.tops, *entry.layer.params)]
    return float(sum(array.nbytes for array in arrays))


def _backward_bytes(entry: NetLayer) -> float:
    """Diffs of tops come in, those of wanted bottoms and of parameters go out; matrix products read their operands."""
    diffs = [*entry.tops, *(blob for blob, wanted in zip(entry.bottoms, entry.wanted, strict=True) if wanted)]
    operands = [*entry.bottoms, *entry.layer.params, *entry.layer.params] if entry.layer.params else []
    return float(sum(blob.data.nbytes for blob in (*diffs, *operands)))


def render(timing: Timing) -> RenderableType:
    """Lay out the times as a table; "limit" tells what bounds a layer, and how much of that limit it reaches."""
    total = sum(layer.seconds for layer in timing.layers) or 1.0
    rows = [
        (
            layer.name,
            layer.type,
            _milliseconds(layer.forward),
            _milliseconds(layer.backward),
            f"{layer.flops / layer.seconds / 1e9:.1f}" if layer.flops else "-",
            f"{100 * layer.seconds / total:.1f} %",
            f"{'memory' if layer.memory_bound else 'compute'} {100 * layer.least / layer.seconds:3.0f} %"
            if layer.least and layer.seconds
            else "-",
        )
        for layer in timing.layers
    ]
    flops = sum(layer.flops for layer in timing.layers)
    rate = f"{flops / total / 1e9:.1f}" if flops else "-"
    rows.append(("whole pass", "", f"{1e3 * timing.forward:.3f}", f"{1e3 * timing.backward:.3f}", rate, "", ""))
    head = f"{timing.net or 'unnamed net'}, phase {timing.phase}: milliseconds, medians of {timing.iterations} passes, "
    head += f"{timing.threads} {'thread' if timing.threads == 1 else 'threads'}"
    columns = ("layer", "type", "forward", "backward", "GFLOP/s", "share", "limit")
    return Group(head, "", tables.table(columns, rows, left=2), "", *_notes(timing, total))


def _milliseconds(part: PassTiming | None) -> str:
    return "-" if part is None else f"{1e3 * part.seconds:.3f}"


def _notes(timing: Timing, total: float) -> list[str]:
    """Say what the machine can do, and which part of the time goes to layers that memory bounds."""
    machine, bound = timing.machine, [layer for layer in timing.layers if layer.memory_bound]
    share = 100 * sum(layer.seconds for layer in bound) / total
    least = sum(layer.least for layer in timing.layers)
    return [
        f"machine  {machine.flops / 1e9:.0f} GFLOP/s, {machine.bandwidth / 1e9:.1f} GB/s of memory "
        f"(a ridge at {machine.flops / machine.bandwidth:.1f} operations a byte)",
        f"limit    {1e3 * least:.3f} ms, {100 * least / total:.0f} % of the time taken; what is in cache can beat it",
        f"memory   bounds {len(bound)} of {len(timing.layers)} layers, which take {share:.0f} % of the time",
    ]
