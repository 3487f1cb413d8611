"""Measures pycaffelite against PyTorch, OpenCV and NumPy on this machine: `python benchmarks/run.py`.

Needs `pip install ".[bench]"`, or --torch-python with a Python that has PyTorch and OpenCV 4. A peer that is not there
is left out. Ours and the peers run in alternation; the table shows medians, and ratios of neighbouring runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scaling
import single
from figures import Figure, about_machine, as_json, markdown_table, text_table
from pairs import WorkerError
from rows import ROWS, Bench, measure

from pycaffelite.kernels._jit import set_threads
from pycaffelite.kernels.probe import measure_machine

BUSY = 0.7  # load average of a machine that does something else
OTHER_ROWS = ("reading", "update", "starting", "scaling")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    keys = [*(row.key for row in ROWS), *OTHER_ROWS]
    parser.add_argument("--only", action="append", metavar="ROW", choices=keys, help=f"one of {', '.join(keys)}")
    parser.add_argument("--quick", action="store_true", help="fewer rows, short runs, no compiled peers: two minutes")
    parser.add_argument("--scaling", action="store_true", help="measure how cost grows, too: four minutes")
    parser.add_argument("--pairs", type=int, help="alternations (default 7, quick 3)")
    parser.add_argument("--seconds", type=float, help="length of one run (default 0.5, quick 0.1)")
    parser.add_argument("--threads", type=int, help="of ours and of the peers (default: all CPUs)")
    parser.add_argument("--torch-python", default=sys.executable, help="a Python that has torch and cv2")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--docs", type=Path, help="replace the tables in this Markdown file by those just measured")
    options = parser.parse_args()
    if options.docs and not options.docs.is_file():
        parser.error(f"--docs: there is no file {options.docs}")
    return options


def main() -> None:
    options = parse()
    threads = set_threads(options.threads)
    machine = about_machine() | {"threads": threads}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="pycaffelite-bench-") as folder:
        bench = Bench(
            folder=Path(folder),
            threads=threads,
            pairs=options.pairs or (3 if options.quick else 7),
            seconds=options.seconds or (0.1 if options.quick else 0.5),
            torch_python=options.torch_python,
            quick=options.quick,
        )
        bench.look_at_peak()
        points = scaling.shorter(bench)
        for figure in _figures(options, bench, points):
            figures.append(figure)
            print(f"{figure.row}: {figure.ratio:.2f} x {figure.against}", file=sys.stderr, flush=True)
        limits = measure_machine()
        machine |= {"gflops": max(limits.flops, bench.peak, points.peak) / 1e9, "gigabytes": limits.bandwidth / 1e9}
    order = {row.key: number for number, row in enumerate(ROWS)}
    figures.sort(key=lambda figure: order.get(figure.row, len(order)))
    if options.json:
        options.json.write_text(as_json(machine, figures), encoding="utf-8")
    for name, how in (("figures", bench), ("scaling", points)):
        table = [figure for figure in figures if (figure.row == "scaling") == (name == "scaling")]
        if table:
            head = _head(machine, how)
            print(f"{head}\n{text_table(table, machine['gflops'])}")
            if options.docs:
                _write_block(options.docs, name, f"{head}\n\n{markdown_table(table, machine['gflops'])}")


def _figures(options: argparse.Namespace, bench: Bench, points: Bench) -> Iterator[Figure]:
    """Run what was asked for; `points` is how to measure one point of how cost grows."""
    wanted = set(options.only or [*(row.key for row in ROWS if row.quick or not bench.quick), *OTHER_ROWS[:3]])
    if options.scaling:
        wanted.add("scaling")
    found: list[Figure] = []
    for row in ROWS:
        if row.key in wanted:
            for figure in _survive(row.key, measure(row, bench)):
                found.append(figure)
                yield figure
    yield from single.derived(found, bench)
    lenet = next((64e3 / figure.ours for figure in found if figure.row == "lenet"), None)
    if "reading" in wanted:
        yield from single.reading(bench, lenet)
    if "update" in wanted:
        yield from single.update(bench)
    if "starting" in wanted:
        yield from _survive("starting", single.starting(bench))
    if "scaling" in wanted:
        yield from _survive("scaling", scaling.measure(points))


def _survive(key: str, figures: Iterator[Figure]) -> Iterator[Figure]:
    """Let one row fail without the others."""
    try:
        yield from figures
    except WorkerError as error:
        print(f"{key}: {error}", file=sys.stderr, flush=True)


def _head(machine: dict[str, Any], bench: Bench) -> str:
    """Say what the figures were measured on, and whether they can be trusted."""
    lines = [
        f"{machine['processor']}, {machine['threads']} threads; multiply-add peak {machine['gflops']:.0f} GFLOP/s, "
        f"memory {machine['gigabytes']:.0f} GB/s; medians of {bench.pairs} alternating runs of {bench.seconds:g} s."
    ]
    load = machine["load"]
    if load and load[0] > BUSY:
        lines.append(
            f"The machine was busy (load average {load[0]} at the start). PyTorch's threads wait actively and suffer "
            "most from that: do not quote these ratios."
        )
    return "\n".join(lines)


def _write_block(path: Path, name: str, text: str) -> None:
    """Put a table between its two marks in a document."""
    begin, end = (f"<!-- {name}: {which} -->" for which in ("begin", "end"))
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path} lacks the marks {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
