"""Where readers report what is wrong: a sink that gets each problem as an error, and may raise it or keep it.

The parser and the upgrades go on after a problem whenever there is a sensible way to go on. So a strict reader stops at
the first problem, and a checker collects them all, without two code paths.
"""

from __future__ import annotations

from collections.abc import Callable

from pycaffelite.errors import PycaffeliteError

Report = Callable[[PycaffeliteError], None]


def raise_problem(problem: PycaffeliteError) -> None:
    """Stop at the first problem: the sink of every reader that is not told otherwise."""
    raise problem
