"""Mean images in .binaryproto files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import DataError
from pycaffelite.schema.binary import read_blob_proto


def read_mean(path: Path) -> npt.NDArray[np.float32]:
    """Return the mean image that a file holds, channels x height x width."""
    blob = read_blob_proto(path)
    values = np.array(blob.double_data if blob.double_data else blob.data, np.float32)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    if len(shape) == 4 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) != 3 or min(shape) < 1 or shape[0] * shape[1] * shape[2] != values.size:
        raise _no_image(path, f"{values.size} values, shape {'x'.join(map(str, shape))}")
    return values.reshape(shape)


def _no_image(path: Path, got: str) -> DataError:
    """Return the error for a file that holds something else."""
    return DataError(
        "the mean file holds no image",
        expected="one image, channels x height x width, as a .binaryproto file",
        got=f"`{path}`: {got}",
        hint="Caffe's compute_image_mean makes such a file",
    )
