"""V1 layers, whose type is an enum and whose blobs have parallel lists of options: to the current form."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.schema import messages
from pycaffelite.schema.fields import text_name
from pycaffelite.schema.fork_types import known_types
from pycaffelite.schema.upgrade.traced import Circumstances, Traced
from pycaffelite.schema.upgrade.types import TYPES, current_type

_TRANSFORMED = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}
TRANSFORMS = ("scale", "mean_file", "crop_size", "mirror")
# Parallel lists of the V1 form: the field of `param { }` that each fills.
BLOB_LISTS = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
    "blobs_lr_policy": "lr_policy",
}


def type_name(layer: Traced) -> str:
    """Return the name of a V1 layer's type in its enum; "" where it is given as a text that the enum lacks."""
    if layer.has("type__2") and not layer.has("type"):
        return ""
    number = layer.message.type
    values = layer.message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number
    return text_name(values[number].name)


def read_type_texts(layers: Sequence[Traced], about: Circumstances) -> None:
    """Turn types that are given as a text, `type: "InnerProduct"`, into values of the enum where it has them."""
    values = messages.V1LayerParameter.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_name
    for layer in layers:
        if not layer.has("type__2"):
            continue
        given, offset = layer.message.type__2, layer.offset("type")
        name = current_type(given)
        old = given if given in values else next((old for old, new in TYPES.items() if new == name), "")
        if old:
            hint = "write `layer` instead of `layers`"
            about.warn(f'`type: "{given}"` in `layers` is read as `type: {old}`', offset, hint)
            layer.clear("type__2")
            layer.put("type", values[old].number, offset)
        elif given.isupper() and name in known_types():
            about.note(f'`type: {given}` is the type "{name}" of the fork {known_types()[name][0]}', offset)
            layer.message.type__2 = name
        else:
            about.warn(f'`layers` has no type {given}; read as "{name}"', offset, "write `layer` instead of `layers`")
            layer.message.type__2 = name


def move_transforms(layers: Sequence[Traced], about: Circumstances) -> None:
    """Move the transformation fields of data layers into `transform_param`.

    As in the reference, one such field anywhere makes both messages present in every layer of these types.
    """
    carriers = [(layer, _TRANSFORMED[type_name(layer)]) for layer in layers if type_name(layer) in _TRANSFORMED]
    if not any(getattr(layer.message, param).HasField(name) for layer, param in carriers for name in TRANSFORMS):
        return
    for layer, param in carriers:
        options, transform = layer.part(param), layer.part("transform_param")
        for name in TRANSFORMS:
            if options.has(name):
                about.note(f"`{name}` moved from `{param}` to `transform_param`", options.offset(name))
                transform.take(options, name)
                options.clear(name)


def layer_to_current(old: Traced, new: Traced, about: Circumstances) -> None:
    """Fill a LayerParameter from a V1 layer."""
    new.take_all(old, but=("layer", "type", "type__2", "param__2", *BLOB_LISTS))
    if old.has("param__2"):
        new.take(old, "param__2", "param")
    if old.has("type"):
        name = type_name(old)
        new.put("type", TYPES.get(name, current_type(name)), old.offset("type"))
        if name == "ELTWISE_PRODUCT":
            options = new.part("eltwise_param")
            options.put("operation", messages.EltwiseParameter.PROD, old.offset("type"))
    elif old.has("type__2"):
        new.put("type", old.message.type__2, old.offset("type"))
    lists_to_params(old, new, list(BLOB_LISTS), about)


def lists_to_params(old: Traced, new: Traced, names: Sequence[str], about: Circumstances) -> None:
    """Turn these of the parallel lists of options per blob into one `param { }` for each blob."""
    for name in names:
        target, values = BLOB_LISTS[name], getattr(old.message, name)
        for index in range(len(new.message.param), len(values)):
            new.grow("param", old.offset(name, index))
        for index, (param, value) in enumerate(zip(new.parts("param"), values, strict=False)):
            param.put(target, value, old.offset(name, index))
        if old.has(name):
            about.note(f"`{name}` of the old form became `param {{ {target} }}`", old.offset(name))
