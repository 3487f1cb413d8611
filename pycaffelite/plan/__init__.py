"""The only thing that runs: flat tuples of steps."""

from pycaffelite.plan.plan import Plan, Step, compile_plan

__all__ = ["Plan", "Step", "compile_plan"]
