"""How kernels are compiled: the one place for Numba's options, its thread layer and its cache on disk.

Import `kernel` (and `prange`) from here, never from numba, in every kernel module.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding
import numba
import numpy.typing as npt
import platformdirs
from numba import prange
from numba.core.codegen import get_host_cpu_features
from numba.np.ufunc.parallel import get_thread_id

from pycaffelite.kernels._inner import inner_options

__all__ = ["CHUNKS", "JIT_ENABLED", "Array", "cpu_features", "kernel", "prange", "set_threads"]

Array = npt.NDArray[Any]  # kernels stand below `blob`, which has the same name for it

Function = TypeVar("Function", bound=Callable[..., Any])

# Reductions over a batch are split into at most this many chunks, whatever the number of threads, and the partial
# sums are added in order: results are the same bits for 1 thread and for 64.
CHUNKS = 16

# As fast as fastmath=True, and NaN and infinity keep their meaning.
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}

_DAY = 24 * 60 * 60  # seconds
_KEPT = 90  # days
_OURS = re.compile(r"[0-9a-f]{16}(\.[0-9]+)?")  # a cache folder, or one that was half removed

config: Any = numba.config

JIT_ENABLED = not config.DISABLE_JIT

_INNER = inner_options() if JIT_ENABLED else {}

# The number of the thread that runs a piece of a parallel loop, from 0: only to choose scratch memory with.
thread_id: Callable[[], int] = get_thread_id if JIT_ENABLED else lambda: 0


def kernel(*, parallel: bool = False, inner: bool = False) -> Callable[[Function], Function]:
    """Compile a function of arrays and scalars with Numba, without the GIL, cached on disk.

    Args:
        parallel: Whether `prange` runs on several threads. Never call a parallel kernel from a prefetch thread.
        inner: Whether only other kernels call it, never Python, which would crash. It is in their machine code and
            needs no wrapper and no cache of its own: a tenth of a second less at the first run.
    """

    njit: Any = numba.njit  # its stubs know less than all options

    def decorate(function: Function) -> Function:
        compiled: Function = njit(
            function,
            cache=not inner,
            parallel=parallel,
            nogil=True,
            fastmath=FASTMATH,
            error_model="numpy",
            no_cpython_wrapper=inner,
            no_cfunc_wrapper=True,
            **(_INNER if inner else {}),
        )
        return compiled

    return decorate


def set_threads(count: int | None) -> int:
    """Use `count` threads in parallel kernels, or as many as this process may use; return the number in force."""
    most = int(config.NUMBA_NUM_THREADS)
    wanted = min(most, count or available_cpus())
    numba.set_num_threads(max(1, wanted))
    return int(numba.get_num_threads())


def available_cpus() -> int:
    """Return the number of CPUs that this process may use: its affinity, cut by a container's quota (cgroup v1, v2)."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for quota_file, period_file in (
        ("/sys/fs/cgroup/cpu.max", None),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ):
        try:
            words = Path(quota_file).read_text(encoding="ascii").split()
            if period_file is not None:
                words.append(Path(period_file).read_text(encoding="ascii").strip())
            quota, period = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):
            continue
        if quota > 0 and period > 0:
            return max(1, min(affinity, quota // period))
    return affinity


def cpu_features() -> set[str]:
    """Return the CPU features that Numba compiles for: the host's, changed as NUMBA_CPU_NAME and _FEATURES say."""
    host = {name for name, present in llvmlite.binding.get_host_cpu_features().items() if present}
    if config.CPU_FEATURES is None:
        return host
    words = [word.strip() for word in config.CPU_FEATURES.split(",")]
    known = host if config.CPU_NAME is None else set()
    return (known - {word[1:] for word in words if word[:1] == "-"}) | {word[1:] for word in words if word[:1] == "+"}


def _choose_thread_layer() -> None:
    """Prefer TBB, then Numba's work queue; never GNU OpenMP, which needs milliseconds for an empty region.

    The tbb wheel puts its library where the loader does not look, so it is loaded here by its full path.
    """
    config.THREADING_LAYER_PRIORITY = ["tbb", "workqueue", "omp"]
    if sys.platform == "linux":
        library = Path(sys.prefix) / "lib" / "libtbb.so.12"
        if library.exists():
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _choose_cache_folder() -> None:
    """Keep compiled code in a folder of the user's, named after everything that it was compiled from.

    Numba notices a change in a kernel's own file, but not in another kernel that it calls: it would then run stale
    code. The digest of all kernel sources makes a new folder whenever any of them changes. The processor is in it too:
    Numba keeps code of several processors apart in one folder, but two machines with one home that compile at the
    same time may take the same file name. It works for installs that the user cannot write to as well.
    NUMBA_CACHE_DIR, when set, wins.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version} {_processor()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    chosen = os.environ.get("PYCAFFELITE_CACHE")  # as for the data that pycaffelite makes
    base = Path(chosen) if chosen else platformdirs.user_cache_path("pycaffelite", appauthor=False)
    folder = base / "jit" / digest.hexdigest()[:16]
    if not _open_cache(folder):
        # Compiled code is executed, so it must not come from a folder that others can write to: this one is ours
        # alone, and goes with the process.
        _own_cache.append(tempfile.TemporaryDirectory(prefix="pycaffelite-jit-"))
        folder = Path(_own_cache[0].name)
    config.CACHE_DIR = str(folder)


def _processor() -> str:
    """Return what code is compiled for: the name of a processor and what it can do, as Numba takes them."""
    name = config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    features = config.CPU_FEATURES or get_host_cpu_features()  # type: ignore[no-untyped-call]
    return f"{name} {features}"


def _open_cache(folder: Path) -> bool:
    """Make a folder for compiled code, or note that it is used; return whether it can be written to."""
    try:
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return False
        if new:
            _sweep(folder)
        elif folder.stat().st_mtime < time.time() - _DAY:  # not at each start: it may be on a network
            os.utime(folder)
    except OSError:
        return False
    return True


def _sweep(used: Path) -> None:
    """Remove the folders beside one that nobody has used for a long time: of older kernels, and other processors."""
    oldest = time.time() - _KEPT * _DAY
    for folder in used.parent.iterdir():
        with contextlib.suppress(OSError):  # another process may do the same
            ours = _OURS.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
            if ours and folder.stat().st_mtime < oldest:
                # First out of the way, so that nobody finds half of it.
                shutil.rmtree(folder.rename(used.parent / f"{folder.name[:16]}.{os.getpid()}"))


_own_cache: list[tempfile.TemporaryDirectory[str]] = []

_choose_thread_layer()
_choose_cache_folder()
