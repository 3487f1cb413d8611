"""The worker's side of `pairs`: read a number of iterations, run them, answer with the seconds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def serve(run: Callable[[int], object], about: dict[str, object]) -> None:
    """Answer until standard input ends, then tell the peak memory (MiB)."""
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        run(int(line))
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
    print(json.dumps({"peak_mib": _peak_mib()}), flush=True)


def _peak_mib() -> float | None:
    try:
        import resource  # noqa: PLC0415 -- not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
