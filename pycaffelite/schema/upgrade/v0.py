"""V0 nets, where one message holds the options of every layer type, and padding is a layer: to V1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.errors import FieldError, WiringError
from pycaffelite.names import did_you_mean
from pycaffelite.schema import messages
from pycaffelite.schema.sourcemap import Mark
from pycaffelite.schema.upgrade.traced import Circumstances, Traced

_TYPES = {
    "accuracy": "ACCURACY",
    "bnll": "BNLL",
    "concat": "CONCAT",
    "conv": "CONVOLUTION",
    "data": "DATA",
    "dropout": "DROPOUT",
    "euclidean_loss": "EUCLIDEAN_LOSS",
    "flatten": "FLATTEN",
    "hdf5_data": "HDF5_DATA",
    "hdf5_output": "HDF5_OUTPUT",
    "im2col": "IM2COL",
    "images": "IMAGE_DATA",
    "infogain_loss": "INFOGAIN_LOSS",
    "innerproduct": "INNER_PRODUCT",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
    "pool": "POOLING",
    "relu": "RELU",
    "sigmoid": "SIGMOID",
    "softmax": "SOFTMAX",
    "softmax_loss": "SOFTMAX_LOSS",
    "split": "SPLIT",
    "tanh": "TANH",
    "window_data": "WINDOW_DATA",
}
_PARAMS = {
    "concat": "concat_param",
    "conv": "convolution_param",
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
_WEIGHTED = ("conv", "innerproduct")
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
    "group": ("group", ("conv",)),
    "pool": ("pool", ("pool",)),
    "dropout_ratio": ("dropout_ratio", ("dropout",)),
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
_DIRECT = ("name", "blobs", "blobs_lr", "weight_decay")
_WITHOUT_EFFECT = ("new_num", "new_channels")


def connections_to_v1(connections: Sequence[Traced], inputs: Sequence[str], about: Circumstances) -> list[Traced]:
    """Turn V0 connections (`layers { layer { ... } bottom top }`) into V1 layers; V1 layers among them stay."""
    carrier = Traced(messages.NetParameter(), Mark())
    upgraded = []
    for connection in _fold_padding(connections, inputs, about):
        if connection.has("layer"):
            layer = carrier.grow("layers", connection.mark.offset)
            layer.take_all(connection, but=("layer",))
            _upgrade_layer(connection.part("layer"), layer, about)
            upgraded.append(layer)
        else:
            upgraded.append(connection)
    return upgraded


def _type_of(connection: Traced) -> str:
    return str(connection.message.layer.type)


def _fold_padding(connections: Sequence[Traced], inputs: Sequence[str], about: Circumstances) -> list[Traced]:
    """Give the `pad` of padding layers to the convolution or pooling that reads them, and drop the padding layers."""
    makers: dict[str, Traced | None] = dict.fromkeys(inputs)
    kept = []
    for connection in connections:
        bottoms = connection.message.bottom
        for index, bottom in enumerate(list(bottoms)):
            if bottom not in makers:
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
    if kind in _TYPES:
        number = messages.V1LayerParameter.LayerType.Value(_TYPES[kind])
        new.put("type", number, old.offset("type"))
        return
    about.report(
        FieldError(
            f'unknown layer type "{kind}" of the V0 form',
            where=about.at(old.offset("type")),
            subject=f"layer `{old.message.name}`",
            expected='one of its types, such as "conv", "pool" or "innerproduct"',
            hint=did_you_mean(kind, _TYPES),
        )
    )
