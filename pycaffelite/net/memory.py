"""Reckon what a net needs before any of it is allocated."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import shape_text
from pycaffelite.net.net import LayerShapes

_CGROUP = Path("/sys/fs/cgroup")
# The limit of a container and what it uses, in the second and the first version of control groups.
_GROUPS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def needed_bytes(layers: Sequence[LayerShapes], dtype: npt.DTypeLike, *, diffs: bool) -> int:
    """Return the bytes of all blobs, parameters and buffers; `diffs` counts the gradients too."""
    return sum(size for _name, _shape, size in _arrays(layers, dtype, diffs=diffs))


def check_memory(layers: Sequence[LayerShapes], dtype: npt.DTypeLike, *, diffs: bool) -> None:
    """Refuse a net that cannot fit, naming its largest blobs.

    Raises:
        ShapeError: It needs more than the memory that this process can have.
    """
    available = available_bytes()
    needed = needed_bytes(layers, dtype, diffs=diffs)
    if available is None or needed <= available:
        return
    arrays = _arrays(layers, dtype, diffs=diffs)
    largest = sorted(arrays, key=lambda array: -array[2])[:3]
    batch = _batch_of(layers)
    fitting = fitting_batch([(shape, size) for _name, shape, size in arrays], batch, available)
    listed = ", ".join(f"{name} {shape_text(shape)} ({_size_text(size)})" for name, shape, size in largest)
    raise ShapeError(
        "the net does not fit into memory",
        expected=f"at most {_size_text(available)}, which this process can have",
        got=f"{_size_text(needed)}; the largest: {listed}",
        hint=f"a batch of {fitting} instead of {batch} would fit" + (", with `iter_size` to make up for it" * diffs)
        if fitting
        else "lower the num_output of the layers named above; no batch is small enough",
    )


def fitting_batch(arrays: Sequence[tuple[Shape, int]], batch: int, available: int) -> int:
    """Return the largest batch with which a net fits; 0 where none does.

    Args:
        arrays: Shape and bytes of each array of the net with its present batch.
        batch: The present batch; what has a multiple of it as its first extent grows with it.
        available: Bytes.
    """
    if batch < 2:
        return 0
    growing = sum(size for shape, size in arrays if shape and shape[0] and shape[0] % batch == 0)
    fixed = sum(size for _shape, size in arrays) - growing
    return max(0, min(batch - 1, (available - fixed) * batch // growing)) if growing else 0


def _batch_of(layers: Sequence[LayerShapes]) -> int:
    """Return the first extent of the largest blob that comes from a source; 0 where there is none."""
    tops = [shape for entry in layers if not entry.bottoms for shape in entry.layout.tops if shape]
    return max(tops, key=math.prod, default=(0,))[0]


def available_bytes() -> int | None:
    """Return how much memory this process can still have, cut by a container's limit; None where unknown."""
    limits = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    except OSError:
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit, used in _GROUPS:
        with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
            most = int((_CGROUP / limit).read_text(encoding="ascii"))
            limits.append(max(0, most - int((_CGROUP / used).read_text(encoding="ascii")) + _reclaimable()))
    return min(limits, default=None)


def _reclaimable() -> int:
    """Return how much of what a container uses is copies of files, which give way to a net."""
    with contextlib.suppress(OSError, ValueError):
        for stat in ("memory.stat", "memory/memory.stat"):
            if (_CGROUP / stat).exists():
                lines = (_CGROUP / stat).read_text(encoding="ascii").splitlines()
                return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    return 0


def _arrays(layers: Sequence[LayerShapes], dtype: npt.DTypeLike, *, diffs: bool) -> list[tuple[str, Shape, int]]:
    """List every array to come as (what it is, shape, bytes with its gradient)."""
    itemsize = np.dtype(dtype).itemsize
    copies = 2 if diffs else 1
    arrays: list[tuple[str, Shape, int]] = []
    for entry in layers:
        for name, shape in zip(entry.top_names, entry.layout.tops, strict=True):
            if name not in entry.node.bottoms:
                shared = 1 if entry.node.type == "Split" else 0  # a split's tops share the data of its bottom
                arrays.append((f"blob `{name}`", shape, math.prod(shape) * itemsize * (copies - shared)))
        for index, param in enumerate(entry.layout.params):
            name = f"parameter {index} of `{entry.node.name}`"
            arrays.append((name, param.shape, math.prod(param.shape) * itemsize * copies))
        for name, (shape, buffer_dtype) in entry.layout.buffers.items():
            size = itemsize if buffer_dtype is None else np.dtype(buffer_dtype).itemsize
            arrays.append((f"buffer `{name}` of `{entry.node.name}`", shape, math.prod(shape) * size))
    return arrays


def _size_text(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size //= 1024
    return f"{size:,} GiB"
