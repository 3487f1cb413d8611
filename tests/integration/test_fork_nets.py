"""Small nets in the manner of the forks that people trained with: their layers together, learning a few records."""

from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import Net, build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net


def inputs(**shapes: tuple[int, ...]) -> str:
    return "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}"'
        f" input_param {{ shape {{ {' '.join(f'dim: {length}' for length in shape)} }} }} }}\n"
        for name, shape in shapes.items()
    )


def layer(kind: str, name: str, bottom: str, rest: str = "") -> str:
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {rest} }}\n'


def conv(name: str, bottom: str, outputs: int, kernel: int, rest: str = "", kind: str = "Convolution") -> str:
    fields = f'num_output: {outputs} kernel_size: {kernel} {rest} weight_filler {{ type: "msra" }}'
    return layer(kind, name, bottom, f"convolution_param {{ {fields} }}")


def relu(name: str) -> str:
    return f'layer {{ name: "{name}_relu" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'


def full(name: str, bottom: str, outputs: int) -> str:
    fields = f'num_output: {outputs} weight_filler {{ type: "xavier" }}'
    return layer("InnerProduct", name, bottom, f"inner_product_param {{ {fields} }}")


def softmax_loss(bottom: str, rest: str = "") -> str:
    return f'layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{bottom}" bottom: "label" top: "loss" {rest} }}\n'


# R-FCN with online hard example mining: the losses of all regions choose those that count.
RFCN = (
    inputs(data=(1, 3, 32, 48), rois=(12, 5), label=(12, 1, 1, 1), targets=(12, 8, 1, 1), weights=(12, 8, 1, 1))
    + conv("conv1", "data", 8, 5, "stride: 4 pad: 2")
    + relu("conv1")
    + conv("rfcn_cls", "conv1", 3 * 9, 1)
    + conv("rfcn_bbox", "conv1", 8 * 9, 1)
    + """
    layer { name: "cls_bins" type: "PSROIPooling" bottom: "rfcn_cls" bottom: "rois" top: "cls_bins"
      psroi_pooling_param { spatial_scale: 0.25 output_dim: 3 group_size: 3 } }
    layer { name: "cls_score" type: "Pooling" bottom: "cls_bins" top: "cls_score"
      pooling_param { pool: AVE kernel_size: 3 stride: 3 } }
    layer { name: "bbox_bins" type: "PSROIPooling" bottom: "rfcn_bbox" bottom: "rois" top: "bbox_bins"
      psroi_pooling_param { spatial_scale: 0.25 output_dim: 8 group_size: 3 } }
    layer { name: "bbox_pred" type: "Pooling" bottom: "bbox_bins" top: "bbox_pred"
      pooling_param { pool: AVE kernel_size: 3 stride: 3 } }
    layer { name: "each_cls" type: "SoftmaxWithLossOHEM" bottom: "cls_score" bottom: "label"
      top: "sum_cls" top: "prob_cls" top: "each_cls" loss_weight: 0 loss_weight: 0 loss_weight: 0
      propagate_down: false propagate_down: false }
    layer { name: "each_bbox" type: "SmoothL1LossOHEM" bottom: "bbox_pred" bottom: "targets" bottom: "weights"
      top: "sum_bbox" top: "each_bbox" loss_weight: 0 loss_weight: 0
      propagate_down: false propagate_down: false propagate_down: false }
    layer { name: "each" type: "Eltwise" bottom: "each_cls" bottom: "each_bbox" top: "each"
      propagate_down: false propagate_down: false }
    layer { name: "annotator" type: "BoxAnnotatorOHEM" bottom: "rois" bottom: "each" bottom: "label" bottom: "weights"
      top: "labels_ohem" top: "weights_ohem" box_annotator_ohem_param { roi_per_img: 6 ignore_label: -1 } }
    layer { name: "unused" type: "Silence" bottom: "sum_cls" bottom: "prob_cls" bottom: "sum_bbox" }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "cls_score" bottom: "labels_ohem" top: "loss" loss_weight: 1
      loss_param { ignore_label: -1 normalization: PRE_FIXED pre_fixed_normalizer: 6 } }
    layer { name: "loss_bbox" type: "SmoothL1LossOHEM" bottom: "bbox_pred" bottom: "targets" bottom: "weights_ohem"
      top: "loss_bbox" loss_weight: 1 loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 6 } }
    layer { name: "accuracy" type: "Accuracy" bottom: "cls_score" bottom: "labels_ohem" top: "accuracy"
      accuracy_param { ignore_label: -1 } }
    """
)

# YOLO v2: fine features, reordered, beside coarse ones.
YOLO = (
    inputs(data=(2, 3, 32, 32), boxes=(2, 10))
    + conv("fine", "data", 4, 3, "stride: 4 pad: 1")
    + relu("fine")
    + conv("coarse", "fine", 8, 3, "stride: 2 pad: 1")
    + relu("coarse")
    + """
    layer { name: "reorg" type: "Reorg" bottom: "fine" top: "reorg" reorg_param { stride: 2 } }
    layer { name: "route" type: "Concat" bottom: "reorg" bottom: "coarse" top: "route" }
    """
    + conv("predict", "route", 2 * (5 + 3), 1)
    + """
    layer { name: "loss" type: "RegionLoss" bottom: "predict" bottom: "boxes" top: "loss"
      region_loss_param { num_class: 3 num: 2 coords: 4 biases: 1 biases: 1 biases: 2 biases: 3 } }
    """
)

# PSPNet: means of larger and larger regions, resized and put beside the features.
PSPNET = (
    inputs(data=(2, 3, 25, 25), label=(2, 1, 25, 25))
    + conv("conv1", "data", 8, 3, "stride: 2 pad: 1 bias_term: false")
    + """
    layer { name: "conv1/bn" type: "BN" bottom: "conv1" top: "conv1/bn"
      param { lr_mult: 1 } param { lr_mult: 1 } param { lr_mult: 0 } param { lr_mult: 0 }
      bn_param { slope_filler { type: "constant" value: 1 } bias_filler { type: "constant" value: 0 } momentum: 0.95 } }
    """
    + relu("conv1/bn")
    + "".join(
        f"""
    layer {{ name: "pool{bins}" type: "Pooling" bottom: "conv1/bn" top: "pool{bins}"
      pooling_param {{ pool: AVE kernel_size: {kernel} stride: {kernel} }} }}
    layer {{ name: "interp{bins}" type: "Interp" bottom: "pool{bins}" top: "interp{bins}"
      interp_param {{ height: 13 width: 13 }} }}
    """
        for bins, kernel in ((1, 13), (3, 5))
    )
    + 'layer { name: "pyramid" type: "Concat" bottom: "conv1/bn" bottom: "interp1" bottom: "interp3" top: "pyramid" }'
    + conv("score", "pyramid", 4, 1)
    + layer("Interp", "zoom", "score", "interp_param { zoom_factor: 2 }")
    + softmax_loss("zoom", "loss_param { ignore_label: 255 }")
)

# C3D: filters over frames.
C3D = (
    inputs(data=(2, 3, 6, 12, 12), label=(2,))
    + """
    layer { name: "conv1a" type: "Convolution3D" bottom: "data" top: "conv1a"
      convolution3d_param { num_output: 6 kernel_size: 3 kernel_depth: 3 pad: 1 temporal_pad: 1
        weight_filler { type: "gaussian" std: 0.1 } } }
    """
    + relu("conv1a")
    + """
    layer { name: "pool1" type: "Pooling3D" bottom: "conv1a" top: "pool1"
      pooling3d_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }
    """
    + full("fc8", "pool1", 4)
    + softmax_loss("fc8")
)

# SphereFace and CenterLoss: features of faces.
SPHEREFACE = (
    inputs(data=(8, 6), label=(8,))
    + full("fc5", "data", 5)
    + """
    layer { name: "fc6" type: "MarginInnerProduct" bottom: "fc5" bottom: "label" top: "fc6" top: "lambda"
      margin_inner_product_param { num_output: 4 type: QUADRUPLE weight_filler { type: "xavier" }
        base: 1000 gamma: 0.12 power: 1 lambda_min: 5 } }
    """
    + softmax_loss("fc6")
)
CENTER_LOSS = (
    inputs(data=(8, 6), label=(8,))
    + full("fc5", "data", 5)
    + full("fc6", "fc5", 4)
    + softmax_loss("fc6")
    + """
    layer { name: "center_loss" type: "CenterLoss" bottom: "fc5" bottom: "label" top: "center_loss" loss_weight: 0.008
      param { lr_mult: 1 decay_mult: 2 } center_loss_param { num_output: 4 center_filler { type: "xavier" } } }
    """
)

# Squeeze-and-Excitation, ShuffleNet and MobileNet: what weighs, shuffles and sees single channels.
LIGHT = (
    inputs(data=(2, 3, 12, 12), label=(2,))
    + conv("conv1", "data", 6, 3, "stride: 2 pad: 1")
    + relu("conv1")
    + layer("ShuffleChannel", "shuffle", "conv1", "shuffle_channel_param { group: 3 }")
    + conv("dw", "shuffle", 6, 3, "pad: 1", "DepthwiseConvolution")
    + layer("ReLU6", "dw6", "dw")
    + conv("residual", "dw6", 6, 1)
    + layer("Pooling", "squeeze", "residual", "pooling_param { pool: AVE global_pooling: true }")
    + conv("excite", "squeeze", 6, 1)
    + """
    layer { name: "gate" type: "Sigmoid" bottom: "excite" top: "gate" }
    layer { name: "sum" type: "Axpy" bottom: "gate" bottom: "residual" bottom: "shuffle" top: "sum" }
    layer { name: "both" type: "CReLU" bottom: "sum" top: "both" }
    """
    + full("fc", "both", 4)
    + softmax_loss("fc")
)

# A spatial transformer before a classifier.
TRANSFORMER = (
    inputs(data=(2, 1, 10, 10), label=(2,))
    + """
    layer { name: "theta" type: "InnerProduct" bottom: "data" top: "theta" inner_product_param { num_output: 6
      weight_filler { type: "gaussian" std: 0.02 } bias_filler { type: "constant" value: 0.3 } } }
    layer { name: "looked_at" type: "SpatialTransformer" bottom: "data" bottom: "theta" top: "looked_at"
      st_param { output_H: 6 output_W: 6 to_compute_dU: false } }
    """
    + full("fc", "looked_at", 4)
    + softmax_loss("fc")
)

NETS = {
    "rfcn": (RFCN, 0.02),
    "yolo": (YOLO, 0.002),
    "pspnet": (PSPNET, 0.5),
    "c3d": (C3D, 0.01),
    "sphereface": (SPHEREFACE, 0.02),
    "center_loss": (CENTER_LOSS, 0.1),
    "light": (LIGHT, 0.05),
    "transformer": (TRANSFORMER, 0.02),
}


def regions(count: int, generator: np.random.Generator) -> np.ndarray:
    first = generator.uniform(0, 16, (count, 2))
    return np.column_stack([np.zeros(count), first, first + generator.uniform(4, 16, (count, 2))])


def fill(net: Net) -> None:
    generator = np.random.default_rng(3)
    for name in net.inputs:
        data = net.blobs[name].data
        if name == "label":
            data[...] = generator.integers(0, 3, data.shape)
        elif name == "rois":
            data[...] = regions(len(data), generator)
        elif name == "weights":
            data[...] = 1
        elif name == "boxes":
            data[...] = [1, 0.3, 0.4, 0.2, 0.3, 0, 0.7, 0.6, 0.4, 0.4]
        else:
            data[...] = generator.normal(size=data.shape)


@pytest.mark.parametrize("name", NETS)
def test_it_learns(name):
    text, rate = NETS[name]
    net = build(build_graph(parse_net(text), "TRAIN"), seed=5)
    plan = compile_plan(net)
    fill(net)
    losses = []
    for _ in range(12):
        losses.append(plan.forward())
        net.clear_param_diffs()
        plan.backward()
        for learnable in net.learnables:
            assert np.isfinite(learnable.blob.diff).all(), learnable.name
            learnable.blob.data[...] -= rate * learnable.lr_mult * learnable.blob.diff
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("name", NETS)
def test_it_runs_in_phase_test(name):
    net = build(build_graph(parse_net(NETS[name][0]), "TEST"), seed=5)
    fill(net)
    assert np.isfinite(compile_plan(net, forward_only=True).forward())
