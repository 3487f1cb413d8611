from __future__ import annotations

import pytest

from pycaffelite.kernels.probe import Machine
from pycaffelite.plan import Plan
from pycaffelite.report.tables import plain
from pycaffelite.report.timing import LayerTiming, PassTiming, Timing, measure, render, total_flops

MACHINE = Machine(flops=100e9, bandwidth=10e9)


def test_every_layer_has_a_time(train_plan: Plan) -> None:
    timing = measure(train_plan, 2, 1, MACHINE)
    by_name = {layer.name: layer for layer in timing.layers}
    assert len(by_name) == len(train_plan.net.layers)
    assert by_name["in"].backward is None
    assert by_name["fc1"].forward is not None
    assert by_name["fc1"].backward is not None
    assert by_name["fc1"].seconds >= by_name["fc1"].forward.seconds > 0
    assert timing.forward >= by_name["fc1"].forward.seconds / 2


def test_arithmetic_and_memory_are_counted(train_plan: Plan) -> None:
    by_name = {layer.name: layer for layer in measure(train_plan, 1, 1, MACHINE).layers}
    first, second = by_name["fc1"], by_name["fc2"]
    assert first.forward is not None
    assert first.backward is not None
    assert second.backward is not None
    assert first.forward.flops == 2 * 4 * 3 * 5
    assert first.backward.flops == 2 * 4 * 3 * 5  # nobody wants the diff of the data
    assert second.backward.flops == 2 * (2 * 4 * 5 * 2)
    assert first.forward.bytes == 4 * (4 * 3 + 4 * 5 + 5 * 3 + 5)
    assert first.forward.memory_bound
    assert first.forward.least == pytest.approx(first.forward.bytes / 10e9)
    assert total_flops(train_plan.net) == (
        sum(layer.forward.flops for layer in by_name.values() if layer.forward),
        sum(layer.backward.flops for layer in by_name.values() if layer.backward),
    )


def test_the_table() -> None:
    forward = PassTiming(0.010, 500e6, 1e6, 0.005, memory_bound=False)
    backward = PassTiming(0.020, 1000e6, 1e6, 0.010, memory_bound=False)
    relu = PassTiming(0.010, 0.0, 10e6, 0.001, memory_bound=True)
    layers = (
        LayerTiming("conv", "Convolution", forward, backward),
        LayerTiming("relu", "ReLU", relu, None),
        LayerTiming("in", "Input", None, None),
    )
    text = plain(render(Timing("n", "TRAIN", 3, 1, MACHINE, 0.020, 0.020, layers)))
    assert [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith("─")] == [
        "n, phase TRAIN: milliseconds, medians of 3 passes, 1 thread",
        "layer type forward backward GFLOP/s share limit",
        "conv Convolution 10.000 20.000 50.0 75.0 % compute 50 %",
        "relu ReLU 10.000 - - 25.0 % memory 10 %",
        "in Input - - - 0.0 % -",
        "whole pass 20.000 20.000 37.5",
        "machine 100 GFLOP/s, 10.0 GB/s of memory (a ridge at 10.0 operations a byte)",
        "limit 16.000 ms, 40 % of the time taken; what is in cache can beat it",
        "memory bounds 1 of 3 layers, which take 25 % of the time",
    ]
