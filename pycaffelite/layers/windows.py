"""The fields that say how a window slides over an image: kernel, stride, pad, dilation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import shape_text

LARGEST = 2**31 - 1  # Caffe's int


def positive_output(parameter: Any, message_name: str) -> int:
    """Return num_output, or raise FieldError if it is missing, 0, or beyond Caffe's int."""
    count = int(parameter.num_output)
    if not 0 < count <= LARGEST:
        raise FieldError(
            "num_output is missing" if not parameter.HasField("num_output") else "num_output is out of range",
            expected=f"num_output from 1 to {LARGEST}",
            got=str(count) if parameter.HasField("num_output") else "none",
            hint=f"write `{message_name} {{ num_output: 20 }}`" if count == 0 else None,
        )
    return count


def positive(parameter: Any, field: str) -> int:
    """Return the value of a field, or raise FieldError if it is missing, 0, or beyond Caffe's int."""
    value = int(getattr(parameter, field))
    if not 0 < value <= LARGEST:
        missing = value == 0 and not parameter.HasField(field)
        raise FieldError(
            f"{field} is missing" if missing else f"{field} is out of range",
            expected=f"{field} of at least 1",
            got="none" if missing else str(value),
        )
    return value


def repeated_or_pair(parameter: Any, field: str, pair: tuple[str, str] | None, *, least: int) -> list[int] | None:
    """Return the values of a repeated field or of its _h and _w forms, None when neither is there.

    Raises:
        FieldError: Both forms are there, or a value is below `least`.
    """
    values = [int(value) for value in getattr(parameter, field)]
    stem = pair[0].removesuffix("_h") if pair else field
    has_pair = pair is not None and any(parameter.HasField(name) for name in pair)
    if values and has_pair:
        raise FieldError(
            f"{stem} is given twice", expected=f"`{field}`, or `{stem}_h` and `{stem}_w`", got="both forms"
        )
    if has_pair and pair is not None:
        values = [int(getattr(parameter, name)) for name in pair]
    for value in values:
        if not least <= value <= LARGEST:
            raise FieldError(f"{stem} is out of range", expected=f"{stem} of at least {least}", got=str(value))
    return values or None


def spread_over(values: list[int] | None, axes: int, default: int, name: str) -> tuple[int, ...]:
    """Return one value for each spatial axis: one value stands for all, none for the default."""
    if values is None:
        return (default,) * axes
    if len(values) not in (1, axes):
        raise ShapeError(
            f"{name} does not fit the number of spatial axes",
            expected=f"1 value, or one for each of the {axes} spatial axes",
            got=f"{len(values)} values",
        )
    return tuple(values) * (axes if len(values) == 1 else 1)


@dataclass(frozen=True)
class Windows:
    """Kernel, stride, pad and dilation along each spatial axis."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape


def slide(
    lengths: Sequence[int],
    windows: Windows,
    shape: Shape,
) -> Shape:
    """Return how many places a window has along each axis: 1 more than the steps, rounded towards 0 as in Caffe.

    A window that is too large for its axis by less than a stride so has one place.

    Raises:
        ShapeError: It fits nowhere.
    """
    kernel, pad, dilation = windows.kernel, windows.pad, windows.dilation
    result = places(lengths, windows)
    for axis, count in enumerate(result):
        if count <= 0:
            reach = dilation[axis] * (kernel[axis] - 1) + 1
            least = f"at least {reach} places along every spatial axis, padding included"
            wide = f"kernel {kernel[axis]}" + (f", dilation {dilation[axis]}" if dilation[axis] > 1 else "")
            raise ShapeError(
                "kernel does not fit its input",
                expected=f"{least} ({wide}, pad {pad[axis]})",
                got=f"bottom of shape {shape_text(shape)}",
                hint="raise `pad`, or use a smaller kernel, or smaller strides in the layers before",
            )
    return result


def places(lengths: Sequence[int], windows: Windows) -> Shape:
    """Return the same, where a window fits nowhere too: Caffe gives none there, or a number below 0, which it refuses.

    It divides as C does, towards 0.
    """
    axes = zip(lengths, windows.kernel, windows.stride, windows.pad, windows.dilation, strict=True)
    rooms = [(length + 2 * pad - dilation * (kernel - 1) - 1, stride) for length, kernel, stride, pad, dilation in axes]
    return tuple((room // stride if room >= 0 else -(-room // stride)) + 1 for room, stride in rooms)
