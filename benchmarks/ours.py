"""Worker: pycaffelite, running a job whole (data, forward, backward, update), forward and backward, or forward."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from serve import serve

import pycaffelite
from pycaffelite.kernels._jit import set_threads
from pycaffelite.net import Net
from pycaffelite.report.timing import total_flops


def training(options: argparse.Namespace) -> tuple[Net, Callable[[int], object]]:
    """Return whole training iterations, the data read from its database."""
    quiet = {"max_iter": 10_000_000, "snapshot": 0, "test_initialization": False, "test_interval": 10_000_000}
    weights = options.folder / "weights.caffemodel"
    solver = pycaffelite.load_solver(options.solver, weights=weights, seed=1, overrides=quiet)
    return solver.net, solver.step


def passes(options: argparse.Namespace) -> tuple[Net, Callable[[int], object]]:
    """Return passes over an input that stays in place: forward, or forward and backward."""
    forward = options.mode == "forward"
    weights = options.folder / "weights.caffemodel"
    runnable = pycaffelite.load_net(options.net, "test" if forward else "train", weights, seed=1, outputs_only=forward)
    runnable.plan.forward()  # a data layer with constant blobs writes them once
    with np.load(options.folder / "inputs.npz") as inputs:
        for name in inputs.files:
            runnable.blobs[name].data[...] = inputs[name]

    def run(iterations: int) -> None:
        for _ in range(iterations):
            runnable.plan.forward()
            if options.mode == "gradients":
                runnable.plan.backward(anew=True)  # as in training: nothing is cleared that is overwritten

    return runnable.net, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", type=Path)
    parser.add_argument("--solver", type=Path)
    parser.add_argument("--mode", choices=["train", "gradients", "forward"], required=True)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    threads = set_threads(options.threads)
    net, run = training(options) if options.mode == "train" else passes(options)
    run(1)
    forward, backward = total_flops(net)
    serve(
        run,
        {
            "peer": f"pycaffelite {pycaffelite.__version__}, numba {numba.__version__}",
            "threads": threads,
            "flops": forward if options.mode == "forward" else forward + backward,
        },
    )


if __name__ == "__main__":
    main()
