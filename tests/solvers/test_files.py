"""Every net in nets/ and every solver in solvers/ runs, on a small database in the place of MNIST or CIFAR-10."""

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import load_solver
from pycaffelite.data.database import write_database
from pycaffelite.schema import messages
from pycaffelite.schema.reader import read_solver
from pycaffelite.solvers import events

ROOT = Path(__file__).parents[2]
SOLVERS = sorted((ROOT / "solvers").glob("*.prototxt"))
NETS = sorted((ROOT / "nets").rglob("*.prototxt"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    pixels = np.random.default_rng(4).integers(0, 256, (100, 28 * 28), np.uint8)
    datums = [
        messages.Datum(channels=1, height=28, width=28, data=image.tobytes(), label=index % 10)
        for index, image in enumerate(pixels)
    ]
    records = [(b"%08d" % index, datum.SerializeToString()) for index, datum in enumerate(datums)]
    for name in ("mnist-train-leveldb", "mnist-test-leveldb"):
        write_database(folder / name, "leveldb", records)
    for datum in datums:
        datum.channels, datum.height, datum.width, datum.data = 3, 32, 32, datum.data * 4
        datum.data = datum.data[: 3 * 32 * 32]
    records = [(b"%08d" % index, datum.SerializeToString()) for index, datum in enumerate(datums)]
    for name in ("cifar-train-leveldb", "cifar-test-leveldb"):
        write_database(folder / name, "leveldb", records)
    for name in ("nets", "solvers"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_each_net_has_its_solvers():
    named = {ROOT / read_solver(path).solver.net for path in SOLVERS}
    assert named == set(NETS)
    for path in SOLVERS:
        if "lenet" in path.name:
            assert path.with_name(path.name.replace("_classic", "").replace("_solver", "_classic_solver")) in SOLVERS


@pytest.mark.parametrize("path", SOLVERS, ids=lambda path: path.stem)
def test_a_solver_runs(path, data, monkeypatch):
    monkeypatch.chdir(data)
    solver = load_solver(Path("solvers", path.name), seed=1, builtin_data=False)
    if "classic" in path.name:
        wanted = solver.parameter
        assert (wanted.base_lr, wanted.momentum, wanted.weight_decay) == tuple(map(np.float32, (0.01, 0.9, 0.0005)))
        assert (wanted.lr_policy, wanted.max_iter, wanted.test_interval or 500, wanted.snapshot) == (
            "inv",
            10000,
            500,
            5000,
        )
        return
    if solver.parameter.test_iter:
        solver.parameter.test_iter[0] = 1
    solver.parameter.max_iter = 2
    seen = list(solver.run())
    losses = [event.raw_loss for event in seen if isinstance(event, events.IterationDone)]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    heads = {output.name for event in seen if isinstance(event, events.TestDone) for output in event.outputs}
    expected = {
        "lenet_solver": {"accuracy", "loss"},
        "lenet_dsn_solver": {"accuracy", "accuracy_side", "l1", "loss"},
        "dsn_cifar_solver": {"accuracy", "accuracy_side"},
        "hed_solver": {f"{head}{side}" for head in ("loss", "edges") for side in (*range(1, 6), "_fuse")},
    }
    assert heads == expected.get(path.stem, set())
    assert Path(f"{solver.parameter.snapshot_prefix}_iter_2.caffemodel").exists()
