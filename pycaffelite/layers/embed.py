"""Embed: a row of numbers for each word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import table
from pycaffelite.kernels.gemm import add_column_sums
from pycaffelite.layers.base import Context, Layer, Layout, ParamLayout
from pycaffelite.layers.registry import register
from pycaffelite.layers.row_numbers import read_numbers
from pycaffelite.layers.windows import positive_output


@register("Embed")
class Embed(Layer):
    """Replace each number by a learned row: an inner product with vectors that are 0 but for a single 1.

    y[m,o] = w[x[m],o] + bias[o]

    Bottoms: x, any shape M...; numbers from 0 to input_dim - 1, stored as floats.
    Tops: y, M... x num_output.
    Params: w (input_dim, num_output); bias (num_output,), if bias_term.
    Fields: `embed_param`: num_output; input_dim; bias_term (true); weight_filler, bias_filler (constant 0).
    Backward: dw[k,o] += sum of dy[m,o] over all m with x[m] = k; dbias[o] += sum over m of dy[m,o]; none for x.
    Errors: FieldError where num_output or input_dim is missing or 0; DataError for a number that is no row.
    Source: Caffe's EmbedLayer.
    """

    no_gradient_to: ClassVar[frozenset[int]] = frozenset({0})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.embed_param
        self.outputs = positive_output(self.fields, "embed_param")
        self.rows: int = self.fields.input_dim
        if self.rows < 1:
            raise FieldError(
                "input_dim is missing or 0", expected="the number of different inputs, at least 1", got=str(self.rows)
            )

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, the table and the bias, and room for the numbers."""
        shape = bottom_shapes[0]
        params = [ParamLayout((self.rows, self.outputs), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((self.outputs,), self.fields.bias_filler))
        count = int(np.prod(shape, dtype=np.int64))
        return Layout([(*shape, self.outputs)], params, {"numbers": ((count,), np.int64)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        numbers, y = self.buffers["numbers"], top[0].data.reshape(-1, self.outputs)
        read_numbers(bottom[0], self.rows, "row", numbers)
        table.take_rows(self.params[0].data, numbers, y)
        if self.fields.bias_term:
            np.add(y, self.params[1].data, out=y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add to the gradients of the table and the bias."""
        numbers, dy = self.buffers["numbers"], top[0].diff
        if self.wanted_params[0]:
            table.add_rows(dy.reshape(-1, self.outputs), numbers, self.params[0].diff)
        if self.fields.bias_term and self.wanted_params[1]:
            add_column_sums(dy.reshape(-1), numbers.size, self.outputs, self.params[1].diff)
