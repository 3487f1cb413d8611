"""Weights on paper: what a file holds, and which layers of a net it fills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pycaffelite.layers.base import shape_text
from pycaffelite.report.check.findings import Findings
from pycaffelite.report.check.nets import LayerReport, PhaseReport, PhaseSettings, check_phase
from pycaffelite.schema.reader import NetFile
from pycaffelite.snapshot import StoredBlob, stored_weights


@dataclass(frozen=True)
class Weights:
    """The parameters in a file, by layer and index; values are not read. The dialect is "binary" or "HDF5"."""

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
    """

    net: str
    copied: list[str]
    ignored: list[str]
    left: list[str]
    mismatched: list[str]


def read(path: Path) -> Weights:
    """Read the shapes of all parameters in a file; raises SnapshotError as loading does."""
    with stored_weights(path) as stored:
        layers = {name: dict(blobs) for name, blobs in stored.items() if blobs}
    return Weights("HDF5" if path.suffix == ".h5" else "binary", layers)


def fit(weights: Weights, net: NetFile, settings: PhaseSettings, findings: Findings) -> Fit:
    """Hold the weights against a net, in the phase in which it has most layers with parameters."""
    phases = [_phase(net, phase, settings) for phase in ("TRAIN", "TEST")]
    layers = {layer.name: layer for phase in phases for layer in phase if layer.params}
    copied, left, mismatched = [], [], []
    for name, layer in layers.items():
        if name not in weights.layers:
            left.append(name)
        elif (problem := _mismatch(layer, weights.layers[name])) is not None:
            mismatched.append(name)
            findings.say("error", f"layer `{name}` ({layer.type}): {problem}", hint="`--skip-mismatch` leaves it out")
        else:
            copied.append(name)
    ignored = [name for name in weights.layers if name not in layers]
    if not copied:
        findings.say("warning", f"no layer of {net.path} gets weights", hint="is it the net that they were made with?")
    return Fit(net.path, copied, ignored, left, mismatched)


def _phase(net: NetFile, phase: str, settings: PhaseSettings) -> list[LayerReport]:
    """Return the layers of a phase; what is wrong with the net is told where the net itself is checked."""
    report: PhaseReport = check_phase(net, phase, settings, Findings())
    return report.layers


def _mismatch(layer: LayerReport, stored: dict[int, StoredBlob]) -> str | None:
    if len(stored) != len(layer.params):
        return f"expected {len(layer.params)} parameters, as the net has them; got {len(stored)} in the file"
    for index, shape in enumerate(layer.params):
        blob = stored.get(index)
        if blob is None or not blob.fits(shape):
            got = "none" if blob is None else shape_text(blob.shape)
            return f"parameter {index}: expected shape {shape_text(shape)}, as the net has it; got {got} in the file"
    return None
