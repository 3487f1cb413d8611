"""The Python layer of Faster R-CNN: regions that may hold an object, from what the region net says of its anchors."""

from __future__ import annotations

import ast

import caffe
import numpy as np

_RATIOS = (0.5, 1, 2)  # height over width
_SIDES = (128, 256, 512)  # square roots of areas, in pixels


class Proposals(caffe.Layer):
    """Moves anchors as predicted, and keeps the likeliest that do not overlap much.

    Bottoms: probabilities of the K anchors, 1 x 2K x H x W, background first; their predicted moves, 1 x 4K x H x W;
        height, width and scale of the image, 1 x 3.
    Tops: regions, one or more x 5: the number of the image, which is 0, and two corners in pixels.
    param_str: stride: pixels of the image for one of the map; most: how many regions to keep.
    """

    def setup(self, bottom, top):
        self.options = ast.literal_eval(self.param_str)
        widths = np.array([side / ratio**0.5 for ratio in _RATIOS for side in _SIDES])
        heights = np.array([side * ratio**0.5 for ratio in _RATIOS for side in _SIDES])
        self.anchors = np.stack([widths, heights], axis=1)

    def reshape(self, bottom, top):
        top[0].reshape(1, 5)

    def forward(self, bottom, top):
        count = len(self.anchors)
        scores = bottom[0].data[0, count:].transpose(1, 2, 0).reshape(-1)
        likeliest = np.argsort(-scores, kind="stable")[: 20 * self.options["most"]]
        boxes = self.moved(bottom[1].data[0])[likeliest]
        height, width = bottom[2].data[0, :2]
        boxes = np.clip(boxes, 0, [width - 1, height - 1, width - 1, height - 1])
        kept = apart(boxes, 0.7, self.options["most"])
        top[0].reshape(len(kept), 5)
        top[0].data[:, 0] = 0
        top[0].data[:, 1:] = boxes[kept]

    def backward(self, top, propagate_down, bottom):
        """Let no gradient through: regions are taken as given."""

    def moved(self, moves):
        """Return the anchors of all places, row by row, where the net moves them: centers by their sides, sides by
        exponentials."""
        rows, columns = moves.shape[1:]
        moves = moves.reshape(len(self.anchors), 4, rows, columns).transpose(2, 3, 0, 1).astype(float)
        stride = self.options["stride"]
        places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)[:, :, None] * stride + stride / 2
        centers = places + moves[..., :2] * self.anchors
        halves = self.anchors * np.exp(np.clip(moves[..., 2:], -4, 4)) / 2
        return np.concatenate([centers - halves, centers + halves], axis=-1).reshape(-1, 4)


def apart(boxes, overlap, most):
    """Return the numbers of boxes that overlap none kept before them by more than a part of what both cover."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1)
    left, kept = np.arange(len(boxes)), []
    while left.size and len(kept) < most:
        first, left = left[0], left[1:]
        kept.append(first)
        corners = np.maximum(boxes[left, :2], boxes[first, :2]), np.minimum(boxes[left, 2:], boxes[first, 2:])
        common = np.prod(np.maximum(corners[1] - corners[0] + 1, 0), axis=1)
        left = left[common <= overlap * (areas[left] + areas[first] - common)]
    return kept
