"""Worker: PyTorch on the CPU, the same net, weights, batch, solver and learning rates; its batch lies ready in memory.

`eager` is what one writes first. `channels-last` adds that memory format and, in training, the fused SGD; `compile`
adds the fused SGD and torch.compile.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from serve import difference, refuse, serve

CONFIGURATIONS = ("eager", "channels-last", "compile", "compile, channels-last")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", type=Path)
    parser.add_argument("--solver", type=Path)
    parser.add_argument("--mode", choices=["train", "gradients", "forward"], required=True)
    parser.add_argument("--configuration", choices=CONFIGURATIONS, default="eager")
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def main() -> None:
    options = parse()
    try:
        import torch  # noqa: PLC0415 -- may not be installed
        from torch_net import CaffeNet  # noqa: PLC0415
    except ImportError as error:
        refuse(error)
        return
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    with np.load(options.folder / "inputs.npz") as file:
        data = torch.from_numpy(file["data"])
        label = torch.from_numpy(file["label"]).long() if "label" in file.files else None
    net = CaffeNet(options.folder)
    with torch.inference_mode():
        net.eval()
        blobs = net.blobs(data.clone(), label)
        found = {name: blobs[name].numpy() for name in blobs if name not in ("data", "label")}
    about = {"peer": f"PyTorch {torch.__version__} {options.configuration}", "threads": torch.get_num_threads()}
    about |= {"difference": difference(found, options.folder)}
    if "channels-last" in options.configuration:
        net, data = net.to(memory_format=torch.channels_last), data.to(memory_format=torch.channels_last)
    model = torch.compile(net) if "compile" in options.configuration else net
    run = _forward(model, data) if options.mode == "forward" else _training(net, model, data, label, options)
    run(1)
    serve(run, about)


def _forward(model, data) -> Callable[[int], None]:
    import torch  # noqa: PLC0415

    def run(iterations: int) -> None:
        with torch.inference_mode():
            for _ in range(iterations):
                model(data)

    return run


def _training(net, model, data, label, options: argparse.Namespace) -> Callable[[int], None]:
    import torch  # noqa: PLC0415

    net.train()
    weights = [net.losses.get(name, 0.0) for name in net.outputs]
    multipliers = sorted(set(net.rates.values()))
    groups = [
        {"params": [p for p in net.parameters() if net.rates[p] == pair], "weight_decay": 0.0005 * pair[1]}
        for pair in multipliers
    ]
    fused = True if options.configuration != "eager" else None
    sgd = torch.optim.SGD(groups, lr=0.01, momentum=0.9, fused=fused)

    def run(iterations: int) -> None:
        for i in range(iterations):
            if options.mode == "train":
                rate = 0.01 * (1 + 0.0001 * i) ** -0.75
                for group, (factor, _) in zip(sgd.param_groups, multipliers, strict=True):
                    group["lr"] = rate * factor
            sgd.zero_grad()
            loss = sum(weight * top for weight, top in zip(weights, model(data, label), strict=True) if weight)
            loss.backward()
            if options.mode == "train":
                sgd.step()
            loss.item()

    return run


if __name__ == "__main__":
    main()
