"""Worker: the same net, batch, solver and learning rates in PyTorch on the CPU; its batches lie ready in memory.

The configurations: `eager` is what one writes first, `best` is channels-last memory with a fused SGD.
"""

from __future__ import annotations

import argparse

import torch
from serve import serve
from torch import nn
from torch.nn import functional


class LeNet(nn.Module):
    """Caffe's LeNet; with `side`, the lecture's head on pool1 too."""

    def __init__(self, side: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.ip1 = nn.Linear(800, 500)
        self.ip2 = nn.Linear(500, 10)
        self.ip1_side = nn.Linear(2880, 10) if side else None

    def forward(self, data: torch.Tensor) -> list[torch.Tensor]:
        pool1 = functional.max_pool2d(self.conv1(data), 2)
        pool2 = functional.max_pool2d(self.conv2(pool1), 2)
        heads = [self.ip2(functional.relu(self.ip1(pool2.flatten(1))))]
        if self.ip1_side is not None:
            heads.append(self.ip1_side(pool1.flatten(1)))
        return heads


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=["lenet", "lenet_dsn"])
    parser.add_argument("--mode", choices=["eager", "best"], default="eager")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    best = options.mode == "best"
    layout = torch.channels_last if best else torch.contiguous_format
    net = LeNet(options.net == "lenet_dsn").to(memory_format=layout)
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    groups = [{"params": weights, "lr": 0.01}, {"params": biases, "lr": 0.02}]
    sgd = torch.optim.SGD(groups, momentum=0.9, weight_decay=0.0005, fused=True if best else None)
    batches = [(torch.rand(64, 1, 28, 28).to(memory_format=layout), torch.randint(0, 10, (64,))) for _ in range(16)]

    def run(iterations: int) -> None:
        for i in range(iterations):
            data, label = batches[i % len(batches)]
            rate = 0.01 * (1 + 0.0001 * i) ** -0.75
            for group, factor in zip(sgd.param_groups, (1, 2), strict=True):
                group["lr"] = rate * factor
            sgd.zero_grad()
            loss = sum(functional.cross_entropy(head, label) for head in net(data))
            loss.backward()
            sgd.step()
            loss.item()

    serve(run, {"peer": f"PyTorch {torch.__version__} {options.mode}", "threads": torch.get_num_threads()})


if __name__ == "__main__":
    main()
