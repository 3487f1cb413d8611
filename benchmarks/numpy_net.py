"""A net of a job in plain NumPy, as one writes it who knows NumPy well: few large calls, no loop over images.

Images lie as channel, image, row, column: then the patches of a whole batch are one matrix, a convolution is one
product that OpenBLAS computes, and its result lies right for the next layer. Arrays are made in the first pass.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Message = dict[str, Any]
Array = np.ndarray[Any, Any]

SOURCES = ("Data", "DummyData", "Input")


class Layer:
    """A layer: `forward` takes the bottoms, `backward` the diff of the top and gives those of the bottoms.

    Attributes:
        weights, gradients: Its parameters.
        wanted: Whether something below learns.
    """

    wanted = True

    def __init__(self, layer: Message, weights: list[Array]) -> None:
        self.message, self.weights = layer, weights
        self.gradients = [np.zeros_like(values) for values in weights]
        self.scratch: dict[str, Array] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> Array:
        """Return a zeroed array the first time, the same array whenever the name is asked for again."""
        if name not in self.scratch:
            self.scratch[name] = np.zeros(shape, dtype)
        return self.scratch[name]

    def forward(self, *bottoms: Array) -> Array:
        raise NotImplementedError

    def backward(self, top: Array) -> list[Array | None]:
        raise NotImplementedError


class Convolution(Layer):
    def __init__(self, layer: Message, weights: list[Array]) -> None:
        super().__init__(layer, weights)
        fields = layer["convolution_param"]
        if fields.get("group", 1) != 1 or {"kernel_h", "kernel_w", "dilation"} & set(fields):
            raise SystemExit(f"{layer['name']}: only square kernels without groups and dilation are written in NumPy")
        self.pad, self.stride = fields.get("pad", [0])[0], fields.get("stride", [1])[0]

    def forward(self, x: Array) -> Array:
        (outputs, channels, k, _), s, p = self.weights[0].shape, self.stride, self.pad
        padded = x
        if p:
            padded = self.array("padded", (*x.shape[:2], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
            padded[:, :, p:-p, p:-p] = x
        patches = sliding_window_view(padded, (k, k), axis=(2, 3))[:, :, ::s, ::s].transpose(0, 4, 5, 1, 2, 3)
        columns = self.array("columns", patches.shape)
        np.copyto(columns, patches)
        top = self.array("top", (outputs, *patches.shape[3:]))
        flat = top.reshape(outputs, -1)
        np.matmul(self.weights[0].reshape(outputs, -1), columns.reshape(channels * k * k, -1), out=flat)
        for bias in self.weights[1:]:
            flat += bias[:, None]
        return top

    def backward(self, top: Array) -> list[Array | None]:
        columns, flat = self.scratch["columns"], top.reshape(len(top), -1)
        channels, k, _, images, rows, width = columns.shape
        matrix = columns.reshape(channels * k * k, -1)
        np.matmul(flat, matrix.T, out=self.gradients[0].reshape(len(top), -1))
        for gradient in self.gradients[1:]:
            flat.sum(1, out=gradient)
        if not self.wanted:
            return [None]
        steps = np.matmul(self.weights[0].reshape(len(top), -1).T, flat, out=matrix).reshape(columns.shape)
        s, p = self.stride, self.pad
        height = self.scratch["padded"].shape[2] if p else (rows - 1) * s + k
        across = self.scratch["padded"].shape[3] if p else (width - 1) * s + k
        padded = self.array("diff", (channels, images, height, across))
        padded.fill(0)
        for i in range(k):
            for j in range(k):
                padded[:, :, i : i + rows * s : s, j : j + width * s : s] += steps[:, i, j]
        return [padded[:, :, p : height - p, p : across - p]]


class InnerProduct(Layer):
    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        self.rows = x.transpose(1, 0, 2, 3).reshape(x.shape[1], -1) if x.ndim == 4 else x
        top = self.array("top", (len(self.rows), len(self.weights[0])))
        np.matmul(self.rows, self.weights[0].T, out=top)
        for bias in self.weights[1:]:
            top += bias
        return top

    def backward(self, top: Array) -> list[Array | None]:
        np.matmul(top.T, self.rows, out=self.gradients[0])
        for gradient in self.gradients[1:]:
            top.sum(0, out=gradient)
        if not self.wanted:
            return [None]
        diff = np.matmul(top, self.weights[0], out=self.array("diff", self.rows.shape))
        if len(self.shape) == 2:
            return [diff]
        channels, images, height, width = self.shape
        return [diff.reshape(images, channels, height, width).transpose(1, 0, 2, 3)]


class Pooling(Layer):
    """One pass over the top for each place in the window, so that the inner loops run along whole rows."""

    def __init__(self, layer: Message, weights: list[Array]) -> None:
        super().__init__(layer, weights)
        fields = layer["pooling_param"]
        if set(fields) - {"pool", "kernel_size", "stride"}:
            raise SystemExit(f"{layer['name']}: only square windows without padding are written in NumPy")
        self.average, self.k, self.s = fields.get("pool") == "AVE", fields["kernel_size"], fields.get("stride", 1)

    def places(self, x: Array) -> list[tuple[Array, tuple[slice, ...]]]:
        """Return for each place in the window a view of the bottom, and what of the top has such a place."""
        counts = [-(-(size - self.k) // self.s) + 1 for size in x.shape[2:]]  # windows may stick out at the end
        found = []
        for i in range(self.k):
            for j in range(self.k):
                view = x[:, :, i :: self.s, j :: self.s][:, :, : counts[0], : counts[1]]
                found.append((view, (slice(None), slice(None), slice(view.shape[2]), slice(view.shape[3]))))
        return found

    def forward(self, x: Array) -> Array:
        places = self.places(x)
        self.shape = x.shape
        top = self.array("top", places[0][0].shape)
        np.copyto(top, places[0][0])
        if self.average:
            sizes = self.array("sizes", top.shape[2:])
            sizes.fill(1)
            for view, part in places[1:]:
                top[part] += view
                sizes[part[2:]] += 1
            top /= sizes
            return top
        largest = self.array("largest", top.shape, np.int8)
        largest.fill(0)
        for place, (view, part) in enumerate(places[1:], 1):
            np.maximum(largest[part], (view > top[part]) * np.int8(place), out=largest[part])
            np.maximum(top[part], view, out=top[part])
        return top

    def backward(self, top: Array) -> list[Array | None]:
        diff = self.array("diff", self.shape)
        diff.fill(0)
        if self.average:
            top = np.divide(top, self.scratch["sizes"], out=self.array("share", top.shape))
        for place, (view, part) in enumerate(self.places(diff)):
            share = top[part] if self.average else top[part] * (self.scratch["largest"][part] == place)
            np.add(view, share, out=view)
        return [diff]


class ReLU(Layer):
    def forward(self, x: Array) -> Array:
        in_place = self.message["bottoms"] == self.message["tops"]
        self.top = np.maximum(x, 0, out=x if in_place else self.array("top", x.shape))
        return self.top

    def backward(self, top: Array) -> list[Array | None]:
        return [np.multiply(top, self.top > 0, out=self.array("diff", top.shape))]


class SoftmaxWithLoss(Layer):
    def forward(self, scores: Array, label: Array) -> Array:
        self.rows, self.label = np.arange(len(scores)), label.astype(np.intp)
        shares = np.subtract(scores, scores.max(1, keepdims=True), out=self.array("shares", scores.shape))
        np.exp(shares, out=shares)
        shares /= shares.sum(1, keepdims=True)
        return -np.log(shares[self.rows, self.label]).mean()

    def backward(self, top: Array) -> list[Array | None]:
        diff = self.scratch["shares"]
        diff[self.rows, self.label] -= 1
        diff *= top / np.float32(len(diff))
        return [diff, None]


class Split(Layer):
    def forward(self, x: Array) -> Array:
        return x

    def backward(self, *tops: Array | None) -> list[Array | None]:
        given = [top for top in tops if top is not None]
        return [sum(given[1:], given[0]) if given else None]


TYPES: dict[str, type[Layer]] = {
    kind.__name__: kind for kind in (Convolution, InnerProduct, Pooling, ReLU, SoftmaxWithLoss, Split)
}


class NumpyNet:
    """Runs layers in their order, and in the reverse order.

    Attributes:
        layers: Each with the names of its bottoms and tops.
        losses: The tops of loss layers, with their weights.
    """

    def __init__(self, folder: Path) -> None:
        messages = json.loads((folder / "layers.json").read_text(encoding="utf-8"))
        with np.load(folder / "weights.npz") as file:
            weights = {name: file[name] for name in file.files}
        self.layers: list[tuple[Layer, list[str], list[str]]] = []
        self.losses: dict[str, float] = {}
        learning: set[str] = set()
        for message in messages:
            if message["type"] in SOURCES:
                continue
            own = [weights[f"{message['name']}/{i}"] for i in range(4) if f"{message['name']}/{i}" in weights]
            layer = TYPES[message["type"]](message, own)
            layer.wanted = not learning.isdisjoint(message["bottoms"])
            if layer.wanted or own:
                learning.update(message["tops"])
            if message["type"] == "SoftmaxWithLoss":
                self.losses[message["tops"][0]] = message.get("loss_weight", [1.0])[0]
            self.layers.append((layer, message["bottoms"], message["tops"]))

    def forward(self, data: Array, label: Array) -> dict[str, Array]:
        """Return all blobs by name; `data` is as layers have it, its channels first."""
        blobs = {"data": data, "label": label}
        for layer, bottoms, tops in self.layers:
            top = layer.forward(*[blobs[name] for name in bottoms])
            blobs |= dict.fromkeys(tops, top)  # those of a split are one array
        return blobs

    def backward(self) -> None:
        """Fill the gradients of all layers."""
        diffs: dict[str, Any] = dict(self.losses)
        for layer, bottoms, tops in reversed(self.layers):
            above = [diffs.get(name) for name in tops]
            if any(diff is not None for diff in above):
                diffs |= dict(zip(bottoms, layer.backward(*above), strict=True))
