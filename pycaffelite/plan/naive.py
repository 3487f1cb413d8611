"""The naive plan: a step for each layer. It is the oracle for any cleverer plan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pycaffelite.errors import WiringError
from pycaffelite.net import Net, NetLayer, set_loss_diffs
from pycaffelite.plan.plan import Plan, Step


def naive_plan(net: Net) -> Plan:
    """Bind every layer to its blobs, in the plain order."""
    forward = tuple(Step((entry,), _forward_run(net, entry)) for entry in net.layers)
    backward = tuple(Step((entry,), _backward_run(entry)) for entry in reversed(net.layers) if entry.needs_backward)
    return Plan(net, forward, backward)


def _forward_run(net: Net, entry: NetLayer) -> Callable[[], None]:
    run = partial(entry.layer.forward, entry.bottoms, entry.tops)
    if entry.layer.measures:
        return _MeasuredRun(net, entry, run)
    return run if entry.bottoms else _SourceRun(net, entry, run)


def _backward_run(entry: NetLayer) -> Callable[[], None]:
    refused = [i for i, wanted in enumerate(entry.wanted) if wanted and i in entry.layer.no_gradient_to]
    if refused:
        return partial(_refuse_gradient, entry, refused[0])
    return partial(entry.layer.backward, entry.tops, entry.wanted, entry.bottoms)


def _refuse_gradient(entry: NetLayer, bottom: int) -> None:
    """Say what would otherwise be a gradient of nothing: something learns below a bottom that gets none."""
    flags = ["false" if i == bottom else "true" for i in range(len(entry.bottoms))]
    raise WiringError(
        f"there is no gradient for bottom {bottom}, `{entry.node.bottoms[bottom]}`",
        subject=entry.node.subject,
        where=entry.node.where,
        expected="labels, or what nothing learns from",
        got="a blob that something below learns from, or propagate_down: true",
        hint=f"write `{' '.join(f'propagate_down: {flag}' for flag in flags)}` in this layer to learn nothing from it",
    )


class _SourceRun:
    """Runs a layer without bottoms; when its tops come out in new shapes, the whole net follows.

    The user may have resized an input, or records may differ in size.
    """

    def __init__(self, net: Net, entry: NetLayer, run: Callable[[], None]) -> None:
        self.net = net
        self.entry = entry
        self.run = run
        self.shapes = [blob.shape for blob in entry.tops]

    def __call__(self) -> None:
        self.run()
        shapes = [blob.shape for blob in self.entry.tops]
        if shapes != self.shapes:
            self.shapes = shapes
            self.net.reshape()


class _MeasuredRun:
    """Runs a layer whose data decides the shapes of its tops; when they change, the layers behind it follow.

    A layer in Python may find them before its forward pass, or during it.
    """

    def __init__(self, net: Net, entry: NetLayer, run: Callable[[], None]) -> None:
        self.net = net
        self.entry = entry
        self.run = run

    def __call__(self) -> None:
        shapes = [tuple(shape) for shape in self.entry.layer.measure(self.entry.bottoms)]
        if shapes != [blob.shape for blob in self.entry.tops]:
            for blob, shape in zip(self.entry.tops, shapes, strict=True):
                blob.resize(shape)
            self._tell()
        self.run()
        if shapes != [blob.shape for blob in self.entry.tops]:
            self._tell()

    def _tell(self) -> None:
        """Let the layers behind it follow."""
        set_loss_diffs(self.entry)
        self.net.reshape(after=self.entry)
