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


# Numbers to learn as published, and what BatchNorm layers keep besides: a mean and a variance for each channel, and a
# factor for each layer.
@pytest.mark.parametrize(
    ("name", "learned", "kept"),
    [
        ("cifar10_quick", 145_578, 0),
        ("caffenet", 60_965_224, 0),
        ("googlenet", 6_998_552, 0),
        ("resnet50", 25_557_032 + 64, 2 * 26_560 + 53),  # the Caffe net's first convolution has a bias
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


# Multiply-accumulate operations of one image, in millions.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("caffenet", 724),
        ("googlenet", 1582),
        ("resnet50", 3858),
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
        ("resnet50", "res5c", (2, 2048, 7, 7)),
        ("vgg16", "pool5", (2, 512, 7, 7)),
        ("mobilenet", "conv14/sep", (2, 1024, 7, 7)),
        ("squeezenet", "fire9/concat", (2, 512, 14, 14)),
    ],
)
def test_shapes(name, layer, shape):
    found = {entry.name: entry.tops for entry in summary_of(name, "TEST").layers}
    assert found[layer] == {layer: shape}
