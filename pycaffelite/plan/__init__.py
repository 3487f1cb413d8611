"""The only thing that runs: flat tuples of steps."""

from pycaffelite.plan.compile import compile_plan
from pycaffelite.plan.plan import Plan, Step

__all__ = ["Plan", "Step", "compile_plan"]
