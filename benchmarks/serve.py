"""The worker's side of `pairs`: read a number of iterations, run them, answer with the seconds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def serve(run: Callable[[int], object], about: dict[str, object]) -> None:
    """Answer until standard input ends, then tell the peak memory (MiB)."""
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        run(int(line))
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
    print(json.dumps({"peak_mib": _peak_mib()}), flush=True)


def refuse(error: ImportError) -> None:
    """Tell that this peer is not installed."""
    print(json.dumps({"missing": str(error)}), flush=True)


def difference(found: Mapping[str, Any], folder: Path) -> float:
    """Return the largest difference from our outputs of the job, relative to the largest number of each."""
    import numpy as np  # noqa: PLC0415 -- only workers of peers need it

    worst = 0.0
    with np.load(folder / "expected.npz") as expected:
        common = sorted(set(found) & set(expected.files))
        if not common:
            raise SystemExit(f"nothing to compare: {sorted(found)} and {sorted(expected.files)}")
        for name in common:
            ours, theirs = expected[name], np.asarray(found[name]).reshape(expected[name].shape)
            worst = max(worst, float(np.abs(ours - theirs).max() / np.abs(ours).max()))
    return worst


def _peak_mib() -> float | None:
    """Return the most memory that this process had resident; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells on Linux starts from the size of the process that started this one
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    try:
        import resource  # noqa: PLC0415 -- not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
