"""V0 nets, where one message holds the options of every layer type, and padding is a layer: to V1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.errors import WiringError
from pycaffelite.names import did_you_mean
from pycaffelite.schema import messages
from pycaffelite.schema.fields import is_foreign, text_name
from pycaffelite.schema.sourcemap import Mark
from pycaffelite.schema.upgrade.traced import Circumstances, Traced
from pycaffelite.schema.upgrade.types import TYPES, V0_TYPES, current_type

_PARAMS = {
    "concat": "concat_param",
    "conv": "convolution_param",
    "cccp": "convolution_param",
    "data": "data_param",
    "dropout": "dropout_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "infogain_loss": "infogain_loss_param",
    "innerproduct": "inner_product_param",
    "lrn": "lrn_param",
    "pool": "pooling_param",
    "window_data": "window_data_param",
}
_WEIGHTED = ("conv", "innerproduct", "cccp")
_WINDOWED = ("conv", "pool")
# V0 field: its name in the message of the layer type, and the types that have it.
_FIELDS: dict[str, tuple[str, Sequence[str]]] = {
    "num_output": ("num_output", _WEIGHTED),
    "biasterm": ("bias_term", _WEIGHTED),
    "weight_filler": ("weight_filler", _WEIGHTED),
    "bias_filler": ("bias_filler", _WEIGHTED),
    "pad": ("pad", _WINDOWED),
    "kernelsize": ("kernel_size", _WINDOWED),
    "stride": ("stride", _WINDOWED),
    "group": ("group", ("conv", "cccp")),
    "pool": ("pool", ("pool",)),
    "dropout_ratio": ("dropout_ratio", ("dropout",)),
    "mean_on_train": ("mean_on_train", ("dropout",)),
    "mean_on_test": ("mean_on_test", ("dropout",)),
    "local_size": ("local_size", ("lrn",)),
    "alpha": ("alpha", ("lrn",)),
    "beta": ("beta", ("lrn",)),
    "k": ("k", ("lrn",)),
    "source": ("source", ("data", "hdf5_data", "images", "window_data", "infogain_loss")),
    "batchsize": ("batch_size", ("data", "hdf5_data", "images", "window_data")),
    "rand_skip": ("rand_skip", ("data", "images")),
    "shuffle_images": ("shuffle", ("images",)),
    "new_height": ("new_height", ("images",)),
    "new_width": ("new_width", ("images",)),
    "concat_dim": ("concat_dim", ("concat",)),
    "det_fg_threshold": ("fg_threshold", ("window_data",)),
    "det_bg_threshold": ("bg_threshold", ("window_data",)),
    "det_fg_fraction": ("fg_fraction", ("window_data",)),
    "det_context_pad": ("context_pad", ("window_data",)),
    "det_crop_mode": ("crop_mode", ("window_data",)),
}
# These belong to a message that every layer has.
_TRANSFORMS = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
_DIRECT = ("name", "blobs", "blobs_lr", "weight_decay", "blobs_lr_policy")
_WITHOUT_EFFECT = ("new_num", "new_channels")
# What only the deeply-supervised-nets fork has: layer types, and options.
_DSN_TYPES = ("cccp", "hingeloss", "squaredhingeloss")
_DSN_OPTIONS = ("blobs_lr_policy", "mean_on_train", "mean_on_test")


def connections_to_v1(
    connections: Sequence[Traced], inputs: Sequence[str], mixed: bool, about: Circumstances
) -> list[Traced]:
    """Turn V0 connections (`layers { layer { ... } bottom top }`) into V1 layers; V1 layers among them stay.

    Args:
        connections: The `layers` of the net.
        inputs: Its `input`s.
        mixed: Whether it has layers of the current form too, whose tops may be bottoms here.
        about: Takes notes and problems.
    """
    carrier = Traced(messages.NetParameter(), Mark())
    upgraded = []
    of_dsn = any(_is_of_dsn(connection.part("layer")) for connection in connections if connection.has("layer"))
    for connection in _fold_padding(connections, inputs, mixed, about):
        if connection.has("layer"):
            layer = carrier.grow("layers", connection.mark.offset)
            layer.take_all(connection, but=("layer",))
            old = connection.part("layer")
            _take_later_fields(old, layer, about)
            _upgrade_layer(old, layer, about)
            if of_dsn:
                _finish_dsn_layer(old, layer, about)
            upgraded.append(layer)
        else:
            upgraded.append(connection)
    return upgraded


def _is_of_dsn(layer: Traced) -> bool:
    return layer.message.type in _DSN_TYPES or any(layer.has(option) for option in _DSN_OPTIONS)


def _finish_dsn_layer(old: Traced, new: Traced, about: Circumstances) -> None:
    """Say in the current form what the deeply-supervised-nets fork means by a layer."""
    kind, offset = old.message.type, old.offset("type")
    if kind == "cccp":
        options = new.part("convolution_param")
        options.put("kernel_size", 1, offset)
        groups = options.message.group
        if groups > 1 and options.has("num_output"):
            options.put("num_output", options.message.num_output * groups, options.offset("num_output"))
            about.note("`num_output` of a `cccp` layer counts the outputs of one group: multiplied by `group`", offset)
        about.note("`cccp` of the deeply-supervised-nets fork became a convolution of size 1", offset)
    elif kind == "squaredhingeloss":
        new.part("hinge_loss_param").put("norm", messages.HingeLossParameter.L2, offset)
        about.note("`squaredhingeloss` of the deeply-supervised-nets fork became a HingeLoss with norm L2", offset)
    elif kind == "dropout" and not (old.has("mean_on_test") or old.has("mean_on_train")):
        new.part("dropout_param").put("mean_on_test", True, offset)
        about.note("dropout of the deeply-supervised-nets fork scales when testing: `mean_on_test: true`", offset)


def _take_later_fields(old: Traced, new: Traced, about: Circumstances) -> None:
    """Copy what the V1 form has and the V0 form has not: some files put it into the inner layer all the same."""
    own = messages.V0LayerParameter.DESCRIPTOR.fields_by_name
    for field, _ in list(old.message.ListFields()):
        name = text_name(field.name)
        if not is_foreign(own[field.name]) or name in _FIELDS or name in _DIRECT:
            continue
        if field.name in messages.V1LayerParameter.DESCRIPTOR.fields_by_name and not new.has(field.name):
            new.take(old, field.name)
            about.note(f"`{name}` of a later form stands in a layer of the V0 form", old.offset(name))
        old.clear(field.name)


def _type_of(connection: Traced) -> str:
    return str(connection.message.layer.type)


def _fold_padding(
    connections: Sequence[Traced], inputs: Sequence[str], mixed: bool, about: Circumstances
) -> list[Traced]:
    """Give the `pad` of padding layers to the convolution or pooling that reads them, and drop the padding layers."""
    makers: dict[str, Traced | None] = dict.fromkeys(inputs)
    kept = []
    for connection in connections:
        bottoms = connection.message.bottom
        for index, bottom in enumerate(list(bottoms)):
            if bottom not in makers and not mixed:
                about.report(_unknown_bottom(connection, index, makers, about))
            maker = makers.get(bottom)
            if maker is not None and _type_of(maker) == "padding" and _can_fold(connection, maker, about):
                layer = connection.part("layer")
                layer.put("pad", maker.message.layer.pad, maker.part("layer").offset("pad"))
                bottoms[index] = maker.message.bottom[0]
                about.note("a `padding` layer became the `pad` of the layer that reads it", maker.mark.offset)
        makers.update(dict.fromkeys(connection.message.top, connection))
        if _type_of(connection) != "padding":
            kept.append(connection)
    return kept


def _unknown_bottom(connection: Traced, index: int, makers: dict[str, Any], about: Circumstances) -> WiringError:
    bottom = connection.message.bottom[index]
    return WiringError(
        f"unknown bottom `{bottom}`",
        where=about.at(connection.offset("bottom", index)),
        subject=f"layer `{connection.message.layer.name}` ({_type_of(connection)})",
        expected="a top of a layer before it, or an `input` of the net",
        hint=did_you_mean(bottom, makers),
    )


def _can_fold(connection: Traced, padding: Traced, about: Circumstances) -> bool:
    sizes = (len(connection.message.bottom), len(padding.message.bottom), len(padding.message.top))
    if _type_of(connection) in _WINDOWED and sizes == (1, 1, 1):
        return True
    about.report(
        WiringError(
            f"the padding layer `{padding.message.layer.name}` cannot become a `pad` here",
            where=about.at(connection.mark.offset),
            subject=f"layer `{connection.message.layer.name}` ({_type_of(connection)})",
            expected="a padding layer with one bottom and one top, read by a conv or pool layer with one bottom",
            got=f"{sizes[1]} bottoms and {sizes[2]} tops, read by a layer with {sizes[0]} bottoms",
        )
    )
    return False


def _upgrade_layer(old: Traced, new: Traced, about: Circumstances) -> None:
    """Distribute the options of a V0 layer over the messages that V1 has for each layer type."""
    kind = str(old.message.type)
    if old.has("type"):
        _put_type(old, new, kind, about)
    for field, _ in old.message.ListFields():
        name = field.name
        if name in _DIRECT:
            new.take(old, name)
        elif name in _TRANSFORMS:
            new.part("transform_param").take(old, name, _TRANSFORMS[name])
        elif name == "hdf5_output_param" and kind == "hdf5_output":
            new.take(old, name)
        elif name in _WITHOUT_EFFECT:
            about.note(f"`{name}` has no effect and was left out", old.offset(name))
        elif name != "type":
            target, kinds = _FIELDS.get(name, (name, ("hdf5_output",)))
            if kind in kinds:
                new.part(_PARAMS[kind]).take(old, name, target)
            else:
                what = f"`{name}` is no option of layer `{old.message.name}` ({kind}) and was left out"
                about.note(what, old.offset(name))


def _put_type(old: Traced, new: Traced, kind: str, about: Circumstances) -> None:
    """Set the type in the V1 enum; one that this lacks goes on as a text."""
    offset = old.offset("type")
    name = V0_TYPES.get(kind)
    if name is None:
        name = current_type(kind)
        hint = None if name != kind else did_you_mean(kind, V0_TYPES)
        what = f'"{kind}" is no layer type of the V0 form' + (f'; read as "{name}"' if name != kind else "")
        about.warn(f"layer `{old.message.name}`: {what}", offset, hint)
    value = next((value for value, current in TYPES.items() if current == name), None)
    if value is None:
        new.put("type__2", name, offset)
    else:
        new.put("type", messages.V1LayerParameter.LayerType.Value(value), offset)
