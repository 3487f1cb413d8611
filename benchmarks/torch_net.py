"""A net of a job as a PyTorch module: every layer becomes what one would write for it by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

Message = dict[str, Any]
Step = Callable[..., Any]

SOURCES = ("Data", "DummyData", "Input")


class CaffeNet(nn.Module):
    """Runs layers in their order; blobs are kept by name.

    Attributes:
        outputs: The blobs that no layer reads.
        losses: The tops of loss layers, with their weights.
        rates: For each parameter, its lr_mult and decay_mult.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        layers = json.loads((folder / "layers.json").read_text(encoding="utf-8"))
        with np.load(folder / "weights.npz") as file:
            weights = {name: torch.from_numpy(file[name]) for name in file.files}
        self.rates: dict[nn.Parameter, tuple[float, float]] = {}
        self.losses = {
            layer["tops"][0]: layer.get("loss_weight", [1.0])[0] for layer in layers if layer["type"] in LOSSES
        }
        self.steps: list[tuple[Step, list[str], list[str]]] = []
        layers = _merge_scales([layer for layer in layers if layer["type"] not in SOURCES])
        for layer in layers:
            step = _MAKERS[layer["type"]](layer, [weights[n] for n in _names(layer, weights)])
            if isinstance(step, nn.Module):
                self.add_module(layer["name"].replace(".", "_"), step)
                self._note_rates(layer, step)
            self.steps.append((step, layer["bottoms"], layer["tops"]))
        read = {name for _, bottoms, _ in self.steps for name in bottoms}
        self.outputs = [top for _, _, tops in self.steps for top in tops if top not in read]

    def forward(self, data: torch.Tensor, label: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the outputs."""
        blobs = self.blobs(data, label)
        return [blobs[name] for name in self.outputs]

    def blobs(self, data: torch.Tensor, label: torch.Tensor | None = None) -> dict[str, torch.Tensor | None]:
        """Return all blobs by name."""
        blobs = {"data": data, "label": label}
        for step, bottoms, tops in self.steps:
            result = step(*[blobs[name] for name in bottoms])
            for top in tops:  # those of a split are one tensor
                blobs[top] = result
        return blobs

    def _note_rates(self, layer: Message, module: nn.Module) -> None:
        specs = layer.get("param", [])
        for i, parameter in enumerate(module.parameters()):
            spec = specs[i] if i < len(specs) else {}
            self.rates[parameter] = (spec.get("lr_mult", 1.0), spec.get("decay_mult", 1.0))


def _names(layer: Message, weights: Mapping[str, Any]) -> list[str]:
    """Return the keys of a layer's parameters; a Scale that was merged adds its own."""
    owners = [layer["name"], *layer.get("merged", [])]
    return [f"{owner}/{i}" for owner in owners for i in range(4) if f"{owner}/{i}" in weights]


def _merge_scales(layers: list[Message]) -> list[Message]:
    """Let a BatchNorm and the Scale behind it be one layer, as PyTorch has it."""
    result: list[Message] = []
    for layer in layers:
        before = result[-1] if result else {"type": ""}
        if layer["type"] == "Scale" and before["type"] == "BatchNorm" and layer["bottoms"] == before["tops"]:
            result[-1] = before | {"merged": [layer["name"]], "tops": layer["tops"]}
        else:
            result.append(layer)
    return result


def _pair(fields: Message, name: str, default: int, short: str | None = None) -> tuple[int, int]:
    """Return height and width of a geometry field, which may be one number, a list, or two fields."""
    short = short or name
    if f"{short}_h" in fields or f"{short}_w" in fields:
        return fields.get(f"{short}_h", default), fields.get(f"{short}_w", default)
    value = fields.get(name, default)
    values = value if isinstance(value, list) else [value]
    return values[0], values[-1]


def _set(module: nn.Module, weights: list[torch.Tensor]) -> nn.Module:
    for parameter, values in zip(module.parameters(), weights, strict=True):
        parameter.data = values.reshape(parameter.shape).clone()
    return module


def _convolution(layer: Message, weights: list[torch.Tensor]) -> Step:
    fields, groups = layer["convolution_param"], layer["convolution_param"].get("group", 1)
    outputs, inputs = weights[0].shape[:2]
    geometry = {
        "kernel_size": _pair(fields, "kernel_size", 1, "kernel"),
        "stride": _pair(fields, "stride", 1),
        "padding": _pair(fields, "pad", 0),
        "dilation": _pair(fields, "dilation", 1),
    }
    return _set(nn.Conv2d(inputs * groups, outputs, groups=groups, bias=len(weights) > 1, **geometry), weights)


def _inner_product(_layer: Message, weights: list[torch.Tensor]) -> Step:
    outputs, inputs = weights[0].shape
    linear = _set(nn.Linear(inputs, outputs, bias=len(weights) > 1), weights)
    return nn.Sequential(nn.Flatten(1), linear)


def _pooling(layer: Message, _weights: list[torch.Tensor]) -> Step:
    fields = layer["pooling_param"]
    average = fields.get("pool") == "AVE"
    if fields.get("global_pooling"):
        return nn.AdaptiveAvgPool2d(1) if average else nn.AdaptiveMaxPool2d(1)
    make = nn.AvgPool2d if average else nn.MaxPool2d
    kernel = _pair(fields, "kernel_size", 1, "kernel")
    return make(kernel, _pair(fields, "stride", 1), _pair(fields, "pad", 0), ceil_mode=True)


def _batch_norm(layer: Message, weights: list[torch.Tensor]) -> Step:
    mean, variance, factor = weights[:3]
    affine = weights[3:]
    eps = layer.get("batch_norm_param", {}).get("eps", 1e-5)
    module = nn.BatchNorm2d(len(mean), eps=eps, momentum=0.001, affine=bool(affine))
    module.running_mean.copy_(mean / factor)
    module.running_var.copy_(variance / factor)
    return _set(module, affine)


def _lrn(layer: Message, _weights: list[torch.Tensor]) -> Step:
    fields = layer.get("lrn_param", {})
    alpha, beta, k = fields.get("alpha", 1.0), fields.get("beta", 0.75), fields.get("k", 1.0)
    return nn.LocalResponseNorm(fields.get("local_size", 5), alpha, beta, k)


def _loss(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(scores, label)


LOSSES = ("SoftmaxWithLoss",)
_MAKERS: dict[str, Callable[[Message, list[torch.Tensor]], Step]] = {
    "BatchNorm": _batch_norm,
    "Concat": lambda layer, _: lambda *x: torch.cat(x, layer.get("concat_param", {}).get("axis", 1)),
    "Convolution": _convolution,
    "Dropout": lambda layer, _: nn.Dropout(layer.get("dropout_param", {}).get("dropout_ratio", 0.5)),
    "Eltwise": lambda _layer, _: torch.add,
    "Flatten": lambda _layer, _: nn.Flatten(1),
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "Pooling": _pooling,
    "ReLU": lambda layer, _: nn.ReLU(inplace=layer["bottoms"] == layer["tops"]),
    "Softmax": lambda _layer, _: nn.Softmax(1),
    "SoftmaxWithLoss": lambda _layer, _: _loss,
    "Split": lambda _layer, _: lambda x: x,
}
