"""Small solvers: a net of random data, Scale, Dropout and EuclideanLoss, and whatever fields a test gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net, parse_solver
from pycaffelite.solvers.base import Solver

NET = """
name: "tiny"
layer {
  name: "in" type: "DummyData" top: "x" top: "y"
  dummy_data_param {
    shape { dim: 4 dim: 3 } data_filler { type: "gaussian" std: 1 } data_filler { type: "uniform" min: -1 max: 1 }
  }
}
layer {
  name: "s" type: "Scale" bottom: "x" top: "s" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  scale_param { bias_term: true filler { type: "constant" value: 0.5 } }
}
layer { name: "d" type: "Dropout" bottom: "s" top: "s" }
layer { name: "loss" type: "EuclideanLoss" bottom: "s" bottom: "y" top: "loss" }
"""

BASICS = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 20 snapshot_after_train: false\n'


@pytest.fixture
def make_solver(tmp_path: Path) -> Callable[..., Solver]:
    """Return a function that makes a solver of BASICS and more fields; snapshots go to a folder of the test's own."""

    def make(
        fields: str = "",
        *,
        net: str = NET,
        edit: tuple[str, str] = ("", ""),
        tests: int = 0,
        seed: int = 5,
        dtype: Any = np.float32,
        basics: str = BASICS,
    ) -> Solver:
        common = basics + f'snapshot_prefix: "{tmp_path / "snap" / "tiny"}"\n'
        for name in re.findall(r"(\w+):", fields):  # a test's own value takes the place of the common one
            common = re.sub(rf'\b{name}: ("[^"]*"|\S+)', "", common)
        file = parse_solver(common + fields, "solver.prototxt")
        net_file = parse_net(net.replace(*edit) if edit[0] else net, "net.prototxt")
        train = build(build_graph(net_file), dtype=dtype, seed=seed)
        test_nets = [build(build_graph(net_file, "TEST"), dtype=dtype, seed=seed, share=train) for _ in range(tests)]
        plans = [compile_plan(test_net) for test_net in test_nets]
        return Solver(file.solver, compile_plan(train), plans, source=file.source)

    return make
