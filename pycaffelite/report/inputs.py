"""Shapes that the user states for data that is not here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.errors import FieldError, Location
from pycaffelite.names import did_you_mean
from pycaffelite.schema import messages
from pycaffelite.schema.reader import NetFile


def with_inputs(file: NetFile, shapes: Mapping[str, Shape]) -> NetFile:
    """Put inputs of stated shapes in the place of data layers, so that shapes are known where the data is not.

    Args:
        file: The net.
        shapes: The shape of a top by name, see `whole`; the other tops of its layer are taken for labels, one per
            record.

    Raises:
        FieldError: A name is no top of a layer without bottoms.
    """
    net = messages.NetParameter()
    net.CopyFrom(file.net)
    known = [top for layer in net.layer if not layer.bottom for top in layer.top]
    for name in shapes:
        if name not in known:
            raise FieldError(
                f"no data layer has a top `{name}`",
                where=Location(file.path),
                expected=", ".join(f"`{top}`" for top in dict.fromkeys(known)) or "a net with data layers",
                got=f"`{name}`",
                hint=did_you_mean(name, known),
            )
    for layer in net.layer:
        if not layer.bottom and any(top in shapes for top in layer.top):
            known_shapes = {top: whole(layer, shapes[top]) for top in layer.top if top in shapes}
            records = next(iter(known_shapes.values()))[0]
            layer.type = "Input"
            layer.ClearField("input_param")
            for top in layer.top:
                layer.input_param.shape.add(dim=known_shapes.get(top, (records,)))
    return replace(file, net=net)


def whole(message: Any, shape: Shape) -> Shape:
    """Return the shape of a batch: one of three lengths is that of a record, where the layer states a batch size."""
    batch = batch_size(message)
    return shape if len(shape) != 3 or batch is None else (batch, *shape)


def batch_size(message: Any) -> int | None:
    """Return how many records a layer reads at once; None where it does not say."""
    for param in data_params(message):
        if "batch_size" in param.DESCRIPTOR.fields_by_name and param.batch_size:
            return int(param.batch_size)
    first = next(iter(message.input_param.shape), None)
    return int(first.dim[0]) if first is not None and len(first.dim) == 4 else None


def data_params(message: Any) -> Iterator[Any]:
    """Give the messages in a layer that describe a source of data."""
    for field, value in message.ListFields():
        if field.name.endswith("data_param"):
            yield value
