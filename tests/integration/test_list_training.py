"""Training on image files: a resumed run goes on with the same bits, shuffles, crops and windows included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pycaffelite import load_solver

NETS = {
    "ImageData": """
        layer { name: "d" type: "ImageData" top: "x" top: "l"
          image_data_param { source: "list.txt" batch_size: 3 shuffle: true rand_skip: 4 }
          transform_param { crop_size: 6 mirror: true scale: 0.00390625 } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
          inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "l" top: "loss" }
    """,
    "ImageSegData": """
        layer { name: "d" type: "ImageSegData" top: "x" top: "l"
          image_data_param { source: "pairs.txt" batch_size: 2 shuffle: true label_type: PIXEL }
          transform_param { crop_size: 9 mirror: true scale: 0.00390625 scale_factors: 0.5 scale_factors: 1 } }
        layer { name: "c" type: "Convolution" bottom: "x" top: "y"
          convolution_param { num_output: 3 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "l" top: "loss"
          loss_param { ignore_label: 255 } }
    """,
    "WindowData": """
        layer { name: "d" type: "WindowData" top: "x" top: "l"
          window_data_param { source: "windows.txt" batch_size: 4 fg_fraction: 0.5 context_pad: 1 }
          transform_param { crop_size: 6 mirror: true scale: 0.00390625 } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
          inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "l" top: "loss" }
    """,
}
SOLVER = """
net: "net.prototxt"
base_lr: 0.1
momentum: 0.9
lr_policy: "fixed"
max_iter: 8
random_seed: 3
snapshot_prefix: "s"
"""


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(8)
    for n in range(5):
        Image.fromarray(random.integers(0, 256, (8, 10, 3)).astype(np.uint8)).save(f"{n}.png")
        Image.fromarray(random.integers(0, 3, (8, 10)).astype(np.uint8)).save(f"{n}_classes.png")
    Path("list.txt").write_text("".join(f"{n}.png {n}\n" for n in range(5)))
    Path("pairs.txt").write_text("".join(f"{n}.png {n}_classes.png\n" for n in range(5)))
    windows = "1 0.9 1 1 5 6\n2 0.7 3 0 9 4\n0 0 2 2 6 6\n0 0.1 0 3 4 7\n"
    Path("windows.txt").write_text("".join(f"# {n}\n{n}.png\n3 8 10\n4\n{windows}" for n in range(5)))


@pytest.mark.parametrize("kind", NETS)
def test_a_resumed_run_goes_on_with_the_same_bits(kind: str) -> None:
    Path("net.prototxt").write_text(NETS[kind])
    Path("solver.prototxt").write_text(SOLVER)
    straight = load_solver("solver.prototxt")
    straight.step(8)
    first = load_solver("solver.prototxt")
    first.step(3)
    first.snapshot()
    second = load_solver("solver.prototxt", snapshot="s_iter_3.solverstate")
    assert second.iteration == 3
    second.step(5)
    for name, blobs in straight.net.params.items():
        for ours, theirs in zip(second.net.params[name], blobs, strict=True):
            np.testing.assert_array_equal(ours.data, theirs.data)
    np.testing.assert_array_equal(second.net.blobs["x"].data, straight.net.blobs["x"].data)
