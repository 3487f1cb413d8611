"""Old nets and solvers in the current form: V0 and V1 layers, legacy inputs and data fields, solver types by number."""

from __future__ import annotations

from pycaffelite.schema.upgrade.net import UpgradedNet, upgrade_net
from pycaffelite.schema.upgrade.solver import UpgradedSolver, upgrade_solver

__all__ = ["UpgradedNet", "UpgradedSolver", "upgrade_net", "upgrade_solver"]
