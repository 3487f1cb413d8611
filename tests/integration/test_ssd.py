"""SSD: the net of 300 x 300 pixels as it was published, and a small one that learns to find rectangles."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import load_solver
from pycaffelite.data.database import write_database
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import infer_shapes
from pycaffelite.schema import messages
from pycaffelite.schema.reader import parse_net
from pycaffelite.solvers.events import TestDone

VARIANCE = "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"


def convolution(name: str, bottom: str, count: int, kernel: int, rest: str = "", relu: bool = True) -> str:
    text = f"""
    layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"
      param {{ lr_mult: 1 decay_mult: 1 }} param {{ lr_mult: 2 decay_mult: 0 }}
      convolution_param {{ num_output: {count} kernel_size: {kernel} {rest} weight_filler {{ type: "xavier" }} }} }}"""
    return text + (f'layer {{ name: "{name}_relu" type: "ReLU" bottom: "{name}" top: "{name}" }}' if relu else "")


def pooling(name: str, bottom: str, rest: str) -> str:
    fields = f"pooling_param {{ pool: MAX {rest} }}"
    return f'layer {{ name: "{name}" type: "Pooling" bottom: "{bottom}" top: "{name}" {fields} }}'


def head(source: str, classes: int, boxes: int, prior: str) -> str:
    """The layers that predict boxes from one map."""
    text = ""
    for kind, numbers in (("loc", 4), ("conf", classes)):
        name = f"{source}_mbox_{kind}"
        text += convolution(name, source, boxes * numbers, 3, "pad: 1", relu=False)
        text += f"""
        layer {{ name: "{name}_perm" type: "Permute" bottom: "{name}" top: "{name}_perm"
          permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
        layer {{ name: "{name}_flat" type: "Flatten" bottom: "{name}_perm" top: "{name}_flat"
          flatten_param {{ axis: 1 }} }}"""
    return (
        text
        + f"""
    layer {{ name: "{source}_mbox_priorbox" type: "PriorBox" bottom: "{source}" bottom: "data"
      top: "{source}_mbox_priorbox" prior_box_param {{ {prior} flip: true clip: false {VARIANCE} offset: 0.5 }} }}"""
    )


def gathered(sources: list[str]) -> str:
    text = ""
    for kind, axis in (("loc_flat", 1), ("conf_flat", 1), ("priorbox", 2)):
        bottoms = " ".join(f'bottom: "{source}_mbox_{kind}"' for source in sources)
        top = f"mbox_{kind.removesuffix('_flat')}"
        text += f'layer {{ name: "{top}" type: "Concat" {bottoms} top: "{top}" concat_param {{ axis: {axis} }} }}'
    return text


def loss(classes: int) -> str:
    return f"""
    layer {{ name: "mbox_loss" type: "MultiBoxLoss" bottom: "mbox_loc" bottom: "mbox_conf" bottom: "mbox_priorbox"
      bottom: "label" top: "mbox_loss" include {{ phase: TRAIN }}
      propagate_down: true propagate_down: true propagate_down: false propagate_down: false
      loss_param {{ normalization: VALID }}
      multibox_loss_param {{ loc_loss_type: SMOOTH_L1 conf_loss_type: SOFTMAX loc_weight: 1.0 num_classes: {classes}
        share_location: true match_type: PER_PREDICTION overlap_threshold: 0.5 use_prior_for_matching: true
        background_label_id: 0 use_difficult_gt: true neg_pos_ratio: 3.0 neg_overlap: 0.5 code_type: CENTER_SIZE
        ignore_cross_boundary_bbox: false mining_type: MAX_NEGATIVE }} }}"""


def detection(classes: int) -> str:
    return f"""
    layer {{ name: "mbox_conf_reshape" type: "Reshape" bottom: "mbox_conf" top: "mbox_conf_reshape"
      include {{ phase: TEST }} reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes} }} }} }}
    layer {{ name: "mbox_conf_softmax" type: "Softmax" bottom: "mbox_conf_reshape" top: "mbox_conf_softmax"
      include {{ phase: TEST }} softmax_param {{ axis: 2 }} }}
    layer {{ name: "mbox_conf_flatten" type: "Flatten" bottom: "mbox_conf_softmax" top: "mbox_conf_flatten"
      include {{ phase: TEST }} flatten_param {{ axis: 1 }} }}
    layer {{ name: "detection_out" type: "DetectionOutput" bottom: "mbox_loc" bottom: "mbox_conf_flatten"
      bottom: "mbox_priorbox" top: "detection_out" include {{ phase: TEST }}
      detection_output_param {{ num_classes: {classes} share_location: true background_label_id: 0
        nms_param {{ nms_threshold: 0.45 top_k: 400 }} code_type: CENTER_SIZE keep_top_k: 200
        confidence_threshold: 0.01 }} }}
    layer {{ name: "detection_eval" type: "DetectionEvaluate" bottom: "detection_out" bottom: "label"
      top: "detection_eval" include {{ phase: TEST }}
      detection_evaluate_param {{ num_classes: {classes} background_label_id: 0 overlap_threshold: 0.5 }} }}"""


def ssd_300() -> str:
    """The net of Pascal VOC, with VGG-16 below."""
    text = """
    layer { name: "input" type: "Input" top: "data" top: "label"
      input_param { shape { dim: 1 dim: 3 dim: 300 dim: 300 } shape { dim: 1 dim: 1 dim: 2 dim: 8 } } }"""
    bottom = "data"
    for stage, (count, layers) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for k in range(1, layers + 1):
            text += convolution(f"conv{stage}_{k}", bottom, count, 3, "pad: 1")
            bottom = f"conv{stage}_{k}"
        text += pooling(
            f"pool{stage}", bottom, "kernel_size: 2 stride: 2" if stage < 5 else "kernel_size: 3 stride: 1 pad: 1"
        )
        bottom = f"pool{stage}"
    text += convolution("fc6", bottom, 1024, 3, "pad: 6 dilation: 6") + convolution("fc7", "fc6", 1024, 1)
    for name, below, count, kernel, rest in (
        ("conv6_1", "fc7", 256, 1, ""), ("conv6_2", "conv6_1", 512, 3, "pad: 1 stride: 2"),
        ("conv7_1", "conv6_2", 128, 1, ""), ("conv7_2", "conv7_1", 256, 3, "pad: 1 stride: 2"),
        ("conv8_1", "conv7_2", 128, 1, ""), ("conv8_2", "conv8_1", 256, 3, ""),
        ("conv9_1", "conv8_2", 128, 1, ""), ("conv9_2", "conv9_1", 256, 3, ""),
    ):  # fmt: skip
        text += convolution(name, below, count, kernel, rest)
    text += """
    layer { name: "conv4_3_norm" type: "Normalize" bottom: "conv4_3" top: "conv4_3_norm" norm_param {
      across_spatial: false scale_filler { type: "constant" value: 20 } channel_shared: false } }"""
    sources = [
        ("conv4_3_norm", 4, "min_size: 30 max_size: 60 aspect_ratio: 2 step: 8"),
        ("fc7", 6, "min_size: 60 max_size: 111 aspect_ratio: 2 aspect_ratio: 3 step: 16"),
        ("conv6_2", 6, "min_size: 111 max_size: 162 aspect_ratio: 2 aspect_ratio: 3 step: 32"),
        ("conv7_2", 6, "min_size: 162 max_size: 213 aspect_ratio: 2 aspect_ratio: 3 step: 64"),
        ("conv8_2", 4, "min_size: 213 max_size: 264 aspect_ratio: 2 step: 100"),
        ("conv9_2", 4, "min_size: 264 max_size: 315 aspect_ratio: 2 step: 300"),
    ]
    text += "".join(head(source, 21, boxes, prior) for source, boxes, prior in sources)
    return text + gathered([source for source, _, _ in sources]) + loss(21) + detection(21)


def test_ssd_300_as_published():
    shapes = infer_shapes(build_graph(parse_net(ssd_300(), "ssd300.prototxt"), "TRAIN"))
    tops = {name: tuple(shape) for each in shapes for name, shape in zip(each.node.tops, each.layout.tops, strict=True)}
    assert tops["conv4_3_norm"] == (1, 512, 38, 38)
    assert tops["fc7"] == (1, 1024, 19, 19)
    assert tops["conv9_2"] == (1, 256, 1, 1)
    assert tops["mbox_loc"] == (1, 8732 * 4)
    assert tops["mbox_conf"] == (1, 8732 * 21)
    assert tops["mbox_priorbox"] == (1, 2, 8732 * 4)
    assert sum(math.prod(param.shape) for each in shapes for param in each.layout.params) == 26_285_486


def rectangle(number: int) -> bytes:
    """An annotated record: a bright (class 1) or a dark (class 2) rectangle on grey."""
    random = np.random.default_rng(number)
    image = random.integers(110, 140, (3, 48, 48)).astype(np.uint8)
    width, height = random.integers(14, 26, 2)
    left, top = random.integers(0, 48 - width), random.integers(0, 48 - height)
    label = 1 + number % 2
    image[:, top : top + height, left : left + width] = 230 if label == 1 else 20
    message = messages.AnnotatedDatum(type=messages.AnnotatedDatum.BBOX)
    message.datum.channels, message.datum.height, message.datum.width, message.datum.data = 3, 48, 48, image.tobytes()
    box = message.annotation_group.add(group_label=label).annotation.add().bbox
    box.xmin, box.ymin, box.xmax, box.ymax = left / 48, top / 48, (left + width) / 48, (top + height) / 48
    return bytes(message.SerializeToString())


def small_ssd() -> str:
    transformed = "transform_param { %s mean_value: 125 scale: 0.0078125 resize_param { height: 48 width: 48 } }"
    data = ""
    for phase, folder, rest in (
        ("TRAIN", "train", "mirror: true emit_constraint { emit_type: CENTER }"),
        ("TEST", "test", ""),
    ):
        data += f"""
        layer {{ name: "data" type: "AnnotatedData" top: "data" top: "label" include {{ phase: {phase} }}
          data_param {{ source: "{folder}" batch_size: 8 backend: LMDB }} {transformed % rest}
          annotated_data_param {{ batch_sampler {{ max_sample: 1 max_trials: 1 }} }} }}"""
    trunk = convolution("conv1", "data", 12, 5, "pad: 2 stride: 2") + pooling(
        "pool1", "conv1", "kernel_size: 2 stride: 2"
    )
    trunk += convolution("conv2", "pool1", 24, 3, "pad: 1") + convolution("conv3", "conv2", 24, 3, "pad: 1 stride: 2")
    heads = head("conv2", 3, 2, "min_size: 14 max_size: 24") + head(
        "conv3", 3, 4, "min_size: 18 max_size: 28 aspect_ratio: 2"
    )
    return data + trunk + heads + gathered(["conv2", "conv3"]) + loss(3) + detection(3)


def mean_average_precision(rows: np.ndarray) -> float:
    """The area under precision over recall, class by class."""
    areas = []
    for _, label, count, _, _ in rows[rows[:, 0] == -1]:
        own = rows[(rows[:, 0] >= 0) & (rows[:, 1] == label)]
        own = own[np.argsort(-own[:, 2], kind="stable")]
        right, wrong = own[:, 3].cumsum(), own[:, 4].cumsum()
        steps = np.diff(np.concatenate(([0], right / count)))
        areas.append((steps * right / np.maximum(right + wrong, 1)).sum())
    return float(np.mean(areas))


def test_a_small_ssd_learns_to_find_rectangles(tmp_path: Path):
    write_database(tmp_path / "train", "lmdb", [(b"%04d" % k, rectangle(k)) for k in range(64)])
    write_database(tmp_path / "test", "lmdb", [(b"%04d" % k, rectangle(1000 + k)) for k in range(8)])
    (tmp_path / "net.prototxt").write_text(small_ssd())
    (tmp_path / "solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.002 lr_policy: "fixed" momentum: 0.9 type: "Adam" momentum2: 0.999\n'
        'test_iter: 1 test_interval: 79 max_iter: 1000 random_seed: 3 eval_type: "detection" ap_version: "Integral"'
    )
    solver = load_solver(tmp_path / "solver.prototxt", seed=3)
    [test] = solver.test_nets
    precisions = []
    for event in solver.run(80):
        if isinstance(event, TestDone):
            [output] = event.outputs
            assert output.name == "detection_eval"
            assert output.values[0] == pytest.approx(mean_average_precision(test.blobs["detection_eval"].data[0, 0]))
            precisions += output.values
    assert len(precisions) == 2
    assert precisions[0] < 0.3
    assert precisions[1] > 0.8
