"""Holistically-nested edge detection learns the edges of drawn shapes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import load_net, load_solver
from pycaffelite.data.database import write_database
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import infer_shapes
from pycaffelite.schema import messages
from pycaffelite.schema.reader import parse_net
from pycaffelite.solvers import events

ROOT = Path(__file__).parents[2]


def shapes(count: int) -> np.ndarray:
    """Draw a disk or a box on each of some images."""
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[:28, :28]
    images = []
    for number in range(count):
        row, column, size = random.uniform((9, 9, 4), (19, 19, 8))
        away = abs(rows - row), abs(columns - column)
        inside = np.hypot(*away) < size if number % 2 else np.maximum(*away) < size
        images.append(np.where(inside, 255, 0).astype(np.uint8))
    return np.array(images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hed")
    records = []
    for number, image in enumerate(shapes(40)):
        datum = messages.Datum(channels=1, height=28, width=28, data=image.tobytes(), label=0)
        records.append((b"%08d" % number, datum.SerializeToString()))
    for name in ("mnist-train-leveldb", "mnist-test-leveldb"):
        write_database(made / name, "leveldb", records)
    for name in ("nets", "solvers"):
        (made / name).symlink_to(ROOT / name)
    return made


def outlines(images: np.ndarray) -> np.ndarray:
    """Return where a dark pixel has a bright one among its eight neighbours."""
    bright = np.pad(images > 127, ((0, 0), (1, 1), (1, 1)))
    near = np.lib.stride_tricks.sliding_window_view(bright, (3, 3), (1, 2)).any((3, 4))
    return near & ~bright[:, 1:-1, 1:-1]


def test_six_losses_fall(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    solver = load_solver("solvers/hed_solver.prototxt", seed=1, overrides={"max_iter": 15, "test_iter": [0]})
    names = [f"loss{number}" for number in range(1, 6)] + ["loss_fuse"]
    assert list(solver.net.outputs) == names
    losses = [event.raw_loss for event in solver.run() if isinstance(event, events.IterationDone)]
    assert np.isclose(losses[0], 6 * 28 * 28 * np.log(2), rtol=1e-4)  # all scores are 0 to begin with
    assert np.mean(losses[-3:]) < 0.75 * losses[0]
    assert solver.net.loss_weights == dict.fromkeys(names, 1.0)


def test_the_edges_are_those_of_the_shapes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    net = load_net("nets/hed.prototxt", phase="test")
    net.forward()
    np.testing.assert_array_equal(net.blobs["edges"].data[:, 0], outlines(shapes(40)[:20]))


def test_predictions_lie_over_the_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A score that tells where it looks, in pixels, must tell the same place once it is enlarged and cropped."""
    monkeypatch.chdir(folder)
    net = load_net("nets/hed.prototxt", phase="test")
    entries = {entry.node.name: entry for entry in net.net.layers}
    for stage in range(1, 6):
        stride = 2 ** (stage - 1)
        score = net.blobs[f"score{stage}"]
        # The middle of the pixels that were pooled to one, in those of the image, which begins 34 in.
        score.data[...] = np.arange(score.shape[3]) * stride + (stride - 1) / 2 - 34
        for name in (f"upsample{stage}", f"crop{stage}"):
            if name in entries:
                entries[name].layer.forward(entries[name].bottoms, entries[name].tops)
        place = np.broadcast_to(np.arange(28), (20, 1, 28, 28))
        np.testing.assert_allclose(net.blobs[f"side{stage}"].data, place, atol=1e-3)


def test_with_the_published_channels_it_has_the_published_size() -> None:
    _, stages = (ROOT / "nets" / "hed.prototxt").read_text(encoding="utf-8").split("# Stage 1.")
    for ours, theirs in ((8, 64), (16, 128), (32, 256), (48, 512)):
        stages = stages.replace(f"num_output: {ours}\n", f"num_output: {theirs}\n")
    photograph = """layer { name: "input" type: "Input" top: "data" top: "edges" input_param {
        shape { dim: 1 dim: 3 dim: 321 dim: 481 } shape { dim: 1 dim: 1 dim: 321 dim: 481 } } }"""
    shapes = infer_shapes(build_graph(parse_net(photograph + stages)))
    tops = {
        top: tuple(shape) for entry in shapes for top, shape in zip(entry.node.tops, entry.layout.tops, strict=True)
    }
    for number in range(1, 6):
        assert tops[f"side{number}"] == (1, 1, 321, 481)
    counts = [math.prod(param.shape) for entry in shapes for param in entry.layout.params]
    vgg, sides, filters, fuse = 14_714_688, 64 + 128 + 256 + 512 + 512 + 5, 4**2 + 8**2 + 16**2 + 32**2, 6
    assert sum(counts) == vgg + sides + filters + fuse
