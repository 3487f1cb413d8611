"""Nets that find objects in images."""

from __future__ import annotations

from zoo.classifiers import hidden_pair, vgg_block
from zoo.writer import Writer, shape_field


def faster_rcnn(net: Writer, height: int = 600, width: int = 1000, classes: int = 21) -> None:
    """Ren's Faster R-CNN with VGG-16, as it is tested; a Python class makes regions of what the region net says."""
    x = net.input("data", 1, 3, height, width)
    net.input("im_info", 1, 3)  # height and width, and what the image was scaled by
    for block in range(1, 6):
        x = vgg_block(net, x if block == 1 else net.pool(x, f"pool{block - 1}", "MAX", 2, 2), block)
    region = net.conv_relu(x, "rpn_conv/3x3", 512, 3, pad=1, relu="rpn_relu/3x3")
    anchors = 9
    score = net.conv(region, "rpn_cls_score", 2 * anchors, 1, scores=True)
    boxes = net.conv(region, "rpn_bbox_pred", 4 * anchors, 1, scores=True)
    pairs = net.layer("Softmax", "rpn_cls_prob", _reshape(net, score, "rpn_cls_score_reshape", (0, 2, -1, 0)))
    likely = _reshape(net, pairs, "rpn_cls_prob_reshape", (0, 2 * anchors, -1, 0))
    code = 'module: "proposals" layer: "Proposals" param_str: "{\'stride\': 16, \'most\': 300}"'
    rois = net.layer("Python", "proposal", [likely, boxes, "im_info"], "rois", f"python_param {{ {code} }}")
    fields = "pooled_w: 7 pooled_h: 7 spatial_scale: 0.0625"
    pooled = net.layer("ROIPooling", "roi_pool5", [x, rois], "pool5", f"roi_pooling_param {{ {fields} }}")
    x = hidden_pair(net, pooled, 0.01)
    net.layer("Softmax", "cls_prob", net.full(x, "cls_score", classes, scores=True))
    net.full(x, "bbox_pred", 4 * classes, 0.001, scores=True)


def _reshape(net: Writer, x: str, name: str, dims: tuple[int, ...]) -> str:
    return net.layer("Reshape", name, x, body=f"reshape_param {{ {shape_field(dims)} }}")


# For each map that looks for objects: least and largest size of a box and step between boxes, in pixels of the image;
# how wide boxes are for their height, besides 1 and the inverses.
_MAPS = {
    "conv4_3_norm": (30, 60, 8, (2,)),
    "fc7": (60, 111, 16, (2, 3)),
    "conv6_2": (111, 162, 32, (2, 3)),
    "conv7_2": (162, 213, 64, (2, 3)),
    "conv8_2": (213, 264, 100, (2,)),
    "conv9_2": (264, 315, 300, (2,)),
}


def ssd300(net: Writer, batch: int = 1, objects: int = 0, classes: int = 21) -> None:
    """Liu's SSD of 300x300 pixels with VGG-16: six maps, each with boxes of its own size, 8,732 in all.

    Args:
        net: Takes the layers.
        batch: Images a pass.
        objects: True boxes in the batch: the net is trained. Without any it says what it finds.
        classes: Background included.
    """
    net.input("data", batch, 3, 300, 300)
    maps = _features(net, "data")
    found = {"loc": [], "conf": [], "priorbox": []}
    for name, (least, most, step, ratios) in _MAPS.items():
        anchors = 2 + 2 * len(ratios)
        for what, numbers in (("loc", 4), ("conf", classes)):
            at = f"{name}_mbox_{what}"
            x = net.conv(maps[name], at, anchors * numbers, 3, pad=1, scores=True)
            order = "permute_param { order: 0 order: 2 order: 3 order: 1 }"
            x = net.layer("Permute", f"{at}_perm", x, body=order)
            found[what].append(net.layer("Flatten", f"{at}_flat", x))
        fields = [f"min_size: {least} max_size: {most}", *(f"aspect_ratio: {ratio}" for ratio in ratios)]
        fields += ["flip: true clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"]
        body = f"prior_box_param {{ {' '.join(fields)} step: {step} offset: 0.5 }}"
        found["priorbox"].append(net.layer("PriorBox", f"{name}_mbox_priorbox", [maps[name], "data"], body=body))
    loc, conf, priors = (
        net.layer("Concat", f"mbox_{what}", tops, body=f"concat_param {{ axis: {2 if what == 'priorbox' else 1} }}")
        for what, tops in found.items()
    )
    if objects:
        _loss(net, loc, conf, priors, net.input("label", 1, 1, objects, 8), classes)
    else:
        _detections(net, loc, conf, priors, classes)


def _features(net: Writer, x: str) -> dict[str, str]:
    """Write VGG-16 with dilated convolutions in place of its hidden layers, and smaller and smaller maps behind it."""
    maps = {}
    for block in range(1, 6):
        x = vgg_block(net, x, block)
        if block == 4:
            fields = 'across_spatial: false scale_filler { type: "constant" value: 20 } channel_shared: false'
            maps["conv4_3_norm"] = net.layer("Normalize", "conv4_3_norm", x, body=f"norm_param {{ {fields} }}")
        geometry = (3, 1, 1) if block == 5 else (2, 2, 0)
        x = net.pool(x, f"pool{block}", "MAX", *geometry)
    x = net.conv_relu(x, "fc6", 1024, 3, pad=6, dilation=6)
    x = maps["fc7"] = net.conv_relu(x, "fc7", 1024, 1)
    for number, (outputs, pad, stride) in enumerate(((512, 1, 2), (256, 1, 2), (256, 0, 1), (256, 0, 1)), 6):
        x = net.conv_relu(x, f"conv{number}_1", outputs // 2, 1)
        x = maps[f"conv{number}_2"] = net.conv_relu(x, f"conv{number}_2", outputs, 3, pad=pad, stride=stride)
    return maps


def _loss(net: Writer, loc: str, conf: str, priors: str, label: str, classes: int) -> None:
    fields = (
        f"loc_loss_type: SMOOTH_L1 conf_loss_type: SOFTMAX loc_weight: 1 num_classes: {classes} share_location: true "
        "match_type: PER_PREDICTION overlap_threshold: 0.5 use_prior_for_matching: true background_label_id: 0 "
        "use_difficult_gt: true neg_pos_ratio: 3 neg_overlap: 0.5 code_type: CENTER_SIZE "
        "ignore_cross_boundary_bbox: false mining_type: MAX_NEGATIVE"
    )
    body = "propagate_down: true propagate_down: true propagate_down: false propagate_down: false "
    body += f"loss_param {{ normalization: VALID }} multibox_loss_param {{ {fields} }}"
    net.layer("MultiBoxLoss", "mbox_loss", [loc, conf, priors, label], body=body)


def _detections(net: Writer, loc: str, conf: str, priors: str, classes: int) -> None:
    x = net.layer(
        "Reshape", "mbox_conf_reshape", conf, body=f"reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes} }} }}"
    )
    x = net.layer("Softmax", "mbox_conf_softmax", x, body="softmax_param { axis: 2 }")
    x = net.layer("Flatten", "mbox_conf_flatten", x, body="flatten_param { axis: 1 }")
    fields = (
        f"num_classes: {classes} share_location: true background_label_id: 0 code_type: CENTER_SIZE keep_top_k: 200 "
        "nms_param { nms_threshold: 0.45 top_k: 400 } confidence_threshold: 0.01"
    )
    net.layer("DetectionOutput", "detection_out", [loc, x, priors], body=f"detection_output_param {{ {fields} }}")
