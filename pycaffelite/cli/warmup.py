"""`pycaffelite warmup`: compile before it counts."""

from __future__ import annotations

from typing import Any

import click

from pycaffelite.cli.options import builtin_data_option, layers_option, notify, threads_option, use_threads

LENET = """
name: "LeNet"
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "mnist-train-leveldb" batch_size: 64 } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 50 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1"
  inner_product_param { num_output: 500 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""

SOLVER = """
net: "LeNet" base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 lr_policy: "fixed" max_iter: 1 test_iter: 1
test_interval: 1
"""


@click.command()
@click.argument("config", type=click.Path(), metavar="[CONFIG]", required=False)
@threads_option
@builtin_data_option
@layers_option
def warmup(config: str | None, threads: int | None, builtin_data: bool) -> None:
    """Compile what a net needs before its first run.

    CONFIG is a net or a solver; without it, LeNet. A net runs forward and backward once, a solver does one update
    more. Nothing is written but the compiled code, in your cache folder.
    """
    import time

    from pycaffelite.schema.reader import kind_of

    use_threads(threads)
    begin = time.perf_counter()
    if config is None or kind_of(config) == "solver":
        _warm_solver(config, builtin_data)
    else:
        _warm_net(config, builtin_data)
    click.echo(f"ready after {time.perf_counter() - begin:.1f} s")


def _warm_solver(path: str | None, builtin_data: bool) -> None:
    """Run each test net over one batch, and do one update."""
    from pycaffelite.api import load_solver
    from pycaffelite.schema.reader import parse_net, parse_solver

    common: dict[str, Any] = {
        "overrides": {"snapshot": 0, "test_initialization": False},
        "builtin_data": builtin_data,
        "notify": notify,
    }
    if path is None:
        solver = load_solver(parse_solver(SOLVER, "(LeNet)"), net=parse_net(LENET, "(LeNet)"), **common)
    else:
        solver = load_solver(path, **common)
    for plan in solver.test_plans:
        plan.forward()
    solver.step(1)


def _warm_net(path: str, builtin_data: bool) -> None:
    """Run a net forward in each phase in which it is whole, and backward in training."""
    from pycaffelite.api import load_net
    from pycaffelite.errors import PycaffeliteError
    from pycaffelite.graph.wiring import build_graph
    from pycaffelite.schema.reader import read_net

    whole: list[str] = []
    for phase in ("train", "test"):
        try:
            build_graph(read_net(path), phase.upper())
        except PycaffeliteError:
            if phase == "test" and not whole:
                raise
        else:
            whole.append(phase)
    for phase in whole:
        runnable = load_net(path, phase, builtin_data=builtin_data, notify=notify)
        runnable.forward()
        if phase == "train":
            runnable.backward()
