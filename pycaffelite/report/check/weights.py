"""Weights on paper: what a file holds, and which layers of a net it fills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pycaffelite.errors import SnapshotError
from pycaffelite.report.check.findings import Findings
from pycaffelite.report.check.nets import LayerReport, PhaseReport, PhaseSettings, check_phase
from pycaffelite.schema.reader import NetFile
from pycaffelite.snapshot import StoredBlob, fate_of, stored_weights
from pycaffelite.snapshot.hdf5 import is_hdf5


@dataclass(frozen=True)
class Weights:
    """The parameters in a file, by layer and index; values are not read. The dialect is "binary" or "HDF5"."""

    path: Path
    dialect: str
    layers: dict[str, dict[int, StoredBlob]]


@dataclass(frozen=True)
class Fit:
    """What loading the file into a net would do; names of layers.

    Attributes:
        net: The file of the net.
        copied: Layers that get all their parameters.
        ignored: Layers with weights in the file alone.
        left: Layers with parameters in the net alone: they would stay as their fillers make them.
        mismatched: Layers whose shapes differ: loading stops at them.
        untold: Layers with weights in the file whose own shapes are not known.
    """

    net: str
    copied: list[str]
    ignored: list[str]
    left: list[str]
    mismatched: list[str]
    untold: list[str]


def read(path: Path) -> Weights:
    """Read the shapes of all parameters in a file; raises SnapshotError as loading does."""
    with stored_weights(path) as stored:
        layers = {name: dict(blobs) for name, blobs in stored.items() if blobs}
    return Weights(path, "HDF5" if is_hdf5(path) else "binary", layers)


def fit(weights: Weights, net: NetFile, settings: PhaseSettings, findings: Findings) -> Fit:
    """Hold the weights against the layers of a net, of either phase."""
    layers: dict[str, LayerReport] = {}
    for phase in ("TRAIN", "TEST"):
        for layer in _phase(net, phase, settings):
            if layer.name not in layers or layers[layer.name].owned is None:
                layers[layer.name] = layer
    ignored = [name for name in weights.layers if name not in layers]
    found = Fit(net.path, [], ignored, [], [], [])
    for layer in layers.values():
        _sort(layer, weights, found, findings)
    if not found.copied and not found.untold:
        findings.say("warning", f"no layer of {net.path} gets weights", hint="is it the net that they were made with?")
    return found


def _sort(layer: LayerReport, weights: Weights, found: Fit, findings: Findings) -> None:
    """Put a layer into the list of what becomes of it."""
    blobs = weights.layers.get(layer.name, {})
    if layer.owned is None:
        if blobs:
            found.untold.append(layer.name)
        return
    try:
        fate = fate_of(layer.params, layer.owned, blobs, weights.path)
    except SnapshotError as problem:
        found.mismatched.append(layer.name)
        findings.report(problem.within(f"layer `{layer.name}` ({layer.type})", None))
    else:
        if fate != "empty":
            (found.copied if fate == "copied" else found.left).append(layer.name)


def _phase(net: NetFile, phase: str, settings: PhaseSettings) -> list[LayerReport]:
    """Return the layers of a phase; what is wrong with the net is told where the net itself is checked."""
    report: PhaseReport = check_phase(net, phase, settings, Findings())
    return report.layers
