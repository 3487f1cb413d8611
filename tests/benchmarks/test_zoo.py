"""The published nets: their shapes and parameters as published, and one pass forward and backward through each."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import data_options
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import Net, build, infer_shapes
from pycaffelite.plan import compile_plan
from pycaffelite.report.summary import NetSummary, summarize
from pycaffelite.schema.reader import parse_net, parse_solver
from pycaffelite.solvers.base import Solver

FILE = Path(__file__).parents[2] / "benchmarks" / "zoo" / "net.prototxt"  # where proposals.py is
VGG = 14_714_688  # parameters of VGG-16's convolutions
HIDDEN = 25_088 * 4096 + 4096 + 4096 * 4096 + 4096  # and of its two hidden layers


def text_of(name: str, narrow: int = 1) -> str:
    """Write a net; a classifier with its loss."""
    nets = importlib.import_module("nets")
    if name in nets.NETS:
        return nets.prototxt(nets.NETS[name], 2, train=True, narrow=narrow)
    return nets.other(name, narrow)


def summary_of(name: str, phase: str) -> NetSummary:
    options = data_options(FILE, allow_python_layers=True)
    layers = infer_shapes(build_graph(parse_net(text_of(name)), phase), data=options)
    return summarize(name, phase, layers)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # VGG with sliding hidden layers; scores of three depths; bilinear filters of 4, 4 and 16 pixels for 21 x 21
        # classes. The paper says 134 million.
        ("fcn8s", VGG + HIDDEN + (4096 + 512 + 256 + 3) * 21 + (16 + 16 + 256) * 21 * 21),
        # The paper says 29.45 million: the convolutions and their mirror images, factor and shift for each channel.
        ("segnet", 29_449_355),
        # Scores of five blocks, bilinear filters of 4, 8, 16 and 32 pixels, and what weighs the five. Ports that
        # interpolate without filters count 14,716,171.
        ("hed", VGG + (64 + 128 + 256 + 512 + 512 + 5) + (16 + 64 + 256 + 1024) + 6),
        # As counted in the ports of SSD300 for 21 classes; 512 of them are the factors of its normalization.
        ("ssd300", 26_285_486),
        ("ssd300_train", 26_285_486),
        # VGG, one more convolution, two numbers and four moves for 9 anchors, scores and boxes of 21 classes.
        ("faster_rcnn", VGG + HIDDEN + (512 * 9 + 1) * 512 + 513 * 6 * 9 + 4097 * 5 * 21),
        # A row for each of 8,801 words, two layers of 1,000 cells with four gates, the second of which sees an image
        # of 1,000 numbers, and scores of the words.
        ("lrcn", 8801 * 1000 + 4000 * (2000 + 1) + 4000 * (3000 + 1) + 8801 * 1001),
    ],
)
def test_parameters(name, parameters):
    assert summary_of(name, "TEST").parameters == parameters


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("fcn8s", {"conv1_2": (1, 64, 698, 698), "score_fr": (1, 21, 16, 16), "upscore8": (1, 21, 568, 568)}),
        ("fcn8s", {"score": (1, 21, 500, 500), "loss": ()}),
        ("segnet", {"pool5": (1, 512, 12, 15), "upsample5": (1, 512, 23, 30), "conv1_1_D": (1, 11, 360, 480)}),
        ("hed", {"conv1_2": (1, 64, 388, 548), "score-dsn5": (1, 1, 25, 35), "score-dsn5-up": (1, 1, 416, 576)}),
        ("hed", {"upscore-dsn5": (1, 1, 320, 480), "upscore-fuse": (1, 1, 320, 480), "fuse_loss": ()}),
        ("ssd300", {"conv4_3_norm": (1, 512, 38, 38), "fc7": (1, 1024, 19, 19), "conv9_2": (1, 256, 1, 1)}),
        ("ssd300", {"mbox_loc": (1, 4 * 8732), "mbox_conf": (1, 21 * 8732), "mbox_priorbox": (1, 2, 4 * 8732)}),
        ("ssd300_train", {"mbox_loss": ()}),
        ("faster_rcnn", {"rpn_bbox_pred": (1, 36, 38, 63), "rpn_cls_prob_reshape": (1, 18, 38, 63)}),
        ("faster_rcnn", {"roi_pool5": (1, 512, 7, 7), "cls_prob": (1, 21), "bbox_pred": (1, 84)}),
        ("lrcn", {"embedding": (20, 16, 1000), "lstm2": (20, 16, 1000), "predict": (20, 16, 8801), "accuracy": ()}),
    ],
)
def test_shapes(name, shapes):
    found = {layer.name: next(iter(layer.tops.values()), None) for layer in summary_of(name, "TEST").layers}
    assert {layer: found[layer] for layer in shapes} == shapes


def boxes(count: int, generator: np.random.Generator) -> np.ndarray:
    """Return true boxes of two images as SSD reads them: image, class, instance, corners, whether it is difficult."""
    first = generator.uniform(0, 0.5, (count, 2))
    numbers = [np.arange(count) * 2 // count, generator.integers(1, 21, count), np.zeros(count)]
    return np.column_stack([*numbers, first, first + generator.uniform(0.1, 0.5, (count, 2)), np.zeros(count)])


def fill(net: Net) -> None:
    """Give the blobs that come from outside values that make sense."""
    generator = np.random.default_rng(1)
    for name in (*net.inputs, "data", "label"):
        if name not in net.blobs:
            continue
        data = net.blobs[name].data
        if name == "data":
            data[...] = generator.normal(size=data.shape)
        elif name == "im_info":
            data[...] = [*net.blobs["data"].shape[2:], 1]
        elif name == "cont_sentence":
            data[...] = np.arange(len(data))[:, None] > 0
        elif name == "label" and data.shape[-1] == 8:
            data[...] = boxes(data.shape[2], generator)
        else:
            data[...] = generator.integers(0, 2 if "fuse_loss" in net.blobs else 10, data.shape)


def run(name: str, narrow: int) -> Net:
    """Run a net forward and backward once; return it."""
    force = "force_backward: true " if name == "faster_rcnn" else ""  # which has no loss
    graph = build_graph(parse_net(force + text_of(name, narrow), str(FILE)), "TRAIN")
    net = build(graph, seed=1, data=data_options(FILE, allow_python_layers=True))
    plan = compile_plan(net)
    fill(net)
    assert np.isfinite(plan.forward())
    for output in set(net.outputs) - set(net.loss_weights):
        assert np.isfinite(net.blobs[output].data).all(), output
        net.blobs[output].diff[...] = 1e-3 * np.random.default_rng(2).normal(size=net.blobs[output].shape)
    net.clear_param_diffs()
    plan.backward()
    for learnable in net.learnables:
        assert np.isfinite(learnable.blob.diff).all(), learnable.name
    if name != "ssd300":  # which ends in boxes, not in a loss
        assert np.abs(net.learnables[0].blob.diff).max() > 0
    return net


def run_tested(name: str, narrow: int, trained: Net) -> None:
    """Run a net in phase TEST by the compiled and by the naive plan, which agree."""
    options = data_options(FILE, allow_python_layers=True)
    net = build(build_graph(parse_net(text_of(name, narrow)), "TEST"), share=trained, data=options)
    fill(net)
    watched = BEFORE_CHOICES.get(name, net.outputs)
    found = []
    for naive in (True, False):
        compile_plan(net, naive=naive, forward_only=not naive).forward()
        found.append({blob: net.blobs[blob].data.copy() for blob in watched})
    for blob, expected in found[0].items():
        np.testing.assert_allclose(found[1][blob], expected, rtol=0, atol=1e-3 * np.abs(expected).max(), err_msg=blob)


# What small differences may turn into other boxes is not compared, but what the boxes are chosen from.
BEFORE_CHOICES = {"ssd300": ("mbox_loc", "mbox_conf_flatten"), "faster_rcnn": ("rpn_cls_prob_reshape", "rpn_bbox_pred")}

NAMES = (
    "alexnet", "caffenet", "googlenet_with_sides", "vgg16", "nin", "resnet50", "squeezenet", "mobilenet", "fcn8s",
    "segnet", "hed", "ssd300", "ssd300_train", "faster_rcnn", "lrcn",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_narrow_form_runs(name):
    run_tested(name, 8, run(name, 8))


def test_segnet_learns_with_the_weights_of_its_fork():
    writer, segmenters = map(importlib.import_module, ("zoo.writer", "zoo.segmenters"))
    text = writer.Writer(narrow=8)
    segmenters.segnet(text, height=36, width=44)
    weights = "weight_by_label_freqs: true " + "".join(f"class_weighting: {0.25 + number} " for number in range(11))
    net = build(
        build_graph(parse_net(text.prototxt("segnet").replace("ignore_label", weights + "ignore_label"))), seed=1
    )
    fill(net)
    net.blobs["label"].data[:, :, :5] = 11  # of no class
    plan = compile_plan(net)
    before = plan.forward()
    assert np.isclose(compile_plan(net, naive=True).forward(), before, rtol=1e-4)
    net.clear_param_diffs()
    plan.backward()
    for learnable in net.learnables:
        learnable.blob.data -= np.float32(1e-3 * learnable.lr_mult) * learnable.blob.diff
    assert plan.forward() < before


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name):
    run(name, 1)


@pytest.mark.slow
def test_ssd_learns_to_find_boxes():
    """Trained by Adam on four images with a bright box each, it finds those boxes and no others."""
    writer, detectors = map(importlib.import_module, ("zoo.writer", "zoo.detectors"))

    def made(phase: str, share: Net | None = None, **form: int) -> Net:
        text = writer.Writer(narrow=8)
        detectors.ssd300(text, batch=4, classes=3, **form)
        return build(build_graph(parse_net(text.prototxt("ssd")), phase), seed=None if share else 1, share=share)

    generator = np.random.default_rng(0)
    images, labels = generator.normal(0, 0.1, (4, 3, 300, 300)), np.zeros((4, 8))
    for image, label, kind in zip(images, labels, (1, 2, 1, 2), strict=True):
        sides = generator.integers(60, 200, 2)
        left, top = first = generator.integers(0, 300 - sides)
        image[kind, top : top + sides[1], left : left + sides[0]] += 1
        label[1], label[3:5], label[5:7] = kind, first / 300, (first + sides) / 300
    labels[:, 0] = range(4)

    train = made("TRAIN", objects=4)
    train.blobs["data"].data[...] = images
    train.blobs["label"].data[0, 0] = labels
    fields = 'type: "Adam" base_lr: 0.001 lr_policy: "fixed" momentum: 0.9 momentum2: 0.99 max_iter: 200 '
    fields += "snapshot_after_train: false"
    Solver(parse_solver(fields).solver, compile_plan(train), []).solve()

    test = made("TEST", train)
    test.blobs["data"].data[...] = images
    compile_plan(test, forward_only=True).forward()
    found = test.blobs["detection_out"].data[0, 0]
    sure = found[found[:, 2] > 0.5]
    np.testing.assert_array_equal(sure[:, :2], labels[:, :2])
    np.testing.assert_allclose(sure[:, 3:], labels[:, 3:7], atol=0.05)
