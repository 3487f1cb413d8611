"""Every solver type against the reference: parameters after each update, outputs, rates, history."""

import json
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import load_solver
from pycaffelite.solvers import events

FOLDER = Path(__file__).parents[1] / "golden" / "solvers"
CASES = json.loads((FOLDER / "index.json").read_text())["cases"]


def close(ours, golden, dtype):
    if dtype == np.float32:
        return np.abs(ours - golden).max() <= 2e-5 * np.abs(golden).max() + 1e-6
    return np.abs(ours - golden).max() <= 1e-10 * np.abs(golden).max() + 1e-12


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_training_run(case, dtype):
    golden = np.load(FOLDER / case["file"])
    solver = load_solver(FOLDER / case["solver"], dtype=dtype, seed=1)
    params = {name.removeprefix("param:"): golden[name] for name in golden if name.startswith("param:")}
    for name, rows in params.items():
        blob(solver, name).data[...] = rows[0]
    done = (event for event in solver.run(case["iterations"]) if isinstance(event, events.IterationDone))
    for k, event in enumerate(done):
        assert event.lr == pytest.approx(golden["lr"][k], rel=2e-7)
        for output in event.outputs:
            assert close(output.values, golden[f"output:{output.name}"][k].reshape(-1), dtype), output.name
        for name, rows in params.items():
            assert close(blob(solver, name).data, rows[k + 1], dtype), f"{name} after {k + 1} updates"
    history = [updater.history[row] for row in range(len(solver.updaters[0].history)) for updater in solver.updaters]
    assert len(history) == sum(name.startswith("history/") for name in golden)
    for index, ours in enumerate(history):
        assert close(ours, golden[f"history/{index}"], dtype), f"history {index}"


def blob(solver, name):
    layer, index = name.rsplit("/", 1)
    return solver.net.params[layer][int(index)]
