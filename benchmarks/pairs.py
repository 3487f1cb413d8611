"""Time workers in alternation: each is a process of its own that runs a piece of work when told to, and says how long.

Alternating pairs cancel what else the machine does; medians of many short runs say more than one long run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent


class Worker:
    """A process that answers every line `N` on its standard input with the seconds that N iterations took."""

    def __init__(self, script: str, arguments: Sequence[str], *, threads: int, python: str = sys.executable) -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "OPENBLAS_NUM_THREADS": str(threads),
            "NUMBA_NUM_THREADS": str(threads),
        }
        self.process = subprocess.Popen(
            [python, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about = self._answer()

    def run(self, iterations: int) -> float:
        """Run a piece of work and return its seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        return float(self._answer()["seconds"])

    def close(self) -> dict[str, object]:
        """End the process and return what it says last: its peak memory."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        last = self._answer()
        self.process.wait()
        return last

    def _answer(self) -> dict[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker has died: {' '.join(map(str, self.process.args))}")  # type: ignore[arg-type]
        answer: dict[str, object] = json.loads(line)
        return answer


def alternate(workers: Mapping[str, Worker], *, pairs: int, iterations: int) -> dict[str, list[float]]:
    """Warm every worker up, then run them in turn `pairs` times; return seconds per iteration of each run."""
    for worker in workers.values():
        worker.run(max(2, iterations // 3))
    times: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(pairs):
        for name, worker in workers.items():
            times[name].append(worker.run(iterations) / iterations)
    return times


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of (their time / our time) over the pairs: how many times as fast we are."""
    return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
