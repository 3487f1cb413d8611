from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pycaffelite.cli.group import command_line
from pycaffelite.data.database import write_database
from pycaffelite.schema import messages

Run = Callable[..., Result]

NET = """
name: "tiny"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { source: "train-db" batch_size: 4 } transform_param { scale: 0.00390625 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  data_param { source: "train-db" batch_size: 5 } transform_param { scale: 0.00390625 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

SOLVER = """
net: "nets/tiny.prototxt"
base_lr: 0.1
lr_policy: "fixed"
max_iter: 6
display: 2
test_iter: 2
test_interval: 3
random_seed: 5
snapshot_prefix: "out/tiny"
"""


def records(count: int = 8) -> list[tuple[bytes, bytes]]:
    """Return images of 1x2x2 whose label is whether their first pixel is bright."""
    made = []
    for index in range(count):
        label = index % 2
        datum = messages.Datum(channels=1, height=2, width=2, label=label)
        datum.data = bytes([200 * label, 10 * index, 30, 40])
        made.append((f"{index:08d}".encode(), datum.SerializeToString()))
    return made


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a net, its solver and its data, and go there."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"nets/tiny.prototxt": NET, "solvers/tiny_solver.prototxt": SOLVER}.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    write_database(tmp_path / "train-db", "lmdb", records())
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    """Run pycaffelite in the project's folder."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(command_line, list(map(str, arguments)))

    return invoke
