"""Prepares what all peers of a row share: one net, its weights, an input, and our outputs for it, as files.

Peers need no pycaffelite: `layers.json` holds the layers of the net in current form, `weights.npz` their parameters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.json_format import MessageToDict

from nets import Definition, prototxt
from pycaffelite.data.database import write_database
from pycaffelite.data.datum import image_items
from pycaffelite.graph.graph import Graph
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.base import DataOptions
from pycaffelite.net import Net, build, infer_shapes
from pycaffelite.plan import compile_plan
from pycaffelite.report.inputs import with_inputs
from pycaffelite.schema.reader import NetFile, read_net
from pycaffelite.snapshot import load_weights, save_weights

SEED = 1
RECORDS = 2000  # of a database that is made for a job

SOLVER = """net: "{net}"
base_lr: 0.001 momentum: 0.9 weight_decay: 0.004 lr_policy: "fixed" max_iter: 1000000 snapshot_after_train: false
"""


@dataclass(frozen=True)
class Job:
    """One net in one mode.

    Attributes:
        folder: Where the shared files are.
        net: The prototxt.
        solver: The solver of the mode "train".
        mode: "train" (whole iterations), "gradients" (forward and backward) or "forward".
    """

    folder: Path
    net: Path
    solver: Path | None
    mode: str

    def arguments(self) -> list[str]:
        """Return what a worker is started with."""
        return [str(self.folder), "--net", str(self.net), "--mode", self.mode] + (
            ["--solver", str(self.solver)] if self.solver else []
        )


def net_job(folder: Path, definition: Definition, batch: int, mode: str) -> Job:
    """Write a net of a definition and prepare it; to train it, a database of random images is made too."""
    folder.mkdir(parents=True)
    net, solver = folder / "net.prototxt", None
    source = None
    if mode == "train":
        dice = np.random.default_rng(SEED)
        shape = (RECORDS, definition.channels, definition.size, definition.size)
        images, labels = dice.integers(0, 256, shape, np.uint8), dice.integers(0, definition.classes, RECORDS, np.uint8)
        write_database(folder / "images-lmdb", "lmdb", image_items(images, labels))
        source, solver = str(folder / "images-lmdb"), folder / "solver.prototxt"
        solver.write_text(SOLVER.format(net=net), encoding="utf-8")
    net.write_text(prototxt(definition, batch, train=mode != "forward", source=source), encoding="utf-8")
    return prepare(Job(folder, net, solver, mode))


def prepare(job: Job) -> Job:
    """Write the files that peers read."""
    job.folder.mkdir(parents=True, exist_ok=True)
    file, phase = read_net(job.net), "TEST" if job.mode == "forward" else "TRAIN"
    graph = build_graph(file, phase)
    feed = infer_shapes(graph, data=DataOptions(job.net.parent))[0]
    shapes = dict(zip(feed.top_names, feed.layout.tops, strict=True))
    dice = np.random.default_rng(SEED)
    inputs = {"data": dice.standard_normal(shapes["data"], np.float32)}
    if "label" in shapes:
        inputs["label"] = dice.integers(0, _classes(graph), shapes["label"]).astype(np.float32)
    weights = _starting_weights(with_inputs(file, shapes), inputs, job.folder / "weights.caffemodel")
    expected = _outputs(with_inputs(file, shapes), inputs, job.folder / "weights.caffemodel")
    np.savez(job.folder / "weights.npz", **weights)
    np.savez(job.folder / "inputs.npz", **inputs)
    np.savez(job.folder / "expected.npz", **expected)
    layers = [
        {"type": node.type, "bottoms": node.bottoms, "tops": node.tops}
        | MessageToDict(node.message, preserving_proto_field_name=True)
        | {"name": node.name, "type": node.type}
        for node in graph.nodes
    ]
    (job.folder / "layers.json").write_text(json.dumps(layers), encoding="utf-8")
    return job


def _classes(graph: Graph) -> int:
    """Return how many labels there are: as many as the last matrix product has outputs."""
    outputs = [node.message.inner_product_param.num_output or node.message.convolution_param.num_output
               for node in graph.nodes if node.type in ("InnerProduct", "Convolution")]  # fmt: skip
    return int(outputs[-1])


def _starting_weights(file: NetFile, inputs: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Fill a net by its fillers, let BatchNorm layers see one batch, and save the parameters."""
    graph = build_graph(file, "TRAIN")
    net = build(graph, seed=SEED)
    if any(node.type == "BatchNorm" for node in graph.nodes):
        _run(net, inputs)
    save_weights(net, path)
    return {f"{layer}/{i}": blob.data for layer, blobs in net.params.items() for i, blob in enumerate(blobs)}


def _outputs(file: NetFile, inputs: dict[str, np.ndarray], weights: Path) -> dict[str, np.ndarray]:
    """Return what peers must agree with: the outputs without dropout, and the scores that losses are made of."""
    graph = build_graph(file, "TEST")
    net = build(graph, seed=SEED)
    load_weights(net, weights)
    _run(net, inputs)
    scores = [node.bottoms[0] for node in graph.nodes if node.type == "SoftmaxWithLoss"]
    return {name: net.blobs[name].data for name in (*net.outputs, *scores)}


def _run(net: Net, inputs: dict[str, np.ndarray]) -> None:
    for name, values in inputs.items():
        net.blobs[name].data[...] = values
    compile_plan(net).forward()
