"""A solver on paper: whether the net it names is here, and whether its fields make sense together."""

from __future__ import annotations

from pathlib import Path

from pycaffelite.api import locate_net
from pycaffelite.errors import PycaffeliteError
from pycaffelite.report.check.findings import Findings, problem_of
from pycaffelite.schema.reader import SolverFile
from pycaffelite.solvers.checks import check_fields, check_max_iter
from pycaffelite.solvers.rates import check_policy
from pycaffelite.solvers.rules import find_rule


def check_solver(file: SolverFile, findings: Findings) -> None:
    """Find out what would stop the solver before its first iteration."""
    for name in ("net", "train_net", "test_net"):
        value = getattr(file.solver, name)
        for path in [value] if isinstance(value, str) else value:
            if path and not Path(locate_net(file.path, path)).is_file():
                findings.say("note", f"the {name} `{path}` is not here", file.source.where(name))
    for check in (check_fields, check_policy, find_rule, check_max_iter):
        try:
            check(file.solver, file.source.where)
        except PycaffeliteError as problem:  # it was read, and a run would refuse it
            findings.add(problem_of(problem, "warning"))
