"""Nets that give each pixel a class."""

from __future__ import annotations

from zoo.classifiers import VGG_BLOCKS, vgg_block
from zoo.writer import Writer


def fcn8s(net: Writer, height: int = 500, width: int = 500, classes: int = 21) -> None:
    """Long, Shelhamer and Darrell's FCN-8s: VGG-16 as a sliding window, scores of three depths added up.

    The first convolution pads by 100, so that every size of image works; the crops take that off again.
    """
    x = net.input("data", 1, 3, height, width)
    net.input("label", 1, 1, height, width)
    pools = {}
    for block in range(1, 6):
        x = vgg_block(net, x, block, pad=100 if block == 1 else 1)
        x = pools[block] = net.pool(x, f"pool{block}", "MAX", 2, 2)
    for name, kernel in (("6", 7), ("7", 1)):
        x = net.dropout(net.conv_relu(x, f"fc{name}", 4096, kernel, relu=f"relu{name}"), f"drop{name}", 0.5)
    x = net.deconv(net.conv(x, "score_fr", classes, 1, scores=True), "upscore2", classes, 4, 2)
    for block, offset, kernel, stride in ((4, 5, 4, 2), (3, 9, 16, 8)):
        score = net.conv(pools[block], f"score_pool{block}", classes, 1, scores=True)
        x = net.add(x, net.crop(score, f"score_pool{block}c", x, offset), f"fuse_pool{block}")
        x = net.deconv(x, "upscore_pool4" if block == 4 else "upscore8", classes, kernel, stride)
    score = net.crop(x, "score", "data", 31)
    net.layer("SoftmaxWithLoss", "loss", [score, "label"], body="loss_param { ignore_label: 255 normalize: false }")


def segnet(net: Writer, height: int = 360, width: int = 480, classes: int = 11) -> None:
    """Badrinarayanan, Kendall and Cipolla's SegNet: VGG-16's convolutions, and the way back through the pooling masks.

    Poolings round sizes up, so the way back states the size that each of them had read.
    """
    x = net.input("data", 1, 3, height, width)
    net.input("label", 1, 1, height, width)
    sizes = {}
    for block, (outputs, depth) in VGG_BLOCKS.items():
        for i in range(1, depth + 1):
            x = _normalized(net, x, f"conv{block}_{i}", outputs)
        sizes[block] = (height, width)
        masked = [f"pool{block}", f"pool{block}_mask"]
        x = net.layer("Pooling", masked[0], x, masked, "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
        height, width = -(-height // 2), -(-width // 2)
    for block, (outputs, depth) in reversed(VGG_BLOCKS.items()):
        size = "upsample_h: {} upsample_w: {}".format(*sizes[block])
        x = net.layer("Upsample", f"upsample{block}", [x, f"pool{block}_mask"], body=f"upsample_param {{ {size} }}")
        for i in range(depth, 0, -1):
            if (block, i) != (1, 1):
                x = _normalized(net, x, f"conv{block}_{i}_D", VGG_BLOCKS[block - 1][0] if i == 1 else outputs)
    x = net.conv(x, "conv1_1_D", classes, 3, pad=1, scores=True)
    net.layer("SoftmaxWithLoss", "loss", [x, "label"], body="loss_param { ignore_label: 11 }")


def _normalized(net: Writer, x: str, name: str, outputs: int) -> str:
    """Write a convolution and the fork's BN, whose statistics are those of the batch."""
    x = net.conv(x, name, outputs, 3, pad=1)
    fillers = 'scale_filler { type: "constant" value: 1 } shift_filler { type: "constant" value: 0.001 }'
    return net.relu(net.layer("BN", f"{name}_bn", x, x, f"bn_param {{ {fillers} }}"), f"relu{name[4:]}")


def hed(net: Writer, height: int = 320, width: int = 480) -> None:
    """Xie and Tu's holistically-nested edge detection: each block of VGG-16 predicts edges, and so do all together.

    Block s predicts every 2^(s-1) pixels. The crops take off what the first convolution pads, and half a stride.
    """
    x = net.input("data", 1, 3, height, width)
    net.input("label", 1, 1, height, width)
    sides = []
    for block in range(1, 6):
        x = vgg_block(net, x, block, pad=35 if block == 1 else 1)
        side, stride = net.conv(x, f"score-dsn{block}", 1, 1, scores=True), 2 ** (block - 1)
        if block > 1:
            side = net.deconv(side, f"score-dsn{block}-up", 1, 2 * stride, stride)
        sides.append(net.crop(side, f"upscore-dsn{block}", "data", 34 + stride // 2))
        _edge_loss(net, sides[-1], f"dsn{block}_loss")
        if block < 5:
            x = net.pool(x, f"pool{block}", "MAX", 2, 2)
    fused = net.conv(net.layer("Concat", "concat-upscore", sides), "upscore-fuse", 1, 1, scores=True)
    _edge_loss(net, fused, "fuse_loss")


def _edge_loss(net: Writer, scores: str, name: str) -> None:
    net.layer("SigmoidCrossEntropyLoss", name, [scores, "label"])
