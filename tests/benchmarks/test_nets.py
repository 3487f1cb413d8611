from __future__ import annotations

import importlib

import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import infer_shapes
from pycaffelite.report.summary import NetSummary, summarize
from pycaffelite.schema.reader import parse_net


def summary_of(name: str, phase: str, **form: object) -> NetSummary:
    nets = importlib.import_module("nets")
    text = nets.prototxt(nets.NETS[name], 2, **form)
    return summarize(name, phase, infer_shapes(build_graph(parse_net(text), phase)))


# Numbers to learn, and what BatchNorm layers keep besides: a mean and a variance for each channel, and a factor for
# each layer. AlexNet, CaffeNet and Network in Network: a quarter of the bytes of the weights in Caffe's model zoo, 233
# and 29 MiB. VGG, the ResNets, SqueezeNet and MobileNet: as torchvision and their authors count them.
@pytest.mark.parametrize(
    ("name", "learned", "kept"),
    [
        ("cifar10_quick", 145_578, 0),
        ("alexnet", 60_965_224, 0),
        ("caffenet", 60_965_224, 0),
        ("googlenet", 6_998_552, 0),
        ("nin", 7_595_176, 0),
        ("resnet50", 25_557_032 + 64, 2 * 26_560 + 53),  # the Caffe net's first convolution has a bias
        ("resnet152", 60_192_808, 2 * 75_712 + 155),
        ("vgg16", 138_357_544, 0),
        ("mobilenet", 4_231_976, 2 * 10_944 + 27),
        ("squeezenet", 1_235_496, 0),
    ],
)
def test_parameters_and_tops(name, learned, kept):
    definition = importlib.import_module("nets").NETS[name]
    deploy = summary_of(name, "TEST")
    assert deploy.parameters == learned + kept
    assert deploy.layers[-1].tops == {"prob": (2, definition.classes)}
    train = summary_of(name, "TRAIN", train=True)
    assert train.parameters == deploy.parameters
    assert train.layers[-1].tops == {"loss": ()}


def test_side_classifiers():  # together 13,378,280 numbers, the 51 MiB of the weights in the model zoo
    plain, sides = (summary_of(name, "TRAIN", train=True) for name in ("googlenet", "googlenet_with_sides"))
    # Of each: a convolution to 128 channels, 4 x 4 of them to 1,024 numbers, those to the scores.
    hidden = (16 * 128 + 1) * 1024 + 1025 * 1000
    assert sides.parameters - plain.parameters == 2 * hidden + (513 + 529) * 128
    tops = {layer.name: layer.tops for layer in sides.layers}
    assert tops["loss1/ave_pool"] == {"loss1/ave_pool": (2, 512, 4, 4)}
    assert tops["loss2/ave_pool"] == {"loss2/ave_pool": (2, 528, 4, 4)}
    assert tops["loss1/loss"] == {"loss1/loss": ()}


# Multiply-accumulate operations of one image, in millions.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("alexnet", 724),
        ("caffenet", 724),
        ("googlenet", 1582),
        ("nin", 1100),
        ("resnet50", 3858),
        ("resnet152", 11282),
        ("vgg16", 15470),
        ("mobilenet", 569),
        ("squeezenet", 388),
    ],
)
def test_arithmetic(name, millions):
    assert summary_of(name, "TEST").macs / 2e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(
    ("name", "layer", "shape"),
    [
        ("cifar10_quick", "pool3", (2, 64, 4, 4)),
        ("caffenet", "pool5", (2, 256, 6, 6)),
        ("googlenet", "inception_5b/output", (2, 1024, 7, 7)),
        ("nin", "cccp8-1024", (2, 1000, 6, 6)),
        ("resnet50", "res5c", (2, 2048, 7, 7)),
        ("resnet152", "res4b35", (2, 1024, 14, 14)),
        ("vgg16", "pool5", (2, 512, 7, 7)),
        ("mobilenet", "conv14/sep", (2, 1024, 7, 7)),
        ("squeezenet", "fire9/concat", (2, 512, 14, 14)),
    ],
)
def test_shapes(name, layer, shape):
    found = {entry.name: entry.tops for entry in summary_of(name, "TEST").layers}
    assert found[layer] == {layer: shape}
