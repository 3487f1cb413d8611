"""The sentinel: sees the first loss or gradient that is no finite number, and tells where it came from.

Before an iteration it takes note of what the passes change beside activations: the states of layers (data cursors,
random counters) and the statistics that layers such as BatchNorm gather. So the state before a bad iteration can be
put back. Of large gradients it reads a part only, see `_Samples`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import DivergenceError
from pycaffelite.kernels.joined import Call, Joined
from pycaffelite.kernels.update import add_squares
from pycaffelite.layers.base import Layer
from pycaffelite.net import Net, NetLayer
from pycaffelite.plan import Plan
from pycaffelite.solvers.updater import Updater

ON_NAN = ("stop", "warn", "ignore")

_WHOLE = 1 << 13  # a gradient of so many values at most is looked at as a whole
_TAME = 1e30  # sums of squares below this are of values that are far from overflowing
_LARGE_DATA = 1e4  # inputs are pixels or features; beyond this no usual learning rate suits them
_LARGE_WEIGHT = 100.0  # of a loss
_UPSTREAM = 3  # blobs told
_UNDEFINED = {"Log": "0 or a negative number has no logarithm", "Power": "0 or a negative number may have no power"}


@dataclass(frozen=True)
class Finding:
    """Where the numbers first left the finite ones.

    Attributes:
        entry: The layer that made them.
        what: The thing that holds them: "blob `ip1`", "the gradient of parameter 0".
        count, size: How many of its values are not finite, and how many there are.
        inputs: What the layer was given, and how large the finite values in it are.
    """

    entry: NetLayer
    what: str
    count: int
    size: int
    inputs: tuple[tuple[str, float], ...]


class Sentinel:
    """Watches a training.

    Args:
        plan: The plan of the train net.
        updaters: They hold the gradients, in the order of the net's learnables.
    """

    def __init__(self, plan: Plan, updaters: Sequence[Updater]) -> None:
        self._plan, self._updaters = plan, updaters
        self._samples = _Samples(plan.net, updaters)
        self._layers = [entry.layer for entry in plan.net.layers if type(entry.layer).state is not Layer.state]
        self._states: list[dict[str, Any]] = []
        self._gathered = list(_gathered(plan.net))
        self._copies = [blob.data.copy() for blob in self._gathered]

    def remember(self) -> None:
        """Take note of the state before an iteration."""
        self._states = [layer.state() for layer in self._layers]
        for index, copy in enumerate(self._copies):
            np.copyto(copy, self._gathered[index].data)

    def go_back(self) -> None:
        """Put back what `remember` saw."""
        for layer, state in zip(self._layers, self._states, strict=True):
            if state:
                layer.restore(state)
        for copy, blob in zip(self._copies, self._gathered, strict=True):
            np.copyto(blob.data, copy)

    def trouble(self, loss: float) -> str:
        """Return what is not finite now, in a few words; empty where all is well."""
        if not math.isfinite(loss):
            return f"the loss is {loss:g}"
        if self._samples.are_small():
            return ""
        for updater, learnable in zip(self._updaters, self._plan.net.learnables, strict=True):
            if not updater.is_finite():
                return f"the gradient of {learnable.name} is not finite"
        return ""

    def weights_are_finite(self) -> bool:
        """Return whether the state that `go_back` left is a good one: an update may overflow on good gradients."""
        return all(bool(np.isfinite(learnable.blob.data).all()) for learnable in self._plan.net.learnables)

    def diagnose(self, iteration: int, trouble: str, clip: float) -> DivergenceError:
        """Run the bad iteration once more, layer by layer, on the same data; leave the state before it.

        Args:
            iteration: Its number.
            trouble: What `trouble` returned.
            clip: The solver's clip_gradients.
        """
        self.go_back()
        self._plan.net.clear_param_diffs()
        finding = _first_bad(self._plan)
        self.go_back()
        if finding is None:  # it came from an earlier pass of the iteration, whose data are gone
            return DivergenceError(
                f"training diverged at iteration {iteration}: {trouble}",
                expected="finite losses and gradients",
                got=trouble,
                hint=_usual_hint(clip),
            )
        got = "its value is" if finding.size == 1 else f"{finding.count} of {finding.size} values are"
        got += " nan or infinite"
        if finding.inputs:
            got += "; made of " + ", ".join(f"{name} up to {size:.3g}" for name, size in finding.inputs)
        largest = _largest_before(self._plan.net, finding.entry)
        if largest:
            got += "; largest before: " + ", ".join(f"`{name}` {size:.3g}" for name, size in largest)
        return DivergenceError(
            f"training diverged at iteration {iteration}: {trouble}; {finding.what} is the first that is not finite",
            subject=finding.entry.node.subject,
            where=finding.entry.node.where,
            expected="finite losses and gradients",
            got=got,
            hint=_hint(self._plan.net, finding, clip),
        )


class _Samples:
    """Parts of all gradients that show what is not finite, seen in one run of a kernel.

    Of a large gradient they are a row and a column, which see whatever comes from a blob: a value that is not finite in
    the diff of the top spoils a row, one in the data of the bottom spoils a column. Only a single sum that overflows,
    1e20 times as large as those seen, can hide from them. A bias sums up the same diffs as its weights' columns do.
    """

    def __init__(self, net: Net, updaters: Sequence[Updater]) -> None:
        shapes = {learnable.name: learnable.blob.shape for learnable in net.learnables}
        before, self._total = np.zeros((2, 1), net.dtype)
        calls = []
        for updater, learnable in zip(updaters, net.learnables, strict=True):
            layer, _, index = learnable.name.rpartition("/")
            biased = index == "0" and shapes.get(f"{layer}/1") == learnable.blob.shape[:1]
            samples = _samples(updater.diff, learnable.blob.shape)[: 1 if biased else 2]
            for values, count, step in samples:
                calls.append(Call(add_squares, (values, before, self._total), np.array([count, step])))
                before = self._total
        self._run = Joined([calls])

    def are_small(self) -> bool:
        """Return whether all values are finite, and far from overflowing."""
        self._run.run()
        return bool(self._total.item() < _TAME)


def _samples(diff: Array, shape: Shape) -> list[tuple[Array, int, int]]:
    """Return parts of a flat gradient, as the array from their first value on, their number and their distance."""
    if diff.size <= _WHOLE or len(shape) < 2:
        return [(diff, diff.size, 1)]
    width = diff.size // shape[0]
    return [(diff, width, 1), (diff[width // 2 :], shape[0], width)]


def _gathered(net: Net) -> Iterator[Blob]:
    """Yield the parameters that a forward pass itself changes: those that a layer freezes on its own."""
    learned = {id(learnable.blob) for learnable in net.learnables}
    for entry in net.layers:
        if entry.layer.params:
            layouts = entry.layer.layout([blob.shape for blob in entry.bottoms]).params
            for layout, blob in zip(layouts, entry.layer.params, strict=True):
                if layout.lr_mult == 0 and id(blob) in learned:
                    yield blob


def _first_bad(plan: Plan) -> Finding | None:
    """Run forward and backward on the data that are there; return the first thing that is not finite."""
    with np.errstate(all="ignore"):
        for step in plan.naive.forward_steps:
            entry = step.layer
            if entry.bottoms:  # a source would go on to other data
                inputs = _sizes(entry, diffs=False)
                found = _bad_among(entry, [(f"parameter {i}", b.data) for i, b in enumerate(entry.layer.params)], ())
                if found is not None:
                    return found
                if entry.tops:  # others write files
                    step.run()
            else:
                inputs = ()
            found = _bad_among(entry, [(f"blob `{n}`", b.data) for n, b in _tops(entry)], inputs)
            if found is not None:
                return found
        for step in plan.naive.backward_steps:
            inputs = _sizes(step.layer, diffs=True)
            step.run()
            found = _bad_among(step.layer, list(_gradients(step.layer)), inputs)
            if found is not None:
                return found
    return None


def _bad_among(
    entry: NetLayer, arrays: Sequence[tuple[str, Array]], inputs: tuple[tuple[str, float], ...]
) -> Finding | None:
    for name, values in arrays:
        bad = values.size - int(np.isfinite(values).sum())
        if bad:
            return Finding(entry, name, bad, values.size, inputs)
    return None


def _tops(entry: NetLayer) -> Iterator[tuple[str, Blob]]:
    return zip(entry.top_names, entry.tops, strict=True)


def _gradients(entry: NetLayer) -> Iterator[tuple[str, Array]]:
    for name, blob, wanted in zip(entry.node.bottoms, entry.bottoms, entry.wanted, strict=True):
        if wanted:
            yield f"the gradient of blob `{name}`", blob.diff
    for index, (blob, wanted) in enumerate(zip(entry.layer.params, entry.layer.wanted_params, strict=True)):
        if wanted:
            yield f"the gradient of parameter {index}", blob.diff


def _sizes(entry: NetLayer, *, diffs: bool) -> tuple[tuple[str, float], ...]:
    """Return how large the inputs of a layer are; taken before it runs, as it may run in place."""
    sizes = [(f"`{name}`", _size(blob.data)) for name, blob in zip(entry.node.bottoms, entry.bottoms, strict=True)]
    sizes += [(f"parameter {index}", _size(blob.data)) for index, blob in enumerate(entry.layer.params)]
    if diffs:
        sizes += [(f"the gradient of `{name}`", _size(blob.diff)) for name, blob in _tops(entry)]
    return tuple(sizes)


def _size(values: Array) -> float:
    """Return the largest absolute value among the finite ones."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _largest_before(net: Net, entry: NetLayer) -> list[tuple[str, float]]:
    """Return the blobs of the largest values among those made before a layer."""
    before: dict[str, float] = {}
    for earlier in net.layers:
        if earlier is entry:
            break
        if earlier.node.type != "Split":
            before |= {name: _size(blob.data) for name, blob in _tops(earlier)}
    return sorted(before.items(), key=lambda item: -item[1])[:_UPSTREAM]


def _hint(net: Net, finding: Finding, clip: float) -> str:
    """Return what is the likeliest cause, and what to do."""
    sources = {name: _size(blob.data) for entry in net.layers if not entry.bottoms for name, blob in _tops(entry)}
    name, largest = max(sources.items(), key=lambda item: item[1], default=("", 0.0))
    heavy = [(name, weight) for name, weight in net.loss_weights.items() if not abs(weight) <= _LARGE_WEIGHT]
    if not finding.entry.bottoms:
        return "the data themselves hold such values: look for them in the source, or leave those records out"
    if finding.what.startswith("parameter"):
        return "weights from a file that are so: start from others; else the update before made them so: lower base_lr"
    if finding.entry.node.type in _UNDEFINED and not finding.what.startswith("the gradient"):
        return f"{_UNDEFINED[finding.entry.node.type]}: keep its bottom positive, with `shift` for example"
    if largest > _LARGE_DATA:
        return f"the values of `{name}` are out of the usual range: scale them, with `transform_param {{ scale: ... }}`"
    if heavy:
        name, weight = heavy[0]
        finite = math.isfinite(weight)
        return f"{'lower' if finite else 'correct'} the loss_weight of `{name}`, which is {weight:g}" + (
            ", or base_lr" if finite else ""
        )
    return _usual_hint(clip)


def _usual_hint(clip: float) -> str:
    if clip < 0:
        return "lower base_lr, to a tenth for example, or keep gradients small with `clip_gradients: 10`"
    return "lower base_lr, to a tenth for example, or clip_gradients"
