"""Worker: whole training iterations of one of our LeNets, its data read from LevelDB."""

from __future__ import annotations

import argparse
from pathlib import Path

import numba
from serve import serve

import pycaffelite
from pycaffelite.kernels._jit import set_threads

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=["lenet", "lenet_dsn"])
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    threads = set_threads(options.threads)
    solver = pycaffelite.load_solver(
        ROOT / "solvers" / f"{options.net}_classic_solver.prototxt",
        seed=1,
        overrides={"max_iter": 1_000_000, "snapshot": 0, "test_initialization": False, "test_interval": 1_000_000},
    )
    solver.step(1)
    serve(
        solver.step, {"peer": f"pycaffelite {pycaffelite.__version__}, numba {numba.__version__}", "threads": threads}
    )


if __name__ == "__main__":
    main()
