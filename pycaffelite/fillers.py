"""Fillers: the first values of parameters and of dummy data, from a FillerParameter message.

Numbers are drawn in double precision whatever the array's type, so a float32 net starts from the same numbers as a
float64 net, rounded; and block by block, so a large array needs no second one of its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import DataError, FieldError, Location, SnapshotError
from pycaffelite.names import did_you_mean
from pycaffelite.schema.binary import read_weights_message
from pycaffelite.schema.files import read_bytes

Draw = Callable[[npt.NDArray[np.float64]], None]

_BLOCK = 1 << 16  # doubles: small enough for the second-level cache


def fill(array: Array, filler: Any, generator: np.random.Generator) -> None:
    """Overwrite a C-contiguous array as its FillerParameter message says.

    Args:
        array: The array; its shape decides the width of some distributions.
        filler: The message, or None for zeros.
        generator: The source of randomness.

    Raises:
        FieldError: The type is unknown, or a field has a value that the filler cannot use for this shape.
    """
    if filler is None:
        array.fill(0)
        return
    if filler.type not in _FILLERS:
        raise FieldError(
            "unknown filler type",
            expected=f"one of {', '.join(_FILLERS)}",
            got=f"`{filler.type}`",
            hint=did_you_mean(filler.type, _FILLERS),
        )
    if filler.sparse != -1 and filler.type != "gaussian":
        raise FieldError(
            f"filler `{filler.type}` cannot be sparse",
            expected="`sparse` only with type `gaussian`",
            got=f"sparse {filler.sparse}",
        )
    _FILLERS[filler.type](array, filler, generator)


def fan(shape: Shape, filler: Any) -> float:
    """Return the number of inputs, of outputs, or their mean, that `xavier` and `msra` divide by.

    Inputs are counted as elements per index of axis 0, outputs as elements per index of axis 1, also for vectors.
    """
    count = math.prod(shape)
    fan_in = count / (shape[0] if shape else 1)
    fan_out = count / (shape[1] if len(shape) > 1 else 1)
    if filler.variance_norm == filler.AVERAGE:
        return (fan_in + fan_out) / 2
    return fan_out if filler.variance_norm == filler.FAN_OUT else fan_in


def _constant(array: Array, filler: Any, _generator: np.random.Generator) -> None:
    array.fill(filler.value)


def _uniform(array: Array, filler: Any, generator: np.random.Generator) -> None:
    if not filler.min <= filler.max:
        raise FieldError(
            "filler `uniform` has an empty range",
            expected="min not above max",
            got=f"min {filler.min:g}, max {filler.max:g}",
        )
    _in_blocks(array, _uniform_draw(generator, filler.min, filler.max))


def _gaussian(array: Array, filler: Any, generator: np.random.Generator) -> None:
    if not filler.std > 0:
        raise FieldError("filler `gaussian` has no width", expected="std above 0", got=f"std {filler.std:g}")
    draw = _normal_draw(generator, filler.mean, filler.std)
    if filler.sparse == -1:
        _in_blocks(array, draw)
        return
    share = _nonzero_share(array.shape, filler.sparse)

    def masked(block: npt.NDArray[np.float64]) -> None:
        draw(block)
        block *= generator.random(block.size) < share

    _in_blocks(array, masked)


def _nonzero_share(shape: Shape, sparse: int) -> float:
    """Return the probability that an element is kept, so that `sparse` inputs of each output are, on average."""
    if not shape:
        raise FieldError(
            "filler `gaussian` cannot be sparse for a single number",
            expected="at least one axis",
            got=f"sparse {sparse}",
        )
    if not 0 <= sparse <= shape[0]:
        raise FieldError(
            "filler `gaussian` cannot be that sparse",
            expected=f"sparse from 0 to {shape[0]}, the length of the blob's first axis",
            got=f"sparse {sparse}",
        )
    return sparse / shape[0]


def _positive_unitball(array: Array, _filler: Any, generator: np.random.Generator) -> None:
    if not array.shape:
        raise FieldError(
            "filler `positive_unitball` does not fit its blob", expected="at least one axis", got="a single number"
        )
    for row in array.reshape(array.shape[0], -1):
        values = 1.0 - generator.random(row.size)  # above zero, so that the sum is too
        row[:] = values / values.sum()


def _xavier(array: Array, filler: Any, generator: np.random.Generator) -> None:
    bound = math.sqrt(3.0 / fan(array.shape, filler))
    _in_blocks(array, _uniform_draw(generator, -bound, bound))


def _msra(array: Array, filler: Any, generator: np.random.Generator) -> None:
    std = math.sqrt(2.0 / fan(array.shape, filler))
    _in_blocks(array, _normal_draw(generator, 0.0, std))


def _bilinear(array: Array, _filler: Any, _generator: np.random.Generator) -> None:
    if array.ndim != 4 or array.shape[2] != array.shape[3]:
        raise FieldError(
            "filler `bilinear` does not fit its blob",
            expected="a blob of four axes with equal height and width",
            got=f"shape {_times(array.shape)}",
        )
    width = array.shape[3]
    factor = (width + 1) // 2
    centre = (width - 1) / (2.0 * factor)
    ramp = 1.0 - np.abs(np.arange(width) / factor - centre)
    array[...] = np.outer(ramp, ramp)


def _from_file(array: Array, filler: Any, _generator: np.random.Generator) -> None:
    """Copy a blob of a binary .caffemodel; axes of length 1 may stand elsewhere."""
    net = read_weights_message(_named(filler, "snapshot"))
    where = Location(filler.snapshot)
    name = _named(filler, "layer")
    layer = next((layer for layer in reversed(net.layer) if layer.name == name), None)
    if layer is None:
        raise SnapshotError(
            f"filler `from_file`: no layer `{name}` in the file",
            where=where,
            hint=did_you_mean(name, (layer.name for layer in net.layer)),
        )
    if filler.source_index >= len(layer.blobs):
        raise SnapshotError(
            f"filler `from_file`: layer `{name}` has no such blob",
            where=where,
            expected=f"source_index below {len(layer.blobs)}",
            got=f"source_index {filler.source_index}",
        )
    blob = layer.blobs[filler.source_index]
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    if [size for size in shape if size != 1] != [size for size in array.shape if size != 1]:
        raise SnapshotError(
            f"filler `from_file`: blob {filler.source_index} of layer `{name}` does not fit",
            where=where,
            expected=f"shape {_times(array.shape)}",
            got=f"shape {_times(shape)}",
        )
    array.reshape(-1)[:] = blob.double_data or blob.data


def _from_binary(array: Array, filler: Any, _generator: np.random.Generator) -> None:
    """Read the numbers of a file that holds nothing else."""
    content = read_bytes(_named(filler, "binary"), "numbers", DataError)
    if len(content) < array.nbytes:
        raise DataError(
            "filler `from_binary`: the file is too short",
            where=Location(filler.binary),
            expected=f"{array.nbytes} bytes: {array.size} numbers of {array.itemsize} bytes",
            got=f"{len(content)} bytes",
        )
    array.reshape(-1)[:] = np.frombuffer(content, array.dtype, array.size)


def _named(filler: Any, field: str) -> str:
    """Return a text that the filler cannot do without."""
    text = str(getattr(filler, field))
    if not text:
        raise FieldError(f"filler `{filler.type}` needs `{field}`", expected=f'{field}: "..."', got="none")
    return text


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "()"


def _uniform_draw(generator: np.random.Generator, low: float, high: float) -> Draw:
    def draw(block: npt.NDArray[np.float64]) -> None:
        generator.random(out=block)
        block *= high - low
        block += low

    return draw


def _normal_draw(generator: np.random.Generator, mean: float, std: float) -> Draw:
    def draw(block: npt.NDArray[np.float64]) -> None:
        generator.standard_normal(out=block)
        block *= std
        block += mean

    return draw


def _in_blocks(array: Array, draw: Draw) -> None:
    """Draw block after block of doubles and round them into the array, in row-major order."""
    flat = array.reshape(-1)
    block = np.empty(min(_BLOCK, flat.size))
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        draw(block[: part.size])
        part[:] = block[: part.size]


_FILLERS: dict[str, Callable[[Array, Any, np.random.Generator], None]] = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "positive_unitball": _positive_unitball,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
    "from_file": _from_file,
    "from_binary": _from_binary,
}
