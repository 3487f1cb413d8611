"""Time workers in alternation: each is a process of its own that runs a piece of work when told to, and says how long.

Alternating pairs cancel what else the machine does; medians of many short runs say more than one long run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class WorkerError(Exception):
    """A worker ended before its time, or cannot be compared with."""


class Worker:
    """A process that answers every line `N` on its standard input with the seconds that N iterations took."""

    def __init__(self, script: str, arguments: Sequence[str], *, threads: int, python: str = sys.executable) -> None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
        self.process = subprocess.Popen(
            [python, str(HERE / script), *arguments, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | dict.fromkeys(names, str(threads)),
        )

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the worker says of itself once it is ready; `missing` where it cannot run."""
        return self._answer()

    def run(self, iterations: int) -> float:
        """Run a piece of work and return its seconds."""
        assert self.process.stdin is not None
        if "missing" in self.about:
            raise WorkerError(f"a worker cannot run: {self.about['missing']}")
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        return float(self._answer()["seconds"])

    def close(self) -> dict[str, Any]:
        """End the process and return what it says last: its peak memory."""
        about = self.about
        assert self.process.stdin is not None
        self.process.stdin.close()
        last = {} if "missing" in about else self._answer()
        self._leave()
        return last

    def stop(self) -> None:
        """End the process at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self._leave()

    def _leave(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        self.process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self._leave()
            raise WorkerError(f"a worker has died: {' '.join(map(str, self.process.args))}")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def running(workers: Mapping[str, Worker]) -> Iterator[Mapping[str, Worker]]:
    """Make sure that no worker outlives a row, whatever happens in it; yield those that can run."""
    try:
        yield {name: worker for name, worker in workers.items() if "missing" not in worker.about}
    finally:
        for worker in workers.values():
            worker.stop()


def alternate(workers: Mapping[str, Worker], *, pairs: int, seconds: float) -> dict[str, list[float]]:
    """Warm every worker up, then run them in turn; return seconds per iteration of each run.

    Args:
        workers: By name.
        pairs: How many turns.
        seconds: About how long one run lasts: it has as many iterations as fit, one at least.
    """
    counts = {}
    for name, worker in workers.items():
        worker.run(1)
        few = max(1, min(20, int(seconds / 3 / worker.run(1))))
        counts[name] = max(1, round(seconds / (worker.run(few) / few)))
    times: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(pairs):
        for name, worker in workers.items():
            times[name].append(worker.run(counts[name]) / counts[name])
    return times


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of (their time / our time) over the pairs: how many times as fast we are."""
    return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
