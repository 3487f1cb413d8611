"""Where compiled code is kept, and for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pycaffelite.kernels import _jit

DAY = 24 * 60 * 60


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("PYCAFFELITE_CACHE", str(tmp_path))
    monkeypatch.setattr(_jit.config, "CACHE_DIR", "")
    return tmp_path / "jit"


def chosen() -> Path:
    _jit._choose_cache_folder()
    return Path(_jit.config.CACHE_DIR)


def make(folder: Path, days: float) -> Path:
    """Make a folder with a file that was last used so many days ago."""
    folder.mkdir(parents=True)
    (folder / "kernel.nbc").write_bytes(b"code")
    then = time.time() - days * DAY
    os.utime(folder, (then, then))
    return folder


def test_the_same_kernels_on_the_same_processor_have_one_folder(cache: Path) -> None:
    assert chosen() == chosen()
    assert chosen().parent == cache


@pytest.mark.parametrize("name", ["CPU_NAME", "CPU_FEATURES"])
def test_every_processor_has_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    ours = chosen()
    monkeypatch.setattr(_jit.config, name, "generic" if name == "CPU_NAME" else "+sse2")
    assert chosen() != ours
    assert len(list(cache.iterdir())) == 2


def test_a_new_folder_sweeps_old_ones(cache: Path, tmp_path: Path) -> None:
    names = {"0123456789abcdef": 91, "fedcba9876543210": 89, "0000000000000000.7": 91, "of somebody else": 91}
    for name, days in names.items():
        make(cache / name, days)
    elsewhere = make(tmp_path / "elsewhere", 91)
    (cache / "1111111111111111").symlink_to(elsewhere)
    (cache / "2222222222222222").touch()
    os.utime(cache / "2222222222222222", (1, 1))
    ours = chosen()
    kept = {"fedcba9876543210", "of somebody else", "1111111111111111", "2222222222222222", ours.name}
    assert {path.name for path in cache.iterdir()} == kept
    assert (elsewhere / "kernel.nbc").exists()


def test_a_folder_that_is_used_stays_young(cache: Path) -> None:
    ours = chosen()
    os.utime(ours, (1, 1))
    make(cache / "0123456789abcdef", 91)
    assert chosen() == ours
    assert ours.stat().st_mtime > time.time() - DAY
    assert (cache / "0123456789abcdef").exists()  # only new folders sweep: not every start has to look


def test_what_cannot_be_removed_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(cache / "0123456789abcdef", 91)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(_jit.shutil, "rmtree", refuse)
    assert chosen().parent == cache


def test_a_folder_that_cannot_be_made_goes_with_the_process(cache: Path) -> None:
    cache.write_text("a file in the way")
    assert chosen().name.startswith("pycaffelite-jit-")
    _jit._own_cache.pop().cleanup()
