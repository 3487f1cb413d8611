"""V1 layers, whose type is an enum and whose blobs have parallel lists of options: to the current form."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.schema import messages
from pycaffelite.schema.upgrade.traced import Circumstances, Traced

TYPES = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "ELTWISE": "Eltwise",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
_TRANSFORMED = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}
TRANSFORMS = ("scale", "mean_file", "crop_size", "mirror")
# Parallel lists of the V1 form: the field of `param { }` that each fills.
_BLOB_LISTS = {"param": "name", "blob_share_mode": "share_mode", "blobs_lr": "lr_mult", "weight_decay": "decay_mult"}


def type_name(layer: Traced) -> str:
    """Return the name of a V1 layer's type in its enum."""
    return str(messages.V1LayerParameter.LayerType.Name(layer.message.type))


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
    new.take_all(old, but=("layer", "type", *_BLOB_LISTS))
    if old.has("type"):
        new.put("type", TYPES[type_name(old)], old.offset("type"))
    for name, target in _BLOB_LISTS.items():
        for index, value in enumerate(getattr(old.message, name)):
            offset = old.offset(name, index)
            while len(new.message.param) <= index:
                new.grow("param", offset)
            new.parts("param")[index].put(target, value, offset)
        if old.has(name):
            about.note(f"`{name}` of the old form became `param {{ {target} }}`", old.offset(name))
