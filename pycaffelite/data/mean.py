"""Mean images in .binaryproto files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import DataError
from pycaffelite.schema.binary import read_blob_proto


def read_mean(path: Path) -> npt.NDArray[np.float32]:
    """Return the mean image that a file holds, channels x height x width."""
    values, shape = _read(path)
    if len(shape) != 3:
        raise _no_image(path, f"{values.size} values, shape {'x'.join(map(str, shape))}")
    return values.reshape(shape)


def read_clip_mean(path: Path, length: int) -> npt.NDArray[np.float32]:
    """Return the mean of clips of so many frames, (channels x frames) x height x width.

    The file holds one, channels x frames x height x width, or a mean image, which counts for every frame.
    """
    values, shape = _read(path)
    if len(shape) == 3:
        return np.repeat(values.reshape(shape), length, 0)
    if len(shape) != 4 or shape[1] != length:
        raise _no_image(path, f"shape {'x'.join(map(str, shape))}, for clips of {length} frames")
    return values.reshape(-1, *shape[2:])


def _read(path: Path) -> tuple[npt.NDArray[np.float32], tuple[int, ...]]:
    """Return the numbers in a file and their shape, without a first axis of 1 before at least three others."""
    blob = read_blob_proto(path)
    values = np.array(blob.double_data if blob.double_data else blob.data, np.float32)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    if len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if not shape or min(shape) < 1 or math.prod(shape) != values.size:
        raise _no_image(path, f"{values.size} values, shape {'x'.join(map(str, shape))}")
    return values, shape


def _no_image(path: Path, got: str) -> DataError:
    """Return the error for a file that holds something else."""
    return DataError(
        "the mean file holds no image",
        expected="one image, channels x height x width, as a .binaryproto file",
        got=f"`{path}`: {got}",
        hint="Caffe's compute_image_mean makes such a file",
    )
