"""Train 50 iterations from the reference's starting weights and compare every loss with the reference's.

`python benchmarks/golden_training.py FOLDER`, where FOLDER holds the net, its solver, the starting weights, the
database and the losses (`*_losses.json`). The reference's images are MNIST, which this repository does not ship.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np

import pycaffelite
from pycaffelite.solvers.events import IterationDone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    os.chdir(options.folder)
    losses = next(Path().glob("*_losses.json"))
    name = losses.name.removesuffix("_losses.json")
    reference = json.loads(losses.read_text(encoding="utf-8"))
    solver = pycaffelite.load_solver(
        f"{name}_solver.prototxt",
        weights=f"{name}_start.caffemodel",
        dtype=options.dtype,
        overrides={"snapshot_after_train": False, "display": 0},
    )
    worst, worst_early = 0.0, 0.0
    for event in solver.run():
        if not isinstance(event, IterationDone):
            continue
        for output in event.outputs:
            expected = reference["losses_double"][output.name][event.iteration]
            error = abs(output.values[0] - expected) / abs(expected)
            worst = max(worst, error)
            if event.iteration < 10:
                worst_early = max(worst_early, error)
    norms = []
    for name, expected in reference["params_at_50"].items():
        layer, index = name.rsplit("/", 1)
        weights = solver.net.params[layer][int(index)].data.astype(np.float64)
        norms.append(abs(np.linalg.norm(weights) / expected["l2"] - 1))
    print(f"{options.dtype}: largest relative error of a loss {worst:.1e} over {solver.iteration} iterations,")
    print(f"{worst_early:.1e} over the first 10; of a parameter's norm at the end {max(norms):.1e}")


if __name__ == "__main__":
    main()
