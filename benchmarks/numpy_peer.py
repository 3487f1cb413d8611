"""Worker: NumPy with the BLAS that it was built with (OpenBLAS in its wheels), training the same net, weights, batch.

It is the floor: what one reaches who compiles nothing. Its batch lies ready in memory, as PyTorch's does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy_net import Array, Layer, NumpyNet
from serve import difference, serve

MOMENTUM, DECAY, RATE = 0.9, 0.0005, 0.01


class Momentum:
    """Stochastic gradient descent with momentum, in place."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.slots = []
        for layer in layers:
            specs = layer.message.get("param", [])
            for i, (weights, gradient) in enumerate(zip(layer.weights, layer.gradients, strict=True)):
                spec = specs[i] if i < len(specs) else {}
                factors = spec.get("lr_mult", 1.0), DECAY * spec.get("decay_mult", 1.0)
                self.slots.append((weights, gradient, np.zeros_like(weights), np.empty_like(weights), *factors))

    def step(self, rate: float) -> None:
        """Update all weights."""
        for weights, gradient, history, change, factor, decay in self.slots:
            _update(weights, gradient, history, change, rate * factor, decay)


def _update(weights: Array, gradient: Array, history: Array, change: Array, rate: float, decay: float) -> None:
    np.multiply(weights, decay, out=change)
    change += gradient
    change *= rate
    history *= MOMENTUM
    history += change
    weights -= history


def training(net: NumpyNet, data: Array, label: Array, *, update: bool) -> Callable[[int], None]:
    """Return whole iterations, or forward and backward passes alone."""
    sgd = Momentum(layer for layer, _, _ in net.layers)

    def run(iterations: int) -> None:
        for i in range(iterations):
            net.forward(data, label)
            net.backward()
            if update:
                sgd.step(RATE * (1 + 0.0001 * i) ** -0.75)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", type=Path)
    parser.add_argument("--solver", type=Path)
    parser.add_argument("--mode", choices=["train", "gradients"], required=True)
    parser.add_argument("--threads", type=int, required=True, help="set OPENBLAS_NUM_THREADS too: NumPy has no call")
    options = parser.parse_args()
    with np.load(options.folder / "inputs.npz") as file:
        data, label = np.ascontiguousarray(file["data"].transpose(1, 0, 2, 3)), file["label"]
    net = NumpyNet(options.folder)
    found = {
        name: blob.transpose(1, 0, 2, 3) if blob.ndim == 4 else blob for name, blob in net.forward(data, label).items()
    }
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    about = {"peer": f"NumPy {np.__version__}, {blas['name']} {blas['version']}", "threads": options.threads}
    run = training(net, data, label, update=options.mode == "train")
    run(1)
    serve(run, about | {"difference": difference(found, options.folder)})


if __name__ == "__main__":
    main()
