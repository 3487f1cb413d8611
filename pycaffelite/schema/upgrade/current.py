"""What later versions changed within the current form: legacy inputs, and the three blobs of BatchNorm."""

from __future__ import annotations

from pycaffelite.errors import PrototxtError
from pycaffelite.schema import messages
from pycaffelite.schema.fields import is_repeated
from pycaffelite.schema.sourcemap import Mark
from pycaffelite.schema.upgrade.traced import Circumstances, Traced
from pycaffelite.schema.upgrade.types import current_type
from pycaffelite.schema.upgrade.v1 import BLOB_LISTS, TRANSFORMS, lists_to_params

_SIZES = 4  # an `input` with `input_dim` has always four axes
_DATA_LAYERS = {"Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param"}


def inputs_to_layer(net: Traced, about: Circumstances) -> None:
    """Turn `input` with `input_shape` or `input_dim` into an Input layer at the front."""
    if not net.has("input"):
        return
    _shape_other_dims(net, about)
    shaped = net.has("input_shape") or net.has("input_dim")
    if (shaped and _shapes_suffice(net, about)) or (not shaped and _is_read(net, about)):
        carrier = Traced(messages.NetParameter(), Mark())
        layer = carrier.grow("layer", net.offset("input"))
        _fill_input_layer(net, layer)
        layers = carrier.message.layer
        layers.extend(net.message.layer)
        net.message.ClearField("layer")
        net.message.layer.extend(layers)
        net.mark.fields["layer"] = [layer.mark, *net.mark.fields.get("layer", ())]
        shape = "with its shape" if shaped else "without a shape"
        about.note(f"`input` {shape} became a layer of type Input", net.offset("input"))
    elif not shaped:
        about.note("`input` without a shape was left out", net.offset("input"))
    net.clear("input", "input_shape", "input_dim")


def _is_read(net: Traced, about: Circumstances) -> bool:
    """Tell whether a layer of a net in a text reads an `input`; in weights it is a remainder."""
    return bool(about.source.text) and any(
        name in layer.bottom for layer in net.message.layer for name in net.message.input
    )


def _shape_other_dims(net: Traced, about: Circumstances) -> None:
    """Turn `input_dim` of other than four axes for each input into `input_shape`, where it can be shared out evenly."""
    count, inputs = len(net.message.input_dim), len(net.message.input)
    if net.has("input_shape") or count == 0 or count % inputs or count >= inputs * _SIZES:
        return
    each = count // inputs
    about.warn(f"`input_dim` gives each `input` {each} axes, not four", net.offset("input_dim"), "write `input_shape`")
    for first in range(0, count, each):
        shape = net.grow("input_shape", net.offset("input_dim", first))
        for place in range(first, first + each):
            shape.put("dim", net.message.input_dim[place], net.offset("input_dim", place))
    net.clear("input_dim")


def _shapes_suffice(net: Traced, about: Circumstances) -> bool:
    count = len(net.message.input)
    given, name = len(net.message.input_shape), "input_shape"
    needed = count
    if not given:
        given, name, needed = len(net.message.input_dim), "input_dim", count * _SIZES
    if given >= needed:
        return True
    each = "one `input_shape`" if name == "input_shape" else f"{_SIZES} times `input_dim`"
    about.report(
        PrototxtError(
            f"`{name}` does not say the shape of every `input`",
            where=about.at(net.offset(name)),
            expected=f"{each} for each `input`: {needed}",
            got=f"{given}",
            hint=None if name == "input_shape" else "an input of other than four axes needs `input_shape { dim: ... }`",
        )
    )
    return False


def _fill_input_layer(net: Traced, layer: Traced) -> None:
    layer.put("name", "input", layer.mark.offset)
    layer.put("type", "Input", layer.mark.offset)
    layer.take(net, "input", "top")
    if not net.has("input_shape") and not net.has("input_dim"):
        return
    options = layer.part("input_param")
    shapes = net.parts("input_shape")
    for index in range(len(net.message.input)):
        if net.has("input_shape"):
            shape = options.grow("shape", net.offset("input_shape", index))
            shape.take_all(shapes[index])
        else:
            first = index * _SIZES
            shape = options.grow("shape", net.offset("input_dim", first))
            for place in range(first, first + _SIZES):
                shape.put("dim", net.message.input_dim[place], net.offset("input_dim", place))


def read_old_habits(net: Traced, about: Circumstances) -> None:
    """Read what older forms have and a `layer` has not: their names of types, and their lists of options per blob."""
    for layer in net.parts("layer"):
        if layer.has("type"):
            given = layer.message.type
            name = current_type(given)
            if name != given:
                about.warn(f'`type: "{given}"` in `layer` is read as "{name}"', layer.offset("type"))
                layer.put("type", name, layer.offset("type"))
        if layer.has("param__2"):
            texts = list(layer.message.param__2)
            layer.clear("param__2")
            for _ in range(len(layer.message.param), len(texts)):
                layer.grow("param", layer.mark.offset)
            for param, text in zip(layer.parts("param"), texts, strict=False):
                param.put("name", text, layer.mark.offset)
            about.warn('`param: "name"` in `layer` is read as `param { name }`', layer.mark.offset)
        lists = [name for name in BLOB_LISTS if name != "param" and layer.has(name)]
        if lists:
            lists_to_params(layer, layer, lists, about)
            for name in lists:
                about.warn(f"`{name}` is of the old `layers` form and stands in a `layer`", layer.offset(name))
            layer.clear(*lists)


def move_to_3d(net: Traced, about: Circumstances) -> None:
    """Give the layers of the C3D fork's first form, which share messages with 2-D layers, messages of their own."""
    for layer in net.parts("layer"):
        names = _OF_3D.get(layer.message.type)
        if names is None or not layer.has(names[0]) or layer.has(names[1]):
            continue
        old, new = layer.part(names[0]), layer.part(names[1])
        for field, value in old.message.ListFields():
            name = field.name
            target = new.message.DESCRIPTOR.fields_by_name.get(name)
            if target is None:
                about.warn(f"`{name}` is no option of a {layer.message.type} layer and was left out", old.offset(name))
            elif is_repeated(field):
                new.put(name, value[-1], old.offset(name))
            else:
                new.take(old, name)
        layer.clear(names[0])
        about.note(f"`{names[0]}` of a {layer.message.type} layer became `{names[1]}`", old.mark.offset)


_OF_3D = {
    "Convolution3D": ("convolution_param", "convolution3d_param"),
    "Pooling3D": ("pooling_param", "pooling3d_param"),
    "VideoData": ("image_data_param", "video_data_param"),
}


def fix_batch_norm(net: Traced, about: Circumstances) -> None:
    """Where a BatchNorm lists its three blobs, make sure that the solver leaves them alone."""
    for layer in net.parts("layer"):
        params = layer.parts("param")
        if layer.message.type != "BatchNorm" or len(params) != 3:
            continue
        for param in params:
            if (param.message.lr_mult, param.message.decay_mult) != (0, 0):
                about.note("the blobs of BatchNorm are statistics: their multipliers became 0", layer.offset("param"))
            param.put("lr_mult", 0, param.offset("lr_mult"))
            param.put("decay_mult", 0, param.offset("decay_mult"))


def note_ignored_transforms(net: Traced, about: Circumstances) -> None:
    """Note the old transformation fields that Caffe upgrades in `layers` and ignores in `layer`."""
    for layer in net.parts("layer"):
        param = _DATA_LAYERS.get(layer.message.type)
        if param is None or not layer.has(param):
            continue
        options = layer.part(param)
        for name in TRANSFORMS:
            if options.has(name):
                about.note(
                    f"`{name}` in the `{param}` of a `layer` has no effect; write it in `transform_param`",
                    options.offset(name),
                )
