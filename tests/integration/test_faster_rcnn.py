"""A small Faster R-CNN, trained end to end: Python layers between the others, wired as that project wired them."""

from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.api import data_options
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import Net, build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import read_net

# One object, 16 pixels wide and high, in images of 32 x 32; features and anchors lie 4 pixels apart.
LAYERS = '''
import caffe
import numpy as np


class Quiet(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def backward(self, top, propagate_down, bottom):
        pass


class AnchorTargets(Quiet):
    """Anchors whose place lies in the true box are foreground, others background; every third is ignored."""

    def reshape(self, bottom, top):
        height, width = bottom[0].data.shape[-2:]
        top[0].reshape(1, 1, height, width)
        for blob in top[1:]:
            blob.reshape(1, 4, height, width)

    def forward(self, bottom, top):
        x1, y1, x2, y2 = bottom[1].data[0, :4]
        rows, columns = np.indices(top[0].data.shape[2:]) * 4 + 2
        inside = (columns > x1) & (columns < x2) & (rows > y1) & (rows < y2)
        top[0].data[0, 0] = inside
        top[0].data[0, 0].flat[::3] = -1
        top[1].data[0] = (x1 + x2) / 2 - columns
        top[1].data[0, 1::2] = (y1 + y2) / 2 - rows
        top[1].data[...] /= 16
        top[2].data[...] = inside
        top[3].data[...] = 1 / inside.size


class Proposals(Quiet):
    """The places that are foreground for the net; their number differs from pass to pass."""

    def reshape(self, bottom, top):
        top[0].reshape(1, 5)

    def forward(self, bottom, top):
        scores = bottom[0].data[0, 1]
        chosen = np.argsort(-scores, axis=None, kind="stable")[: 6 + self.iteration_count()]
        rows, columns = np.unravel_index(chosen, scores.shape)
        centers = np.stack([columns, rows], axis=1) * 4 + 2 + 16 * bottom[1].data[0, :2, rows, columns]
        top[0].reshape(len(chosen), 5)
        top[0].data[:, 0] = 0
        top[0].data[:, 1:] = np.clip(np.concatenate([centers - 8, centers + 8], axis=1), 0, 31)

    def iteration_count(self):
        self.passes = getattr(self, "passes", 0) + 1
        return self.passes % 3


class ProposalTargets(Quiet):
    """Regions, and the true box itself, with their classes and what would move them to the true box."""

    def reshape(self, bottom, top):
        top[0].reshape(1, 5)
        top[1].reshape(1)
        for blob in top[2:]:
            blob.reshape(1, 8)

    def forward(self, bottom, top):
        true = bottom[1].data[0, :4]
        rois = np.concatenate([bottom[0].data, [[0, *true]]])
        away = (true - rois[:, 1:]) / 16
        labels = np.abs(away).max(axis=1) < 0.4
        for blob, values in zip(top, (rois, labels)):
            blob.reshape(*values.shape)
            blob.data[...] = values
        for blob in top[2:]:
            blob.reshape(len(rois), 8)
            blob.data[...] = 0
        top[2].data[:, 4:] = away
        top[3].data[labels, 4:] = 1
        top[4].data[...] = top[3].data > 0
'''

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 32 dim: 32 } } }
layer { name: "gt_boxes" type: "Input" top: "gt_boxes" input_param { shape { dim: 1 dim: 5 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 7 stride: 4 pad: 3 weight_filler { type: "msra" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "rpn_cls_score" type: "Convolution" bottom: "conv1" top: "rpn_cls_score"
  convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "rpn_bbox_pred" type: "Convolution" bottom: "conv1" top: "rpn_bbox_pred"
  convolution_param { num_output: 4 kernel_size: 1 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "rpn_cls_score_reshape" type: "Reshape" bottom: "rpn_cls_score" top: "rpn_cls_score_reshape"
  reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 0 } } }
layer { name: "rpn-data" type: "Python" bottom: "rpn_cls_score" bottom: "gt_boxes"
  top: "rpn_labels" top: "rpn_bbox_targets" top: "rpn_bbox_inside_weights" top: "rpn_bbox_outside_weights"
  python_param { module: "small_rcnn" layer: "AnchorTargets" } }
layer { name: "rpn_loss_cls" type: "SoftmaxWithLoss" bottom: "rpn_cls_score_reshape" bottom: "rpn_labels"
  top: "rpn_cls_loss" propagate_down: 1 propagate_down: 0 loss_weight: 1
  loss_param { ignore_label: -1 normalize: true } }
layer { name: "rpn_loss_bbox" type: "SmoothL1Loss" bottom: "rpn_bbox_pred" bottom: "rpn_bbox_targets"
  bottom: "rpn_bbox_inside_weights" bottom: "rpn_bbox_outside_weights" top: "rpn_loss_bbox" loss_weight: 1
  smooth_l1_loss_param { sigma: 3.0 } }
layer { name: "rpn_cls_prob" type: "Softmax" bottom: "rpn_cls_score_reshape" top: "rpn_cls_prob" }
layer { name: "rpn_cls_prob_reshape" type: "Reshape" bottom: "rpn_cls_prob" top: "rpn_cls_prob_reshape"
  reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 0 } } }
layer { name: "proposal" type: "Python" bottom: "rpn_cls_prob_reshape" bottom: "rpn_bbox_pred" top: "rpn_rois"
  python_param { module: "small_rcnn" layer: "Proposals" } }
layer { name: "roi-data" type: "Python" bottom: "rpn_rois" bottom: "gt_boxes" top: "rois" top: "labels"
  top: "bbox_targets" top: "bbox_inside_weights" top: "bbox_outside_weights"
  python_param { module: "small_rcnn" layer: "ProposalTargets" } }
layer { name: "roi_pool5" type: "ROIPooling" bottom: "conv1" bottom: "rois" top: "pool5"
  roi_pooling_param { pooled_w: 3 pooled_h: 3 spatial_scale: 0.25 } }
layer { name: "fc6" type: "InnerProduct" bottom: "pool5" top: "fc6"
  inner_product_param { num_output: 12 weight_filler { type: "xavier" } } }
layer { name: "relu6" type: "ReLU" bottom: "fc6" top: "fc6" }
layer { name: "drop6" type: "Dropout" bottom: "fc6" top: "fc6" dropout_param { dropout_ratio: 0.1 } }
layer { name: "cls_score" type: "InnerProduct" bottom: "fc6" top: "cls_score"
  inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "bbox_pred" type: "InnerProduct" bottom: "fc6" top: "bbox_pred"
  inner_product_param { num_output: 8 weight_filler { type: "gaussian" std: 0.001 } } }
layer { name: "loss_cls" type: "SoftmaxWithLoss" bottom: "cls_score" bottom: "labels" top: "loss_cls"
  propagate_down: 1 propagate_down: 0 loss_weight: 1 }
layer { name: "loss_bbox" type: "SmoothL1Loss" bottom: "bbox_pred" bottom: "bbox_targets" bottom: "bbox_inside_weights"
  bottom: "bbox_outside_weights" top: "loss_bbox" loss_weight: 1 }
"""


@pytest.fixture
def make(tmp_path):
    (tmp_path / "small_rcnn.py").write_text(LAYERS, encoding="utf-8")
    path = tmp_path / "train.prototxt"
    path.write_text(NET, encoding="utf-8")

    def make() -> Net:
        return build(build_graph(read_net(path)), seed=3, data=data_options(path, allow_python_layers=True))

    return make


def show(net: Net, generator: np.random.Generator) -> None:
    """Show a bright square on a dark ground."""
    left, top = generator.integers(0, 16, 2)
    image = net.blobs["data"].data
    image[...] = generator.normal(0, 0.1, image.shape)
    image[0, 0, top : top + 16, left : left + 16] += 1
    net.blobs["gt_boxes"].data[...] = [left, top, left + 16, top + 16, 1]


def test_it_learns(make):
    net = make()
    plan = compile_plan(net)
    generator = np.random.default_rng(2)
    losses, shapes = [], set()
    for _ in range(90):
        show(net, generator)
        losses.append(plan.forward())
        shapes.add(net.blobs["rois"].shape)
        net.clear_param_diffs()
        plan.backward()
        for learnable in net.learnables:
            learnable.blob.data[...] -= 0.1 * learnable.blob.diff
    assert shapes == {(count, 5) for count in (7, 8, 9)}
    assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:10])


def test_python_layers_change_no_gradient(make):
    """What the Python layers leave alone counts as no gradient, in the compiled plan as in the naive one."""
    diffs = []
    for naive in (False, True):
        net = make()
        plan = compile_plan(net, naive=naive)
        generator = np.random.default_rng(2)
        for _ in range(3):
            show(net, generator)
            plan.forward()
            net.clear_param_diffs()
            plan.backward()
        diffs.append({learnable.name: learnable.blob.diff.copy() for learnable in net.learnables})
    assert diffs[0].keys() == diffs[1].keys()
    for name, diff in diffs[0].items():
        np.testing.assert_array_equal(diff, diffs[1][name], err_msg=name)
        assert np.abs(diff).max() > 0, name
