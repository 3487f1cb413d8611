"""Layer types by any name that an era or a fork gave them, in the current form."""

from __future__ import annotations

from functools import cache

from pycaffelite.schema.fork_types import known_types

# The values of the V1 enum.
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
# V1 names of forks whose current name is not the same words in another spelling.
FORK_TYPES = {"ELTWISE_PRODUCT": "Eltwise", "BATCH_NORM": "BatchNorm", "ROIPOOLING": "ROIPooling", "CROP": "Crop"}
# V0 names, where Caffe itself upgrades them; the deeply-supervised-nets fork's are the last three.
V0_TYPES = {
    "accuracy": "Accuracy",
    "bnll": "BNLL",
    "concat": "Concat",
    "conv": "Convolution",
    "data": "Data",
    "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten",
    "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output",
    "im2col": "Im2col",
    "images": "ImageData",
    "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss",
    "split": "Split",
    "tanh": "TanH",
    "window_data": "WindowData",
    "cccp": "Convolution",
    "hingeloss": "HingeLoss",
    "squaredhingeloss": "HingeLoss",
}
# Types that Caffe 1.0 has beside those that the V1 form could name.
YOUNG_TYPES = (
    *("BatchNorm", "BatchReindex", "Bias", "Clip", "Crop", "ELU", "Embed", "Filter", "Input", "LSTM", "LSTMUnit"),
    *("Log", "PReLU", "Parameter", "Python", "RNN", "Reduction", "Reshape", "SPP", "Scale", "Swish", "Tile"),
)


_OWN = frozenset((*YOUNG_TYPES, *(name for name in TYPES.values() if name)))  # asked first: it is there at once


def current_type(name: str) -> str:
    """Return the current name of a layer type that an older form or a slip of case names; else the name itself.

    Names of the current form, in its spelling, are never changed.
    """
    if name in _OWN or name in known_types():
        return name
    return TYPES.get(name) or FORK_TYPES.get(name) or V0_TYPES.get(name) or _by_spelling().get(_spelling(name), name)


@cache
def _by_spelling() -> dict[str, str]:
    """Return the current names by their letters alone; where two have the same, Caffe's own is meant."""
    names = [*known_types(), *sorted(_OWN)]
    return {_spelling(name): name for name in names}


def _spelling(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").casefold()
