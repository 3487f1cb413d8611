"""The same seed gives the same bits: for one thread and for two, with prefetching and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import load_solver
from pycaffelite.data.database import write_database
from pycaffelite.kernels._jit import set_threads
from pycaffelite.schema import messages
from pycaffelite.solvers import events

NET = """
name: "n"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "db" batch_size: 12 backend: LMDB
  prefetch: PREFETCH } transform_param { scale: 0.01 crop_size: 20 mirror: true } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 16 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "scale" type: "Scale" bottom: "bn" top: "bn" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "bn" top: "bn" }
layer { name: "pool" type: "Pooling" bottom: "bn" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "norm" type: "LRN" bottom: "pool" top: "norm" }
layer { name: "side" type: "InnerProduct" bottom: "norm" top: "side"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "ip" type: "InnerProduct" bottom: "norm" top: "ip"
  inner_product_param { num_output: 120 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
layer { name: "top" type: "InnerProduct" bottom: "ip" top: "top"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "top" bottom: "label" top: "loss" }
layer { name: "sideloss" type: "SoftmaxWithLoss" bottom: "side" bottom: "label" top: "sideloss" loss_weight: 0.3 }
"""

SOLVERS = {
    "SGD": "momentum: 0.9 weight_decay: 0.001 iter_size: 2",
    "Adam": 'type: "Adam" momentum: 0.9 clip_gradients: 1',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    generator = np.random.default_rng(1)
    records = []
    for index in range(30):
        datum = messages.Datum(channels=1, height=24, width=24, label=int(generator.integers(4)))
        datum.data = generator.integers(0, 256, 24 * 24, np.uint8).tobytes()
        records.append((f"{index:08d}".encode(), datum.SerializeToString()))
    write_database(tmp_path / "db", "lmdb", records)
    monkeypatch.chdir(tmp_path)
    threads = set_threads(None)
    yield tmp_path
    set_threads(threads)


def train(fields: str, *, threads: int, prefetch: int) -> list[bytes]:
    """Return the bytes of losses, weights and history after a short training."""
    assert set_threads(threads) in (threads, 1)  # on a machine with one CPU it is one
    Path("net.prototxt").write_text(NET.replace("PREFETCH", str(prefetch)))
    Path("solver.prototxt").write_text(f'net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 9 {fields}')
    solver = load_solver("solver.prototxt", seed=7)
    losses = [event.raw_loss for event in solver.run(6) if isinstance(event, events.IterationDone)]
    weights = [blob.data for blobs in solver.net.params.values() for blob in blobs]
    history = [array for updater in solver.updaters for array in updater.history]
    return [np.array(losses).tobytes(), *(array.tobytes() for array in (*weights, *history))]


@pytest.mark.parametrize("fields", SOLVERS.values(), ids=SOLVERS)
def test_threads_and_prefetching_change_nothing(folder: Path, fields: str) -> None:
    runs = [train(fields, threads=threads, prefetch=prefetch) for threads, prefetch in [(1, 0), (2, 0), (2, 4), (1, 3)]]
    assert runs[0] == runs[1] == runs[2] == runs[3]
