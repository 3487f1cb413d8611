"""The layer types of forks: which there are, where they come from, and what older forms of their nets call them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from pycaffelite.schema.dialects import origin, table

# Types that have a message of their own are found by its name, `permute_param` of PermuteParameter; where the type is
# called otherwise, it stands here. An empty name: the message belongs to no type.
_NAMES = {
    "Augmentation": "DataAugmentation",
    "BatchContrastive": "BatchContrastiveLoss",
    "CTC": "CTCLoss",
    "DetectNetAugmentation": "DetectNetTransformation",
    "GeneralContrastive": "GeneralContrastiveLoss",
    "GeneralTriplet": "GeneralTripletLoss",
    "GetRetion": "GetRegion",
    "InfimumLossParamter": "InfimumLoss",
    "LstmUnit": "LstmUnit",
    "MILData": "MILData",
    "MMD": "MMDLoss",
    "Mean": "MeanValue",
    "OrdinalRegression": "OrdinalRegressionLoss",
    "SetLoss2": "SetLoss2",
    "SoftContrastive": "SoftContrastiveLoss",
    **dict.fromkeys(("MnActivation", "MnParamGradCompress", "MultinodeLayer", "Runtime", "Quantization", "ReLU"), ""),
    **dict.fromkeys(("EuclideanLoss", "LSTM", "PReLU", "Split", "Type"), ""),
}
# Types without a message of their own, or with one that is not in any of the forks of the table.
_OTHERS = {
    "Axpy": "hujie-frank/SENet",
    "CReLU": "sanghoon/pva-faster-rcnn",
    "CTCDecoder": "tianzhi0549/CTPN",
    "ConvolutionDepthwise": "BVLC/caffe pull request 5665",
    "ConvolutionSK": "Xiaomi2008/Caffe_3D_FF",
    "CoverageMap": "NVIDIA/caffe",
    "DeformableConvolution": "unsky/Deformable-ConvNets-caffe",
    "DepthwiseConvolution": "yonghenglh6/DepthwiseConvolution",
    "ImageLabelmapData": "s9xie/hed",
    "ImageSegData": "hszhao/PSPNet",
    "Lstm": "junhyukoh/caffe-lstm",
    "MultiLabelAccuracy": "Xiaomi2008/Caffe_3D_FF",
    "MultiLabelLoss": "Xiaomi2008/Caffe_3D_FF",
    "MultiStageMeanfield": "torrvision/crfasrnn",
    "NdConvolution": "facebook/C3D",
    "NdPooling": "facebook/C3D",
    "PoolingSK": "Xiaomi2008/Caffe_3D_FF",
    "ROIAlign": "jasjeetIM/Mask-RCNN",
    "ReLU6": "eric612/MobileNet-YOLO",
    "ShuffleChannel": "farmingyard/ShuffleNet",
    "SmoothL1LossOHEM": "daijifeng001/caffe-rfcn",
    "SoftmaxWithLossOHEM": "daijifeng001/caffe-rfcn",
    "SpatialTransformer": "daerduoCarey/SpatialTransformerLayer",
    "WeightedSoftmaxWithLoss": "NVIDIA/caffe",
}
_CARRIERS = ("LayerParameter", "V1LayerParameter")


@cache
def known_types() -> dict[str, tuple[str, ...]]:
    """Return the layer types of forks, each with the forks that it comes from; some of them run here."""
    types: dict[str, dict[str, None]] = {name: {fork: None} for name, fork in _OTHERS.items()}
    for row in table():
        message = row.type.lstrip(".")
        if row.message in _CARRIERS and row.own and row.name.endswith("_param") and message[:1].isupper():
            stem = message.removesuffix("Parameter")
            name = _NAMES.get(stem, stem)
            if name:
                types.setdefault(name, {}).update(dict.fromkeys(row.forks))
    return {name: tuple(types[name]) for name in sorted(types, key=str.casefold)}


def forks_of(used: Iterable[tuple[str, str]], types: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the forks that explain the most of what a file has beyond Caffe 1.0; empty where it has nothing such.

    Args:
        used: The fields that it gives, each as its message and its name there.
        types: The types of its layers.
    """
    counts: Counter[str] = Counter()
    for message, name in used:
        counts.update(origin(message, name))
    for layer_type in set(types):
        counts.update(known_types().get(layer_type, ()))
    most = max(counts.values(), default=0)
    return tuple(sorted(fork for fork, count in counts.items() if count == most))
