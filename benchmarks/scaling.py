"""How cost grows: with batch, image size, depth, parameters and threads; ours against PyTorch eager.

There are many points, so each has shorter runs than a row of the other table.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace

from figures import Figure
from pairs import alternate, median_ratio, running
from rows import EAGER, Bench, check
from zoo.writer import Writer

from nets import NETS, Definition


def stack(depth: int) -> Callable[[Writer, str], str]:
    """Return a net of `depth` convolutions of 32 channels, 3x3, and a classifier."""

    def convolutions(net: Writer, x: str) -> str:
        for i in range(depth):
            x = net.conv_relu(x, f"conv{i}", 32, 3, pad=1)
        return net.full(net.global_pool(x, "pool"), "fc", 10, scores=True)

    return convolutions


def dense(width: int) -> Callable[[Writer, str], str]:
    """Return a net of two hidden layers of `width` numbers."""

    def layers(net: Writer, x: str) -> str:
        for name in ("fc1", "fc2"):
            x = net.relu(net.full(x, name, width), f"relu_{name}")
        return net.full(x, "fc3", 10)

    return layers


def points(quick: bool, threads: int) -> Iterator[tuple[str, Definition, int, str, int]]:
    """Yield title, net, batch, mode and threads of every measurement."""
    for batch in (1, 16, 256) if quick else (1, 2, 4, 8, 16, 32, 64, 128, 256):
        yield f"batch {batch}, CIFAR-10 quick", NETS["cifar10_quick"], batch, "gradients", threads
    for size in (16, 64) if quick else (16, 32, 64, 128, 256):
        definition = Definition(stack(4), 32, size, 10)
        yield f"image {size}x{size}, 4 convolutions, batch 4", definition, 4, "gradients", threads
    for depth in (2, 16) if quick else (1, 2, 4, 8, 16, 32):
        yield f"depth {depth}, images 32x32, batch 16", Definition(stack(depth), 32, 32, 10), 16, "gradients", threads
    for width in (256, 2048) if quick else (64, 256, 1024, 2048, 4096):
        millions = (784 * width + width * width + 12 * width + 10) / 1e6
        yield f"{millions:.2f} M parameters, dense, batch 64", Definition(dense(width), 1, 28, 10), 64, "train", threads
    for count in sorted({1, threads}):
        yield f"CIFAR-10 quick, batch 100, threads {count}", NETS["cifar10_quick"], 100, "gradients", count
        yield f"ResNet-50 forward, batch 1, threads {count}", NETS["resnet50"], 1, "forward", count


def shorter(bench: Bench) -> Bench:
    """Return how a point is measured."""
    return replace(bench, pairs=min(5, bench.pairs), seconds=min(0.2, bench.seconds))


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure all points."""
    for number, (title, definition, batch, mode, threads) in enumerate(points(bench.quick, bench.threads)):
        job = bench.definition_job(f"scaling-{number}", definition, batch, mode)
        workers = {name: bench.worker(job, peer, threads) for name, peer in (("ours", None), (EAGER.name, EAGER))}
        with running(workers) as ready:
            for name, worker in ready.items():
                check(title, name, worker)
            times = alternate(ready, pairs=bench.pairs, seconds=bench.seconds)
            ends = {name: worker.close() for name, worker in ready.items()}
        bench.look_at_peak()
        ours, theirs = statistics.median(times["ours"]), times.get(EAGER.name, times["ours"])
        yield Figure(
            "scaling",
            title,
            EAGER.name,
            1e3 * ours,
            1e3 * statistics.median(theirs),
            "ms",
            median_ratio(times["ours"], theirs),
            gflops=workers["ours"].about["flops"] / ours / 1e9,
            memory=(ends["ours"]["peak_mib"] or 0.0, ends.get(EAGER.name, ends["ours"])["peak_mib"] or 0.0),
        )
