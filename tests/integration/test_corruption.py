"""Damaged files of every kind: an error of ours or a right answer, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "programs" / "corrupt.py"
KINDS = 14
# What damage may lead to where no checksum stands guard: a value in a weights file, a pixel, may be any number.
WITHOUT_CHECKSUM = {
    *("caffemodel", "solverstate", "HDF5 weights", "HDF5 solverstate", "HDF5 data", "LMDB", "PNG", "mean"),
}


def corrupt(folder: Path, count: int) -> Counter[tuple[str, str]]:
    """Run the program; return how often each outcome came of each kind."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(PROGRAM), str(folder / "work"), "0", str(count)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1500, check=False)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, f"ended with {run.returncode} in case {lines[-1:]}\n{run.stderr[-3000:]}"
    cases = list(zip(lines[::2], lines[1::2], strict=True))
    for case, result in cases:
        assert result["outcome"] in {"error", "same", "told", "other"}, (case, result)
        assert result["outcome"] != "other" or case["kind"] in WITHOUT_CHECKSUM, case
        assert result["seconds"] < 2, case
        assert result["words"].startswith("error: ") == (result["outcome"] == "error"), result
    assert max(result["memory"] for _case, result in cases) < 1 << 30
    return Counter((case["kind"], result["outcome"]) for case, result in cases)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
@pytest.mark.parametrize("count", [8, pytest.param(145, marks=pytest.mark.slow)])
def test_corruptions(tmp_path: Path, count: int) -> None:
    found = corrupt(tmp_path, count)
    print(*(f"{kind}: {outcome} {times}" for (kind, outcome), times in sorted(found.items())), sep="\n")
    assert found.total() == KINDS * count
    assert sum(times for (_kind, outcome), times in found.items() if outcome == "error") > found.total() // 3
