"""SegNet as it was published: its shapes, its parameters, and that it learns, with all layers of its fork."""

from __future__ import annotations

import itertools

import numpy as np

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build, infer_shapes
from pycaffelite.plan.compile import compile_plan
from pycaffelite.schema.reader import NetFile, parse_net

ENCODER = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
DECODER = [[64, 11], [128, 64], [256, 256, 128], [512, 512, 256], [512, 512, 512]]
WEIGHTS = [0.25, 0.125, 3, 0.5, 0.5, 0.75, 5, 4, 2, 2.5, 5]

INPUT = """
name: "VGG_ILSVRC_16_layer"
layer {{ name: "input" type: "Input" top: "data" top: "label" input_param {{
  shape {{ dim: {images} dim: 3 dim: {height} dim: {width} }}
  shape {{ dim: {images} dim: 1 dim: {height} dim: {width} }} }} }}
"""
CONVOLUTION = """
layer {{ bottom: "{bottom}" top: "{name}" name: "{name}" type: "Convolution" param {{ lr_mult: 1 decay_mult: 1 }}
  param {{ lr_mult: 2 decay_mult: 0 }}
  convolution_param {{ weight_filler {{ type: "msra" }} num_output: {count} pad: 1 kernel_size: 3 }} }}
"""
NORMALIZATION = """
layer {{ bottom: "{name}" top: "{name}" name: "{name}_bn" type: "BN" param {{ lr_mult: 1 decay_mult: 1 }}
  param {{ lr_mult: 1 decay_mult: 0 }}
  bn_param {{ scale_filler {{ type: "constant" value: 1 }} shift_filler {{ type: "constant" value: 0.001 }} }} }}
layer {{ bottom: "{name}" top: "{name}" name: "{name}_relu" type: "ReLU" }}
"""
POOLING = """
layer {{ bottom: "{bottom}" top: "pool{stage}" top: "pool{stage}_mask" name: "pool{stage}" type: "Pooling"
  pooling_param {{ pool: MAX kernel_size: 2 stride: 2 }} }}
"""
UPSAMPLING = """
layer {{ name: "upsample{stage}" type: "Upsample" bottom: "{bottom}" bottom: "pool{stage}_mask" top: "upsample{stage}"
  upsample_param {{ upsample_h: {height} upsample_w: {width} }} }}
"""
LOSS = """
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{bottom}" bottom: "label" top: "loss"
  loss_param {{ weight_by_label_freqs: true ignore_label: 11 {weights} }} }}
"""


def segnet(images: int, height: int, width: int) -> NetFile:
    parts = [INPUT.format(images=images, height=height, width=width)]
    bottom, sizes = "data", []
    for stage, counts in enumerate(ENCODER, 1):
        for number, count in enumerate(counts, 1):
            name = f"conv{stage}_{number}"
            parts += [CONVOLUTION.format(bottom=bottom, name=name, count=count), NORMALIZATION.format(name=name)]
            bottom = name
        parts.append(POOLING.format(bottom=bottom, stage=stage))
        bottom = f"pool{stage}"
        sizes.append((height, width))
        height, width = -(-height // 2), -(-width // 2)
    for stage, counts in reversed(list(enumerate(DECODER, 1))):
        height, width = sizes.pop()
        parts.append(UPSAMPLING.format(stage=stage, bottom=bottom, height=height, width=width))
        bottom = f"upsample{stage}"
        for number, count in enumerate(counts):
            name = f"conv{stage}_{len(counts) - number}_D"
            parts.append(CONVOLUTION.format(bottom=bottom, name=name, count=count))
            parts += [NORMALIZATION.format(name=name)] if name != "conv1_1_D" else []
            bottom = name
    weights = " ".join(f"class_weighting: {weight}" for weight in WEIGHTS)
    return parse_net("".join([*parts, LOSS.format(bottom=bottom, weights=weights)]))


def test_the_published_shapes() -> None:
    shapes = {entry.node.name: entry for entry in infer_shapes(build_graph(segnet(4, 360, 480)))}
    assert shapes["pool4"].layout.tops == [(4, 512, 23, 30)] * 2
    assert shapes["pool5"].layout.tops == [(4, 512, 12, 15)] * 2
    assert shapes["upsample5"].layout.tops == [(4, 512, 23, 30)]
    assert shapes["conv1_1_D"].layout.tops == [(4, 11, 360, 480)]
    params = [param.shape for entry in shapes.values() for param in entry.layout.params]
    channels = [3, *itertools.chain(*ENCODER, *reversed(DECODER))]
    convolutions = sum(9 * a * b + b for a, b in itertools.pairwise(channels))
    assert sum(int(np.prod(shape)) for shape in params) == convolutions + 2 * sum(channels[1:-1])
    assert 29.4e6 < convolutions < 29.5e6  # the paper's 29.45 million


def test_a_step_against_the_gradient_lowers_the_loss() -> None:
    net = build(build_graph(segnet(2, 36, 44)), seed=1)
    random = np.random.default_rng(0)
    net.blobs["data"].data[...] = random.standard_normal((2, 3, 36, 44))
    net.blobs["label"].data[...] = random.integers(0, 12, (2, 1, 36, 44))
    before, plan = compile_plan(net, naive=True).forward(), compile_plan(net)
    assert np.isclose(plan.forward(), before, rtol=1e-4)
    plan.backward()
    for learnable in net.learnables:
        assert np.isfinite(learnable.blob.diff).all()
        learnable.blob.data -= np.float32(1e-3 * learnable.lr_mult) * learnable.blob.diff
    assert plan.forward() < before
