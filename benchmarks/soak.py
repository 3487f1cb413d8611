"""Train for a long time with tests and snapshots, and show whether memory stays level.

`python benchmarks/soak.py --minutes 30` trains the deeply supervised LeNet on the built-in digits in a folder of its
own, tests every 100 iterations, snapshots every 200, and prints the resident memory of the process twice a minute. The
memory is read from /proc, so it runs on Linux only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import pycaffelite
from pycaffelite.solvers.events import IterationDone, SnapshotWritten, TestDone

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--solver", type=Path, default=ROOT / "solvers" / "lenet_dsn_solver.prototxt")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak(options.solver, Path(folder), options.minutes * 60)


def soak(solver_path: Path, folder: Path, seconds: float) -> None:
    """Train until the time is over; print the memory on the way and a verdict at the end."""
    solver = pycaffelite.load_solver(
        solver_path,
        overrides={
            "snapshot": 200,
            "snapshot_prefix": str(folder / "soak"),
            "test_interval": 100,
            "display": 0,
            "max_iter": 1 << 30,
        },
    )
    counts = dict.fromkeys((IterationDone, TestDone, SnapshotWritten), 0)
    start = last = time.monotonic()
    samples: list[float] = []
    for event in solver.run():
        if type(event) in counts:
            counts[type(event)] += 1
        if isinstance(event, SnapshotWritten):
            remove_old(folder)
        now = time.monotonic()
        if now - last >= min(30.0, seconds / 20):
            last = now
            samples.append(resident())
            print(f"{now - start:6.0f} s  iteration {solver.iteration:7d}  {samples[-1]:7.1f} MiB", flush=True)
        if now - start >= seconds:
            break
    quarter = max(1, len(samples) // 4)
    # The first quarter may still grow: caches fill, the first snapshot is written.
    second, final = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    print(", ".join(f"{count} {kind.__name__}" for kind, count in counts.items()))
    print(f"second quarter {statistics.median(second):.1f} MiB, last quarter {statistics.median(final):.1f} MiB")


def remove_old(folder: Path) -> None:
    """Keep the newest two snapshots: weights, state and side file of each."""
    by_age = sorted(folder.glob("soak_iter_*"), key=lambda path: path.stat().st_mtime)
    for path in by_age[:-6]:
        path.unlink()


if __name__ == "__main__":
    main()
