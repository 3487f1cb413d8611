"""Shapes of data whose source is not here: from what was asked for, from the layer's own fields, from its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.graph.graph import Node
from pycaffelite.report.inputs import batch_size, data_params, whole

# Data sets that the names of sources tell, and the shape of a record.
_KNOWN = {"mnist": (1, 28, 28), "cifar": (3, 32, 32), "svhn": (3, 32, 32)}
_USUAL = (3, 224, 224)
# Data layers whose second top is a map with a label for each pixel.
_MAPS = {"DenseImageData", "ImageLabelmapData", "ImageSegData"}
# Where a record's height and width may stand; crops first, as they come last.
_SIDES = (
    ("crop_h", "crop_w"),
    ("crop_height", "crop_width"),
    ("new_height", "new_width"),
    ("height", "width"),
    ("resize_height", "resize_width"),
)


@dataclass(frozen=True)
class Assumption:
    """The shape of a top that nothing here can tell for sure, and where it was taken from."""

    shape: Shape
    why: str


def asked_for(node: Node, asked: Mapping[str, Shape]) -> dict[str, Assumption]:
    """Return the tops of a layer whose shapes the user states."""
    return {top: Assumption(whole(node.message, asked[top]), "--input-shape") for top in node.tops if top in asked}


def guessed(node: Node) -> dict[str, Assumption]:
    """Return shapes for the tops of a data layer: the first holds images, the others their labels."""
    batch = batch_size(node.message) or 1
    record, why = _record(node.message)
    if node.type == "VideoData":
        record = (record[0], node.message.video_data_param.new_length or 1, *record[1:])
    label = Assumption((batch,), "one label for each record")
    if node.type in _MAPS:
        label = Assumption((batch, 1, *record[1:]), "one label for each pixel")
    elif node.type == "AnnotatedData":
        label = Assumption((1, 1, 1, 8), "one object in the batch")
    tops = {node.tops[0]: Assumption((batch, *record), why)} | dict.fromkeys(node.tops[1:], label)
    if node.type == "ImageSegData" and len(node.tops) > 2:
        tops[node.tops[2]] = Assumption((batch, 1, 1, 2), "two lengths for each image")
    return tops


def reads_data(node: Node) -> bool:
    """Tell whether a layer without bottoms has the fields of one that reads data, whatever its type."""
    told = node.message.HasField("transform_param") or next(data_params(node.message), None) is not None
    return told and not node.bottoms and bool(node.tops)


def sources(message: Any) -> list[str]:
    """Return the files and folders that a layer names as its source."""
    params = data_params(message)
    return [str(source) for param in params if (source := _field(param, "source"))]


def _record(message: Any) -> tuple[Shape, str]:
    """Return the shape of one record, and how it is known."""
    params = [message.transform_param, *data_params(message)]
    channels, told = _channels(params)
    for param in params:
        if crop := _field(param, "crop_size"):
            return (channels, crop, crop), f"from crop_size{told}"
    for param in (*params, *(param.resize_param for param in params if _field(param, "resize_param"))):
        for height, width in _SIDES:
            if _field(param, height) and _field(param, width):
                return (channels, _field(param, height), _field(param, width)), f"from {height} and {width}{told}"
    names = " ".join(str(_field(param, "source") or "") for param in params).lower()
    for name, shape in _KNOWN.items():
        if name in names:
            return shape, f"from `{name}` in the name of the source"
    return (channels, *_USUAL[1:]), f"a usual size{told}; --input-shape says better"


def _channels(params: Sequence[Any]) -> tuple[int, str]:
    for param in params:
        if _field(param, "force_gray") or _field(param, "is_color") is False:
            return 1, ", in grey"
        means = _field(param, "mean_value")
        if hasattr(means, "append") and len(means) > 1:
            return len(means), ", channels from mean_value"
    return _USUAL[0], ", three channels"


def _field(message: Any, name: str) -> Any:
    """Return a field's value; None where the message has no such field or it was not written."""
    descriptor = message.DESCRIPTOR.fields_by_name.get(name)
    if descriptor is None:
        return None
    value = getattr(message, name)
    if hasattr(value, "append"):  # repeated
        return value
    return value if message.HasField(name) else None
