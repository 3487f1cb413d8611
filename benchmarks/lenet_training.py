"""How fast LeNet trains, ours against PyTorch: `python benchmarks/lenet_training.py`.

Prints medians of alternating runs and the ratio; needs `pip install .[bench]`, or --torch-python.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from pathlib import Path

from pairs import Worker, alternate, median_ratio

CONFIGURATIONS = {
    "pycaffelite": ("lenet_ours.py", []),
    "PyTorch eager": ("lenet_torch.py", ["--mode", "eager"]),
    "PyTorch channels-last, fused SGD": ("lenet_torch.py", ["--mode", "best"]),
}


def measure(net: str, options: argparse.Namespace) -> dict[str, object]:
    """Measure one net with every peer and return the row of the table."""
    workers = {}
    for name, (script, arguments) in CONFIGURATIONS.items():
        python = sys.executable if name == "pycaffelite" else options.torch_python
        extra = [net, *arguments, "--threads", str(options.threads)]
        workers[name] = Worker(script, extra, threads=options.threads, python=python)
    times = alternate(workers, pairs=options.pairs, iterations=options.iterations)
    ends = {name: worker.close() for name, worker in workers.items()}
    return {
        "net": net,
        "batch": 64,
        "peers": {
            name: {
                "about": workers[name].about,
                "ms": statistics.median(values) * 1e3,
                "best_ms": min(values) * 1e3,
                "iterations_per_second": 1 / statistics.median(values),
                "times_as_fast_we_are": median_ratio(times["pycaffelite"], values),
                **ends[name],
            }
            for name, values in times.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=["lenet", "lenet_dsn"], action="append", help="default: both")
    parser.add_argument("--pairs", type=int, default=9, help="alternations (default 9)")
    parser.add_argument("--iterations", type=int, default=50, help="training iterations in each run (default 50)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--torch-python", default=sys.executable, help="a Python that has torch")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    rows = [measure(net, options) for net in options.net or ["lenet", "lenet_dsn"]]
    print(f"training, batch 64, {options.threads} threads, {options.pairs} alternating runs of {options.iterations}")
    print(f"{'net':10} {'':34} {'it/s':>7} {'ms':>8} {'best ms':>8} {'peak MiB':>9} {'ratio':>6}")
    for row in rows:
        for name, peer in row["peers"].items():  # type: ignore[attr-defined]
            print(
                f"{row['net']:10} {name:34} {peer['iterations_per_second']:7.1f} {peer['ms']:8.2f} "
                f"{peer['best_ms']:8.2f} {peer['peak_mib'] or 0:9.0f} {peer['times_as_fast_we_are']:6.2f}"
            )
    if options.json:
        machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
