"""Nets that tell classes of images apart; each function goes from the images to the scores."""

from __future__ import annotations

from zoo.writer import Writer


def cifar10_quick(net: Writer, x: str) -> str:
    """Caffe's quick CIFAR-10 example."""
    x = net.conv(x, "conv1", 32, 5, pad=2, std=0.0001)
    x = net.relu(net.pool(x, "pool1", "MAX", 3, 2), "relu1")
    x = net.relu(net.conv(x, "conv2", 32, 5, pad=2, std=0.01), "relu2")
    x = net.pool(x, "pool2", "AVE", 3, 2)
    x = net.relu(net.conv(x, "conv3", 64, 5, pad=2, std=0.01), "relu3")
    x = net.pool(x, "pool3", "AVE", 3, 2)
    return net.full(net.full(x, "ip1", 64, 0.1), "ip2", 10, 0.1, scores=True)


def alexnet(net: Writer, x: str) -> str:
    """Krizhevsky, Sutskever and Hinton's net: normalization before pooling, groups where it ran on two processors."""
    x = net.pool(net.lrn(net.conv_relu(x, "conv1", 96, 11, stride=4, relu="relu1"), "norm1"), "pool1", "MAX", 3, 2)
    x = net.conv_relu(x, "conv2", 256, 5, pad=2, group=2, relu="relu2")
    return _five_convolutions(net, net.pool(net.lrn(x, "norm2"), "pool2", "MAX", 3, 2))


def caffenet(net: Writer, x: str) -> str:
    """AlexNet in Caffe's reference form: pooling before normalization."""
    x = net.conv_relu(x, "conv1", 96, 11, stride=4, relu="relu1")
    x = net.lrn(net.pool(x, "pool1", "MAX", 3, 2), "norm1")
    x = net.conv_relu(x, "conv2", 256, 5, pad=2, group=2, relu="relu2")
    return _five_convolutions(net, net.lrn(net.pool(x, "pool2", "MAX", 3, 2), "norm2"))


def _five_convolutions(net: Writer, x: str) -> str:
    """Go on from the second convolution of five, and classify."""
    x = net.conv_relu(x, "conv3", 384, 3, pad=1, relu="relu3")
    x = net.conv_relu(x, "conv4", 384, 3, pad=1, group=2, relu="relu4")
    x = net.conv_relu(x, "conv5", 256, 3, pad=1, group=2, relu="relu5")
    x = net.pool(x, "pool5", "MAX", 3, 2)
    return net.full(hidden_pair(net, x, 0.005), "fc8", 1000, scores=True)


def vgg16(net: Writer, x: str) -> str:
    """Simonyan and Zisserman's configuration D."""
    for block in range(1, 6):
        x = net.pool(vgg_block(net, x, block), f"pool{block}", "MAX", 2, 2)
    return net.full(hidden_pair(net, x, 0.01), "fc8", 1000, scores=True)


VGG_BLOCKS = {1: (64, 2), 2: (128, 2), 3: (256, 3), 4: (512, 3), 5: (512, 3)}


def vgg_block(net: Writer, x: str, block: int, pad: int = 1) -> str:
    """Write the convolutions of one of VGG-16's five blocks; `pad` is that of the first of them."""
    outputs, depth = VGG_BLOCKS[block]
    for i in range(1, depth + 1):
        padding = pad if i == 1 else 1
        x = net.conv_relu(x, f"conv{block}_{i}", outputs, 3, pad=padding, relu=f"relu{block}_{i}")
    return x


def hidden_pair(net: Writer, x: str, std: float) -> str:
    """Write AlexNet's and VGG's two hidden layers of 4,096, which later nets took over."""
    for number in (6, 7):
        x = net.relu(net.full(x, f"fc{number}", 4096, std), f"relu{number}")
        x = net.dropout(x, f"drop{number}", 0.5)
    return x


def nin(net: Writer, x: str) -> str:
    """Lin, Chen and Yan's Network in Network for ImageNet: convolutions, each with two of 1x1 behind it."""
    plan = (("conv1", 96, 11, {"stride": 4}), ("conv2", 256, 5, {"pad": 2}), ("conv3", 384, 3, {"pad": 1}))
    for block, (name, outputs, kernel, geometry) in enumerate(plan):
        x = net.conv_relu(x, name, outputs, kernel, relu=f"relu{block}", **geometry)
        for cccp in (2 * block + 1, 2 * block + 2):
            x = net.conv_relu(x, f"cccp{cccp}", outputs, 1)
        x = net.pool(x, f"pool{block + 1}", "MAX", 3, 2)
    x = net.conv_relu(net.dropout(x, "drop", 0.5), "conv4-1024", 1024, 3, pad=1)
    x = net.relu(net.conv(net.conv_relu(x, "cccp7-1024", 1024, 1), "cccp8-1024", 1000, 1, scores=True), "relu_cccp8")
    return net.layer("Flatten", "pool4/flat", net.global_pool(x, "pool4"))


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
_SIDES = {"4a": "loss1", "4d": "loss2"}


def googlenet(net: Writer, x: str, label: str = "") -> str:
    """Inception v1; with a label it has the two side classifiers of its training, and their losses."""
    x = net.conv_relu(x, "conv1/7x7_s2", 64, 7, stride=2, pad=3)
    x = net.lrn(net.pool(x, "pool1/3x3_s2", "MAX", 3, 2), "pool1/norm1")
    x = net.conv_relu(x, "conv2/3x3_reduce", 64, 1)
    x = net.lrn(net.conv_relu(x, "conv2/3x3", 192, 3, pad=1), "conv2/norm2")
    x = net.pool(x, "pool2/3x3_s2", "MAX", 3, 2)
    for name, outputs in _INCEPTIONS.items():
        x = net.pool(x, f"{name}/3x3_s2", "MAX", 3, 2) if outputs is None else _inception(net, x, name, outputs)
        if label and name in _SIDES:
            _side(net, x, _SIDES[name], label)
    x = net.dropout(net.pool(x, "pool5/7x7_s1", "AVE", 7, 1), "pool5/drop_7x7_s1", 0.4)
    return net.full(x, "loss3/classifier", 1000, scores=True)


def googlenet_with_sides(net: Writer, x: str) -> str:
    """Inception v1 as it was trained, for images with a blob of labels."""
    return googlenet(net, x, "label")


def _inception(net: Writer, x: str, name: str, outputs: tuple[int, ...]) -> str:
    direct, reduce3, three, reduce5, five, projection = outputs
    at = f"inception_{name}"
    branches = [
        net.conv_relu(x, f"{at}/1x1", direct, 1),
        net.conv_relu(net.conv_relu(x, f"{at}/3x3_reduce", reduce3, 1), f"{at}/3x3", three, 3, pad=1),
        net.conv_relu(net.conv_relu(x, f"{at}/5x5_reduce", reduce5, 1), f"{at}/5x5", five, 5, pad=2),
        net.conv_relu(net.pool(x, f"{at}/pool", "MAX", 3, 1, 1), f"{at}/pool_proj", projection, 1),
    ]
    return net.layer("Concat", f"{at}/output", branches)


def _side(net: Writer, x: str, at: str, label: str) -> None:
    """Write a classifier beside the trunk, whose loss counts 0.3."""
    x = net.conv_relu(net.pool(x, f"{at}/ave_pool", "AVE", 5, 3), f"{at}/conv", 128, 1)
    x = net.dropout(net.relu(net.full(x, f"{at}/fc", 1024), f"{at}/relu_fc"), f"{at}/drop_fc", 0.7)
    x = net.full(x, f"{at}/classifier", 1000, scores=True)
    net.layer("SoftmaxWithLoss", f"{at}/loss", [x, label], f"{at}/loss", "loss_weight: 0.3")


def resnet50(net: Writer, x: str) -> str:
    """He's residual net of 50 layers."""
    return _resnet(net, x, (3, 4, 6, 3), first_bias=True)


def resnet152(net: Writer, x: str) -> str:
    """He's residual net of 152 layers."""
    return _resnet(net, x, (3, 8, 36, 3), first_bias=False)


def _resnet(net: Writer, x: str, depths: tuple[int, ...], *, first_bias: bool) -> str:
    """Strides sit on the first 1x1 convolution of a block, as in the Caffe nets."""
    x = net.relu(net.conv_bn(x, "conv1", 64, 7, stride=2, pad=3, bias=first_bias), "conv1_relu")
    x = net.pool(x, "pool1", "MAX", 3, 2)
    for stage, blocks in enumerate(depths, 2):
        width = 16 * 2**stage
        for block in range(blocks):
            stride = 2 if stage > 2 and block == 0 else 1
            letters = blocks <= 6 or block == 0  # long stages count: res4a, res4b1, res4b2 ...
            at = f"res{stage}{chr(ord('a') + block)}" if letters else f"res{stage}b{block}"
            shortcut = net.conv_bn(x, f"{at}_branch1", 4 * width, 1, stride=stride) if block == 0 else x
            x = net.relu(net.conv_bn(x, f"{at}_branch2a", width, 1, stride=stride), f"{at}_branch2a_relu")
            x = net.relu(net.conv_bn(x, f"{at}_branch2b", width, 3, pad=1), f"{at}_branch2b_relu")
            x = net.conv_bn(x, f"{at}_branch2c", 4 * width, 1)
            x = net.relu(net.add(shortcut, x, at), f"{at}_relu")
    return net.full(net.pool(x, "pool5", "AVE", 7, 1), "fc1000", 1000, scores=True)


def mobilenet(net: Writer, x: str) -> str:
    """Howard's MobileNet v1, of full width: depthwise convolutions are groups of one channel."""
    x = net.relu(net.conv_bn(x, "conv1", 32, 3, stride=2, pad=1), "relu1")
    inputs = 32
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for number, (outputs, stride) in enumerate(plan, 2):
        at = f"conv{number}"
        x = net.conv_bn(x, f"{at}/dw", inputs, 3, stride=stride, pad=1, group=net.hidden(inputs))
        x = net.conv_bn(net.relu(x, f"relu{number}/dw"), f"{at}/sep", outputs, 1)
        x = net.relu(x, f"relu{number}/sep")
        inputs = outputs
    x = net.conv(net.global_pool(x, "pool6"), "fc7", 1000, 1, scores=True)
    return net.layer("Flatten", "fc7/flat", x)


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
        x = net.layer("Concat", f"{at}/concat", halves)
        if number in (3, 5):
            x = net.pool(x, f"pool{number}", "MAX", 3, 2)
    x = net.relu(net.conv(net.dropout(x, "drop9", 0.5), "conv10", 1000, 1, scores=True), "relu_conv10")
    return net.layer("Flatten", "pool10/flat", net.global_pool(x, "pool10"))


_LATE_FIRES = ((48, 192), (48, 192), (64, 256), (64, 256))
