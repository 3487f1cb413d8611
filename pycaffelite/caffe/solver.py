"""Solvers as pycaffe spells them."""

from __future__ import annotations

import os
import sys
from typing import Any

from pycaffelite.api import RunnableNet, load_solver
from pycaffelite.caffe.mode import python_layers_allowed, random_seed
from pycaffelite.caffe.net import Net
from pycaffelite.report.log import LogWriter


class Solver:
    """A solver of the type that its file states: `get_solver(file)`.

    Like pycaffe it logs to standard error; the environment variable GLOG_minloglevel, from 1 up, keeps it quiet.

    Args:
        solver_file: A solver prototxt.

    Attributes:
        net: The train net.
        test_nets: The test nets; their parameters are the train net's.
        param: The SolverParameter message.
    """

    _type: str | None = None

    def __init__(self, solver_file: str) -> None:
        overrides: dict[str, Any] = {} if self._type is None else {"type": self._type}
        self._solver = load_solver(
            str(solver_file),
            overrides=overrides,
            seed=random_seed(),
            allow_python_layers=python_layers_allowed(),
        )
        self.net = Net.of(RunnableNet(self._solver.plan))
        # The solver's own plans of test nets have no backward pass; a script may want one.
        self.test_nets = [Net.of(RunnableNet(plan.naive)) for plan in self._solver.test_plans]
        self.param = self._solver.parameter

    @property
    def iter(self) -> int:
        """How many updates the parameters have had."""
        return self._solver.iteration

    def step(self, iterations: int) -> None:
        """Train so many iterations."""
        self._run(iterations)

    def solve(self, resume_file: str | None = None) -> None:
        """Train up to `max_iter`."""
        if resume_file:
            self.restore(resume_file)
        self._run(None)

    def snapshot(self) -> None:
        """Write weights and solver state."""
        self._solver.snapshot()

    def restore(self, state_file: str) -> None:
        """Go on from a .solverstate file."""
        self._solver.restore(str(state_file))

    def share_weights(self, net: Net) -> None:
        """Let another net use the parameters of the train net."""
        net.share_with(self.net)

    def _run(self, iterations: int | None) -> None:
        log = LogWriter(lambda text: print(text, file=sys.stderr))
        quiet = os.environ.get("GLOG_minloglevel", "0") not in ("", "0")  # noqa: SIM112  (its name is not ours)
        for event in self._solver.run(iterations):
            if not quiet:
                log.event(event)


class SGDSolver(Solver):
    """Stochastic gradient descent with momentum, whatever type the file states."""

    _type = "SGD"


class NesterovSolver(Solver):
    """Nesterov's accelerated gradient."""

    _type = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad."""

    _type = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp."""

    _type = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta."""

    _type = "AdaDelta"


class AdamSolver(Solver):
    """Adam."""

    _type = "Adam"


def get_solver(solver_file: str) -> Solver:
    """Return the solver of a file, of the type that it states."""
    return Solver(solver_file)
