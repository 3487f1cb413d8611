"""Rows without a peer: reading, the update, starting; and what follows from rows that have one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from figures import Figure
from pairs import WorkerError
from rows import ROOT, TUNED, Bench

from pycaffelite.data.database import write_database
from pycaffelite.data.datum import image_items
from pycaffelite.data.reader import Batch, BatchReader
from pycaffelite.data.source import open_source
from pycaffelite.data.transformer import Transformer
from pycaffelite.kernels.probe import stream_rate
from pycaffelite.kernels.update import CONSTANTS, joined_update, sgd
from pycaffelite.schema import messages

PARAMETERS = 60_000_000


def reading(bench: Bench, lenet_images: float | None) -> Iterator[Figure]:
    """Read batches of 64 in one thread, as the prefetch thread does: digits as LeNet reads them, and colour images."""
    dice = np.random.default_rng(1)
    cases = {
        "28x28, scale": ((4000, 1, 28, 28), {"scale": 0.00390625}),
        "3x40x40, mean, crop 32, mirror": (
            (4000, 3, 40, 40),
            {"scale": 0.00390625, "mean_value": [104.0, 117.0, 123.0], "crop_size": 32, "mirror": True},
        ),
    }
    for what, (shape, fields) in cases.items():
        images, labels = dice.integers(0, 256, shape, np.uint8), dice.integers(0, 10, shape[0], np.uint8)
        for backend in ("leveldb", "lmdb"):
            path = bench.folder / f"read-{shape[1]}-{backend}"
            write_database(path, backend, image_items(images, labels))
            rate = _read(path, fields, bench)
            against = lenet_images or rate
            yield Figure(
                f"reading-{backend}", f"reading {backend.upper()}, {what}", "what LeNet consumes", rate, against,
                "images/s", rate / against, target=3.0 if lenet_images else None,
            )  # fmt: skip


def _read(path: Path, fields: dict[str, object], bench: Bench) -> float:
    """Return the images read and transformed a second: the median of some runs."""
    transformer = Transformer(messages.TransformationParameter(**fields), "TRAIN", np.random.default_rng(1))
    reader = BatchReader(open_source(path), transformer)
    batch, data = Batch(64), np.zeros((64, *reader.row_shape()), np.float32)
    reader.fill(batch)
    rates = []
    for _ in range(bench.pairs):
        begin, batches = time.perf_counter(), 0
        while time.perf_counter() - begin < bench.seconds:
            reader.fill(batch)
            reader.write(batch, data)
            batches += 1
        rates.append(64 * batches / (time.perf_counter() - begin))
    return statistics.median(rates)


def update(bench: Bench) -> Iterator[Figure]:
    """Update 60 million parameters, in turn with a kernel that only streams as many bytes through memory."""
    data, diff = np.zeros(PARAMETERS, np.float32), np.zeros(PARAMETERS, np.float32)
    history, constants = np.zeros((1, PARAMETERS), np.float32), np.zeros(CONSTANTS, np.float32)
    once = joined_update(sgd, [(data, diff, history[0], history[0][:0], constants)])
    moved = 6.0 * data.nbytes  # three arrays are read and written
    ours, stream = [], []
    for _ in range(bench.pairs + 1):
        begin = time.perf_counter()
        once.run()
        ours.append(moved / (time.perf_counter() - begin))
        stream.append(statistics.mean(stream_rate(array) for array in (data, diff, history[0])))
    ours, stream = ours[1:], stream[1:]  # the first run takes the memory
    ratio = statistics.median(one / other for one, other in zip(ours, stream, strict=True))
    yield Figure(
        "update", "SGD update of 60 M parameters", "memory bandwidth", statistics.median(ours) / 1e9,
        statistics.median(stream) / 1e9, "GB/s", ratio, target=0.8,
    )  # fmt: skip


def starting(bench: Bench) -> Iterator[Figure]:
    """Start the quick start with an empty and a warm JIT cache, until its first iteration is done; ask for help."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as cache:
        cold = _first_iteration(Path(cache), bench)
        warm = [_first_iteration(Path(cache), bench) for _ in range(1 if bench.quick else 3)]
    yield _limit("cold_start", "quick start to first iteration, empty JIT cache", cold, 12.0)
    yield _limit("warm_start", "quick start to first iteration, warm JIT cache", statistics.median(warm), 1.5)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "pycaffelite", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    yield _limit("help", "--help", statistics.median(times), 0.25)


def _limit(row: str, title: str, seconds: float, limit: float) -> Figure:
    return Figure(row, title, "stated limit", seconds, limit, "s", limit / seconds, target=1.0)


def _first_iteration(cache: Path, bench: Bench) -> float:
    """Return the seconds from the start of the process to the log line of the first training iteration."""
    command = [sys.executable, "-m", "pycaffelite", "train", str(ROOT / "nets" / "lenet_dsn.prototxt")]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=bench.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Iteration 0 (" in line or "Iteration 0, loss" in line:
                return time.perf_counter() - begin
    finally:
        process.kill()
        process.wait()
    raise WorkerError("the quick start ended before its first iteration")


def derived(figures: Sequence[Figure], bench: Bench) -> Iterator[Figure]:
    """Yield what follows from measured rows: the best of PyTorch's configurations, share of the peak, peak memory."""
    eager = {figure.row: figure for figure in figures if figure.against == "PyTorch eager"}
    tuned = [f for f in figures if f.row == "lenet" and f.against in {peer.name for peer in TUNED}]
    if tuned:
        best = min(tuned, key=lambda figure: figure.theirs)
        yield replace(best, against=f"best: {best.against}", target=2.0)
    if "lenet" in eager and eager["lenet"].gflops:
        rate, peak = eager["lenet"].gflops, bench.peak / 1e9
        yield Figure("lenet", eager["lenet"].title, "multiply-add peak (stretch)", rate, peak, "GFLOP/s",
                     rate / peak, target=0.7)  # fmt: skip
    for figure in eager.values():
        if figure.memory and figure.details["mode"] != "forward":
            ours, theirs = figure.memory
            yield Figure(figure.row, f"peak memory: {figure.title}", figure.against, ours, theirs, "MiB",
                         theirs / ours, target=1.0)  # fmt: skip
