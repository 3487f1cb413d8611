"""Published nets, written as prototxt: `python benchmarks/nets.py googlenet --batch 10 > net.prototxt`.

The architectures are those of the published Caffe nets; blocks that repeat are loops, in the folder `zoo`. Each
classifier of images has a deploy form, from an Input layer to a Softmax, and a train form, from a data layer to a
SoftmaxWithLoss; the other nets have their own inputs and ends.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from zoo import captioners, classifiers, detectors, segmenters
from zoo.writer import Writer, shape_field


@dataclass(frozen=True)
class Definition:
    """A net: what writes its layers, channels and size of its images, and how many classes it tells apart."""

    write: Callable[[Writer, str], str]
    channels: int
    size: int
    classes: int = 1000


NETS = {
    "cifar10_quick": Definition(classifiers.cifar10_quick, 3, 32, 10),
    "alexnet": Definition(classifiers.alexnet, 3, 227),
    "caffenet": Definition(classifiers.caffenet, 3, 227),
    "googlenet": Definition(classifiers.googlenet, 3, 224),
    "googlenet_with_sides": Definition(classifiers.googlenet_with_sides, 3, 224),  # train form only
    "nin": Definition(classifiers.nin, 3, 224),
    "resnet50": Definition(classifiers.resnet50, 3, 224),
    "resnet152": Definition(classifiers.resnet152, 3, 224),
    "vgg16": Definition(classifiers.vgg16, 3, 224),
    "mobilenet": Definition(classifiers.mobilenet, 3, 224),
    "squeezenet": Definition(classifiers.squeezenet, 3, 227),
}

OTHERS: dict[str, Callable[[Writer], None]] = {
    "faster_rcnn": detectors.faster_rcnn,
    "fcn8s": segmenters.fcn8s,
    "hed": segmenters.hed,
    "lrcn": captioners.lrcn,
    "segnet": segmenters.segnet,
    "ssd300": detectors.ssd300,
    "ssd300_train": partial(detectors.ssd300, batch=2, objects=6),
}


def prototxt(
    definition: Definition, batch: int, *, train: bool = False, source: str | None = None, narrow: int = 1
) -> str:
    """Write a classifier.

    Args:
        definition: Of NETS, or one of your own.
        batch: Images a pass.
        train: Whether labels come in and a loss goes out.
        source: The database of the train form; without one its blobs are constant, and whoever runs it fills them.
        narrow: What the channels of hidden layers are divided by.
    """
    shape = (batch, definition.channels, definition.size, definition.size)
    net = Writer(narrow)
    if not train:
        net.input("data", *shape)
    elif source is None:
        body = f"dummy_data_param {{ {shape_field(shape)} {shape_field((batch,))} }}"
        net.layer("DummyData", "data", [], ["data", "label"], body)
    else:
        fields = f'source: "{source}" batch_size: {batch} backend: LMDB'
        body = f"data_param {{ {fields} }} transform_param {{ scale: 0.0039 }}"
        net.layer("Data", "data", [], ["data", "label"], body)
    scores = definition.write(net, "data")
    if train:
        net.layer("SoftmaxWithLoss", "loss", [scores, "label"])
    else:
        net.layer("Softmax", "prob", scores)
    return net.prototxt(definition.write.__name__)


def other(name: str, narrow: int = 1) -> str:
    """Write a net of OTHERS; `narrow` as for `prototxt`."""
    net = Writer(narrow)
    OTHERS[name](net)
    return net.prototxt(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("net", choices=sorted(NETS | OTHERS))
    parser.add_argument("--batch", type=int, default=1, help="of a classifier")
    parser.add_argument("--train", action="store_true", help="a classifier with labels and a loss, to be trained")
    options = parser.parse_args()
    if options.net in OTHERS:
        print(other(options.net), end="")
    else:
        print(prototxt(NETS[options.net], options.batch, train=options.train), end="")


if __name__ == "__main__":
    main()
