"""A cross entropy in which a matrix weighs the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.data.locate import locate_file
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import infogain_loss, softmax
from pycaffelite.layers.base import Arity, Context, Layout, shape_text
from pycaffelite.layers.class_scores import View, axis_view, check_labels, wrong_label
from pycaffelite.layers.loss import LossLayer, Normalization
from pycaffelite.layers.registry import register
from pycaffelite.schema.binary import read_blob_proto


@register("InfogainLoss")
class InfogainLoss(LossLayer):
    """Compare class scores with labels, where a matrix says what each class is worth to each label.

    loss = - 1/D Σ_{n,i} Σ_c h[l,c] log max(p[n,c,i], 1e-20), p = softmax(x) over the axis, l = label[n,i] where it is
    not ignored. The identity as h makes it SoftmaxWithLoss.

    Bottoms: x, scores (N, C, H, W); label, N·H·W classes stored as floats; optionally h, C·C elements.
    Tops: loss (), weight 1 by default; optionally p, as x.
    Params: none.
    Fields: `infogain_loss_param { source axis }`: a .binaryproto with h where it is no bottom, looked for in the
    working folder, then beside the prototxt; 1 by default. `loss_param { ignore_label normalization }`, VALID by
    default; BATCH_SIZE counts everything before the axis.
    Backward: dx[n,c,i] = w/D (p[n,c,i] Σ_k h[l,k] - h[l,c]), 0 where ignored, w the loss weight; nothing comes from
    the second top.
    Errors: FieldError without h, or with `normalize`, which Caffe refuses here; ShapeError if there is no such axis, or
    the number of labels or of elements of h does not fit; DataError for a label that is no class, or a source that is
    not there.
    Source: Caffe's InfogainLossLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 3), tops=(1, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1, 2})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.infogain_loss_param.axis
        self.source: str = message.infogain_loss_param.source
        self.normalization = Normalization(message.loss_param, default="VALID")
        self.view: View = (0, 0, 0)
        self.divisor = 1.0
        self.gains: Array | None = None  # from the source
        if message.loss_param.HasField("normalize"):
            raise FieldError(
                "`normalize` is not for InfogainLoss",
                expected="`normalization`",
                got=f"normalize {str(message.loss_param.normalize).lower()}",
                hint="write `normalization: VALID` for true, `normalization: BATCH_SIZE` for false",
            )
        if len(message.bottom) < 3 and not message.infogain_loss_param.HasField("source"):
            raise FieldError(
                "there is no matrix",
                expected="a third bottom, or `infogain_loss_param { source: ... }`",
                got=f"{len(message.bottom)} bottoms and no source",
            )

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, the probabilities' if wanted, and the buffer of probabilities."""
        self.check_records(bottom_shapes[:2])
        check_labels(self.axis, bottom_shapes[:2])
        scores = bottom_shapes[0]
        if len(bottom_shapes) > 2:
            _check_size(bottom_shapes[2], axis_view(self.axis, scores)[1])
        return Layout([(), scores][: max(1, len(self.message.top))], buffers={"probabilities": (scores, None)})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view; read the matrix if it is no bottom."""
        self.view = axis_view(self.axis, bottom_shapes[0])
        if len(bottom_shapes) < 3 and self.gains is None:
            blob = read_blob_proto(locate_file(self.source, self.context.data.folder, what="matrix of InfogainLoss"))
            values = np.array(blob.data or blob.double_data, self.buffers["probabilities"].dtype)
            _check_size(values.shape, self.view[1])
            self.gains = values.reshape(self.view[1], self.view[1])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and the probabilities where a second top wants them."""
        labels, probabilities = bottom[1].flat_data, self.buffers["probabilities"]
        ignore = (self.normalization.has_ignore, self.normalization.ignore_label)
        softmax.forward(bottom[0].flat_data, probabilities.reshape(-1), self.view)
        loss, valid, wrong = infogain_loss.sum_losses(
            probabilities.reshape(-1), labels, self._gains(bottom), *ignore, self.view[2]
        )
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.view[1])
        self.divisor = self.normalization.divisor(self.view[0], self.view[2], valid)
        top[0].data[...] = loss / self.divisor
        if len(top) > 1:
            np.copyto(top[1].data, probabilities)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the scores."""
        if wanted[0]:
            infogain_loss.loss_gradient(
                self.buffers["probabilities"].reshape(-1),
                bottom[1].flat_data,
                self._gains(bottom),
                self.normalization.has_ignore,
                self.normalization.ignore_label,
                self.weight(top) / self.divisor,
                self.view[2],
                bottom[0].flat_diff,
            )

    def _gains(self, bottom: Sequence[Blob]) -> Array:
        """Return the matrix."""
        if self.gains is not None:
            return self.gains
        return bottom[2].data.reshape(self.view[1], self.view[1])


def _check_size(shape: Shape, classes: int) -> None:
    """Raise ShapeError unless the matrix has a row and a column for each class."""
    if math.prod(shape) != classes * classes:
        raise ShapeError(
            "the matrix does not fit the scores",
            expected=f"{classes} x {classes} elements, for {classes} classes",
            got=f"{math.prod(shape)}, of shape {shape_text(shape)}",
        )
