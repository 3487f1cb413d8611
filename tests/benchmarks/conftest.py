from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the scripts of the benchmarks import each other, as they do when one of them is run."""
    monkeypatch.syspath_prepend(str(FOLDER))
