"""A net in one phase, as far as its shapes can be told without running it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pycaffelite.api import data_options
from pycaffelite.blob import Shape
from pycaffelite.errors import DataError, PycaffeliteError, ShapeError, UnsupportedError
from pycaffelite.graph.graph import Graph, Node
from pycaffelite.graph.wiring import UNKNOWN_BOTTOM, build_graph
from pycaffelite.layers.registry import has_layer, layer_class
from pycaffelite.net import LayerShapes, ShapeFlow
from pycaffelite.report.check import assumed
from pycaffelite.report.check.findings import Findings, problem_of
from pycaffelite.report.summary import LayerSummary, Summarizer
from pycaffelite.schema.reader import NetFile


@dataclass(frozen=True)
class LayerReport:
    """One layer, splits included.

    Attributes:
        name, type: As in the file.
        tops: Shapes by name; None where nothing can tell.
        params: Shapes of the parameter blobs.
        owned: The indices of those that no earlier layer owns; None where nothing can tell the parameters.
        parameters, macs, bytes: As in a summary.
    """

    name: str
    type: str
    tops: dict[str, Shape | None]
    params: list[Shape]
    owned: tuple[int, ...] | None = None
    parameters: int = 0
    macs: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class PhaseReport:
    """A net in one phase.

    Attributes:
        inputs: Shapes by name of what the user fills.
        outputs: What no layer reads, as Caffe lists it.
        assumed: Of the tops whose shape is an assumption, why it was made.
        layers: In the order of the forward pass.
        parameters: How many numbers the net learns or keeps.
        macs: Multiply-accumulate operations of a forward pass over the batch.
        bytes: Of all blobs, parameters and buffers; in phase TRAIN with diffs.
    """

    inputs: dict[str, Shape | None]
    outputs: list[str]
    assumed: dict[str, str]
    layers: list[LayerReport] = field(repr=False)
    parameters: int = 0
    macs: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class PhaseSettings:
    """How a net is looked at: level and stages of its state, shapes that the user states by blob name."""

    level: int = 0
    stages: Collection[str] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    skip_unknown: bool = False
    allow_python_layers: bool = False


def check_phase(file: NetFile, phase: str, settings: PhaseSettings, findings: Findings) -> PhaseReport:
    """Wire a phase and take the shapes through it, as far as they go.

    Raises:
        WiringError: The phase has no layers.
    """
    problems: list[PycaffeliteError] = []
    graph = build_graph(file, phase, settings.level, settings.stages, problems.append)
    piece = all(node.bottoms for node in graph.nodes)  # of a net: nothing comes into it
    for problem in problems:
        findings.add(problem_of(problem, "unsupported" if piece and problem.what.startswith(UNKNOWN_BOTTOM) else None))
    return _PhaseCheck(graph, file, settings, findings).run()


def _is_of_other_caffe(file: NetFile) -> bool:
    """Tell whether a net was written for another Caffe than 1.0, which may take what a layer of that refuses."""
    if file.dialect != "current" or file.skipped or file.forks:
        return True
    return not all(has_layer(layer.type) for layer in file.net.layer)


class _PhaseCheck:
    """Takes shapes through a graph; a layer that fails leaves its tops unknown, and the next ones are tried."""

    def __init__(self, graph: Graph, file: NetFile, settings: PhaseSettings, findings: Findings) -> None:
        self.graph = graph
        self.of_other_caffe = _is_of_other_caffe(file)
        self.settings = settings
        self.findings = findings
        options = data_options(file.path, builtin_data=False, allow_python_layers=settings.allow_python_layers)
        self.flow = ShapeFlow(graph.phase, data=options, report=self.misplaced)
        self.summarizer = Summarizer(graph.phase, np.float32)
        self.assumed: dict[str, str] = {}
        self.bytes_of_number = 8 if graph.phase == "TRAIN" else 4  # with its diff, as float32

    def run(self) -> PhaseReport:
        layers = [self.layer(node) for node in self.graph.nodes]
        return PhaseReport(
            inputs={name: self.flow.shapes.get(name) for name in self.graph.inputs},
            outputs=list(self.graph.outputs),
            assumed=self.assumed,
            layers=layers,
            parameters=sum(layer.parameters for layer in layers),
            macs=sum(layer.macs for layer in layers),
            bytes=sum(layer.bytes for layer in layers),
        )

    def layer(self, node: Node) -> LayerReport:
        """Infer one layer; give what is known of it."""
        asked = assumed.asked_for(node, self.settings.shapes)
        if asked and not node.bottoms:
            return self.assume(node, asked)
        if not has_layer(node.type):
            return self.without_layer(node, asked)
        if any(name not in self.flow.shapes for name in node.bottoms):
            return self.assume(node, asked)  # what is wrong has been said where it began
        try:
            shapes = self.flow.through(node)
        except DataError as problem:
            self.findings.say(
                "note", f"{node.subject}: {problem.what}; its shapes are assumed", node.where, problem.hint
            )
            return self.assume(node, assumed.guessed(node))
        except PycaffeliteError as problem:
            self.refused(node, problem)
            guess = assumed.guessed(node) if assumed.reads_data(node) else asked
            return self.as_caffe_does(node, problem) or self.assume(node, guess)
        return self.known(shapes)

    def without_layer(self, node: Node, asked: Mapping[str, assumed.Assumption]) -> LayerReport:
        """Say that a layer cannot run; go on behind one that is told apart as a source of data."""
        try:
            self.flow.through(node)
        except PycaffeliteError as problem:
            skip = self.settings.skip_unknown
            self.findings.add(problem_of(problem, "warning" if skip else "unsupported"))
        return self.assume(node, assumed.guessed(node) if assumed.reads_data(node) else asked)

    def refused(self, node: Node, problem: PycaffeliteError) -> None:
        """Say what a layer refuses; no error of the file where shapes are assumed, or where a fork may take it."""
        if self.assumed and isinstance(problem, ShapeError):
            self.findings.say(
                "warning",
                f"with the assumed shapes: {problem_of(problem).message}",
                problem.where,
                "state the real ones: --input-shape " + " --input-shape ".join(f"{top}=..." for top in self.assumed),
            )
        elif self.settings.skip_unknown and isinstance(problem, UnsupportedError):
            self.findings.add(problem_of(problem, "warning"))
        else:
            elsewhere = self.may_run_elsewhere(node) or (isinstance(problem, ShapeError) and bool(problem.tops))
            self.findings.add(problem_of(problem, "unsupported" if elsewhere else None))

    def may_run_elsewhere(self, node: Node) -> bool:
        """Tell whether some other Caffe may well take a layer that is refused.

        Forks add bottoms, tops and options to layers, above all to those that bring data, and many take volumes where
        Caffe 1.0 takes images.
        """
        arity = layer_class(node.type).arity
        ends = ((node.bottoms, arity.bottoms), (node.tops, arity.tops))
        more = any(most is not None and len(names) > most for names, (_, most) in ends)
        volumes = any(len(self.flow.shapes[name]) > len("nchw") for name in node.bottoms)
        return self.of_other_caffe or more or volumes or not node.bottoms

    def misplaced(self, problem: PycaffeliteError) -> None:
        """Say that a layer cannot work in place, as Caffe does not: there it gives wrong results, in known shapes."""
        self.findings.add(problem_of(problem, "unsupported"))

    def as_caffe_does(self, node: Node, problem: PycaffeliteError) -> LayerReport | None:
        """Go on with the shapes that Caffe gives where it would compute nonsense; None where it stops."""
        if not isinstance(problem, ShapeError) or not problem.tops:
            return None
        tops = dict(zip(node.tops, problem.tops, strict=True))
        self.flow.shapes.update(tops)
        return LayerReport(node.name, node.type, dict(tops), [])

    def assume(self, node: Node, tops: Mapping[str, assumed.Assumption]) -> LayerReport:
        """Go on with tops of assumed shapes; those made in place keep theirs, others have none."""
        size = 0
        for name in node.tops:
            if name in tops:
                self.flow.shapes[name] = tops[name].shape
                self.assumed[name] = tops[name].why
                size += math.prod(tops[name].shape) * self.bytes_of_number
            elif name not in node.bottoms:
                self.flow.shapes.pop(name, None)
        shapes = {name: self.flow.shapes.get(name) for name in node.tops}
        return LayerReport(node.name, node.type, shapes, [], bytes=size)

    def known(self, shapes: LayerShapes) -> LayerReport:
        summary: LayerSummary = self.summarizer.add(shapes)
        return LayerReport(
            summary.name,
            summary.type,
            dict(summary.tops),
            list(summary.params),
            summary.owned,
            summary.parameters,
            summary.macs,
            summary.memory,
        )


def differences(phases: Mapping[str, PhaseReport]) -> dict[str, list[str]]:
    """Return for each phase the layers that only it has; splits follow from the others and are left out."""
    names = {
        phase: [layer.name for layer in report.layers if layer.type != "Split"] for phase, report in phases.items()
    }
    return {
        phase: [name for name in own if any(name not in others for others in names.values())]
        for phase, own in names.items()
    }


def stages_of(file: NetFile) -> dict[str, list[str]]:
    """Return the stages that rules of the net ask for, each with the layers that have such a rule."""
    found: dict[str, list[str]] = {}
    for layer in file.net.layer:
        for rule in (*layer.include, *layer.exclude):
            for stage in (*rule.stage, *rule.not_stage):
                layers = found.setdefault(stage, [])
                if layer.name not in layers:
                    layers.append(layer.name)
    return found


def sources_of(net: Any, folder: Path) -> list[tuple[str, str, bool]]:
    """Return (layer, source, whether it is here) for each source of data that the layers of a net name."""
    found = []
    for layer in net.layer:
        for source in assumed.sources(layer):
            here = any((base / source).exists() for base in (Path(), folder))
            found.append((layer.name, source, here))
    return list(dict.fromkeys(found))
