"""The nets that are measured, written as prototxt: `python benchmarks/nets.py googlenet --batch 10 > net.prototxt`.

The architectures are those of the published Caffe nets; blocks that repeat are loops here. Each net has a deploy form,
from an Input layer to a Softmax, and a train form, from a data layer to a SoftmaxWithLoss.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Writer:
    """Collects layers; every method adds some and returns the name of their top."""

    text: list[str] = field(default_factory=list)

    def layer(self, kind: str, name: str, bottoms: str | list[str], top: str, body: str = "") -> str:
        """Add a layer of the type `kind`."""
        bottoms = [bottoms] if isinstance(bottoms, str) else bottoms
        words = [f'name: "{name}"', f'type: "{kind}"', *(f'bottom: "{b}"' for b in bottoms), f'top: "{top}"', body]
        self.text.append(f"layer {{ {' '.join(filter(None, words))} }}")
        return top

    def relu(self, x: str, name: str) -> str:
        return self.layer("ReLU", name, x, x)

    def conv(
        self, x: str, name: str, outputs: int, kernel: int, *,
        stride: int = 1, pad: int = 0, group: int = 1, bias: bool = True, std: float = 0.0,
    ) -> str:  # fmt: skip
        """Add a convolution; its weights come from He's filler, or with `std` from a Gaussian."""
        numbers = {"num_output": outputs, "kernel_size": kernel, "stride": stride, "pad": pad, "group": group}
        defaults = {"stride": 1, "pad": 0, "group": 1}
        fields = [f"{key}: {value}" for key, value in numbers.items() if defaults.get(key) != value]
        fields += [] if bias else ["bias_term: false"]
        filler = f'type: "gaussian" std: {std}' if std else 'type: "msra"'
        rates = _RATES if bias else ""
        return self.layer(
            "Convolution",
            name,
            x,
            name,
            f"{rates}convolution_param {{ {' '.join(fields)} weight_filler {{ {filler} }} }}",
        )

    def conv_relu(self, x: str, name: str, outputs: int, kernel: int, *, relu: str = "", **geometry: int) -> str:
        return self.relu(self.conv(x, name, outputs, kernel, **geometry), relu or f"relu_{name}")  # type: ignore[arg-type]

    def conv_bn(self, x: str, name: str, outputs: int, kernel: int, *, bias: bool = False, **geometry: int) -> str:
        """Add a convolution, BatchNorm and Scale."""
        x = self.conv(x, name, outputs, kernel, bias=bias, **geometry)  # type: ignore[arg-type]
        self.layer("BatchNorm", f"{name}/bn", x, x)
        return self.layer("Scale", f"{name}/scale", x, x, "scale_param { bias_term: true }")

    def pool(self, x: str, name: str, kind: str, kernel: int, stride: int, pad: int = 0) -> str:
        padding = f" pad: {pad}" if pad else ""
        fields = f"pool: {kind} kernel_size: {kernel} stride: {stride}{padding}"
        return self.layer("Pooling", name, x, name, f"pooling_param {{ {fields} }}")

    def global_pool(self, x: str, name: str) -> str:
        return self.layer("Pooling", name, x, name, "pooling_param { pool: AVE global_pooling: true }")

    def lrn(self, x: str, name: str) -> str:
        return self.layer("LRN", name, x, name, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")

    def full(self, x: str, name: str, outputs: int, std: float = 0.01) -> str:
        filler = f'weight_filler {{ type: "gaussian" std: {std} }}'
        return self.layer(
            "InnerProduct", name, x, name, f"{_RATES}inner_product_param {{ num_output: {outputs} {filler} }}"
        )

    def dropout(self, x: str, name: str, ratio: float) -> str:
        return self.layer("Dropout", name, x, x, f"dropout_param {{ dropout_ratio: {ratio} }}")


_RATES = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 } "


def cifar10_quick(net: Writer, x: str) -> str:
    """Caffe's quick CIFAR-10 example."""
    x = net.conv(x, "conv1", 32, 5, pad=2, std=0.0001)
    x = net.relu(net.pool(x, "pool1", "MAX", 3, 2), "relu1")
    x = net.relu(net.conv(x, "conv2", 32, 5, pad=2, std=0.01), "relu2")
    x = net.pool(x, "pool2", "AVE", 3, 2)
    x = net.relu(net.conv(x, "conv3", 64, 5, pad=2, std=0.01), "relu3")
    x = net.pool(x, "pool3", "AVE", 3, 2)
    return net.full(net.full(x, "ip1", 64, 0.1), "ip2", 10, 0.1)


def caffenet(net: Writer, x: str) -> str:
    """AlexNet in Caffe's reference form: pooling before normalization."""
    x = net.conv_relu(x, "conv1", 96, 11, stride=4, relu="relu1")
    x = net.lrn(net.pool(x, "pool1", "MAX", 3, 2), "norm1")
    x = net.conv_relu(x, "conv2", 256, 5, pad=2, group=2, relu="relu2")
    x = net.lrn(net.pool(x, "pool2", "MAX", 3, 2), "norm2")
    x = net.conv_relu(x, "conv3", 384, 3, pad=1, relu="relu3")
    x = net.conv_relu(x, "conv4", 384, 3, pad=1, group=2, relu="relu4")
    x = net.conv_relu(x, "conv5", 256, 3, pad=1, group=2, relu="relu5")
    x = net.pool(x, "pool5", "MAX", 3, 2)
    return _classifier(net, x, 0.005)


def vgg16(net: Writer, x: str) -> str:
    """Simonyan and Zisserman's configuration D."""
    for block, (outputs, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for i in range(1, depth + 1):
            x = net.conv_relu(x, f"conv{block}_{i}", outputs, 3, pad=1, relu=f"relu{block}_{i}")
        x = net.pool(x, f"pool{block}", "MAX", 2, 2)
    return _classifier(net, x, 0.01)


def _classifier(net: Writer, x: str, std: float) -> str:
    for number in (6, 7):
        x = net.relu(net.full(x, f"fc{number}", 4096, std), f"relu{number}")
        x = net.dropout(x, f"drop{number}", 0.5)
    return net.full(x, "fc8", 1000)


# Outputs of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection; None for a pooling.
_INCEPTIONS: dict[str, tuple[int, ...] | None] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "pool3": None,
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "pool4": None,
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet(net: Writer, x: str) -> str:
    """Inception v1, without the side classifiers of its training."""
    x = net.conv_relu(x, "conv1/7x7_s2", 64, 7, stride=2, pad=3)
    x = net.lrn(net.pool(x, "pool1/3x3_s2", "MAX", 3, 2), "pool1/norm1")
    x = net.conv_relu(x, "conv2/3x3_reduce", 64, 1)
    x = net.lrn(net.conv_relu(x, "conv2/3x3", 192, 3, pad=1), "conv2/norm2")
    x = net.pool(x, "pool2/3x3_s2", "MAX", 3, 2)
    for name, outputs in _INCEPTIONS.items():
        x = net.pool(x, f"{name}/3x3_s2", "MAX", 3, 2) if outputs is None else _inception(net, x, name, outputs)
    x = net.dropout(net.pool(x, "pool5/7x7_s1", "AVE", 7, 1), "pool5/drop_7x7_s1", 0.4)
    return net.full(x, "loss3/classifier", 1000)


def _inception(net: Writer, x: str, name: str, outputs: tuple[int, ...]) -> str:
    direct, reduce3, three, reduce5, five, projection = outputs
    at = f"inception_{name}"
    branches = [
        net.conv_relu(x, f"{at}/1x1", direct, 1),
        net.conv_relu(net.conv_relu(x, f"{at}/3x3_reduce", reduce3, 1), f"{at}/3x3", three, 3, pad=1),
        net.conv_relu(net.conv_relu(x, f"{at}/5x5_reduce", reduce5, 1), f"{at}/5x5", five, 5, pad=2),
        net.conv_relu(net.pool(x, f"{at}/pool", "MAX", 3, 1, 1), f"{at}/pool_proj", projection, 1),
    ]
    return net.layer("Concat", f"{at}/output", branches, f"{at}/output")


def resnet50(net: Writer, x: str) -> str:
    """He's residual net of 50 layers; strides sit on the first 1x1 convolution of a block, as in the Caffe net."""
    x = net.relu(net.conv_bn(x, "conv1", 64, 7, stride=2, pad=3, bias=True), "conv1_relu")
    x = net.pool(x, "pool1", "MAX", 3, 2)
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for block in range(blocks):
            stride = 2 if stage > 2 and block == 0 else 1
            at = f"res{stage}{chr(ord('a') + block)}"
            shortcut = net.conv_bn(x, f"{at}_branch1", 4 * width, 1, stride=stride) if block == 0 else x
            x = net.relu(net.conv_bn(x, f"{at}_branch2a", width, 1, stride=stride), f"{at}_branch2a_relu")
            x = net.relu(net.conv_bn(x, f"{at}_branch2b", width, 3, pad=1), f"{at}_branch2b_relu")
            x = net.conv_bn(x, f"{at}_branch2c", 4 * width, 1)
            x = net.relu(net.layer("Eltwise", at, [shortcut, x], at), f"{at}_relu")
    return net.full(net.pool(x, "pool5", "AVE", 7, 1), "fc1000", 1000)


def mobilenet(net: Writer, x: str) -> str:
    """Howard's MobileNet v1, of full width: depthwise convolutions are groups of one channel."""
    x = net.relu(net.conv_bn(x, "conv1", 32, 3, stride=2, pad=1), "relu1")
    inputs = 32
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for number, (outputs, stride) in enumerate(plan, 2):
        at = f"conv{number}"
        x = net.conv_bn(x, f"{at}/dw", inputs, 3, stride=stride, pad=1, group=inputs)
        x = net.conv_bn(net.relu(x, f"relu{number}/dw"), f"{at}/sep", outputs, 1)
        x = net.relu(x, f"relu{number}/sep")
        inputs = outputs
    x = net.conv(net.global_pool(x, "pool6"), "fc7", 1000, 1)
    return net.layer("Flatten", "fc7/flat", x, "fc7/flat")


def squeezenet(net: Writer, x: str) -> str:
    """Iandola's SqueezeNet 1.1."""
    x = net.pool(net.conv_relu(x, "conv1", 64, 3, stride=2), "pool1", "MAX", 3, 2)
    for number, (squeeze, expand) in enumerate(((16, 64), (16, 64), (32, 128), (32, 128), *_LATE_FIRES), 2):
        at = f"fire{number}"
        x = net.conv_relu(x, f"{at}/squeeze1x1", squeeze, 1)
        halves = [
            net.conv_relu(x, f"{at}/expand1x1", expand, 1),
            net.conv_relu(x, f"{at}/expand3x3", expand, 3, pad=1),
        ]
        x = net.layer("Concat", f"{at}/concat", halves, f"{at}/concat")
        if number in (3, 5):
            x = net.pool(x, f"pool{number}", "MAX", 3, 2)
    x = net.conv_relu(net.dropout(x, "drop9", 0.5), "conv10", 1000, 1)
    return net.layer("Flatten", "pool10/flat", net.global_pool(x, "pool10"), "pool10/flat")


_LATE_FIRES = ((48, 192), (48, 192), (64, 256), (64, 256))


@dataclass(frozen=True)
class Definition:
    """A net: what writes its layers, channels and size of its images, and how many classes it tells apart."""

    write: Callable[[Writer, str], str]
    channels: int
    size: int
    classes: int = 1000


NETS = {
    "cifar10_quick": Definition(cifar10_quick, 3, 32, 10),
    "caffenet": Definition(caffenet, 3, 227),
    "googlenet": Definition(googlenet, 3, 224),
    "resnet50": Definition(resnet50, 3, 224),
    "vgg16": Definition(vgg16, 3, 224),
    "mobilenet": Definition(mobilenet, 3, 224),
    "squeezenet": Definition(squeezenet, 3, 227),
}


def prototxt(definition: Definition, batch: int, *, train: bool = False, source: str | None = None) -> str:
    """Write a net.

    Args:
        definition: Of NETS, or one of your own.
        batch: Images a pass.
        train: Whether labels come in and a loss goes out.
        source: The database of the train form; without one its blobs are constant, and whoever runs it fills them.
    """
    shape = f"shape {{ dim: {batch} dim: {definition.channels} dim: {definition.size} dim: {definition.size} }}"
    net = Writer()
    if not train:
        net.text.append(f'layer {{ name: "data" type: "Input" top: "data" input_param {{ {shape} }} }}')
    elif source is None:
        body = f"dummy_data_param {{ {shape} shape {{ dim: {batch} }} }}"
        net.text.append(f'layer {{ name: "data" type: "DummyData" top: "data" top: "label" {body} }}')
    else:
        body = (
            f'data_param {{ source: "{source}" batch_size: {batch} backend: LMDB }} transform_param {{ scale: 0.0039 }}'
        )
        net.text.append(f'layer {{ name: "data" type: "Data" top: "data" top: "label" {body} }}')
    scores = definition.write(net, "data")
    if train:
        net.layer("SoftmaxWithLoss", "loss", [scores, "label"], "loss")
    else:
        net.layer("Softmax", "prob", scores, "prob")
    name = definition.write.__name__
    return "\n".join([f'name: "{name}"', *net.text]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("net", choices=sorted(NETS))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--train", action="store_true", help="with labels and a loss, instead of the deploy form")
    options = parser.parse_args()
    print(prototxt(NETS[options.net], options.batch, train=options.train), end="")


if __name__ == "__main__":
    main()
