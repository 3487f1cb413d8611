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
    largest = sorted(_arrays(layers, dtype, diffs=diffs), key=lambda array: -array[2])[:3]
    listed = ", ".join(f"{name} {shape_text(shape)} ({_size_text(size)})" for name, shape, size in largest)
    raise ShapeError(
        "the net does not fit into memory",
        expected=f"at most {_size_text(available)}, which this process can have",
        got=f"{_size_text(needed)}; the largest: {listed}",
        hint="lower batch_size, or the num_output of the layers named above",
    )


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
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(limits, default=None)


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
