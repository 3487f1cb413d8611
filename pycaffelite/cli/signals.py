"""Signals as requests to a running solver, as the flags of Caffe's command line say."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from pycaffelite.solvers.base import Solver

EFFECTS = ("snapshot", "stop", "none")

_REMARKS = {
    "snapshot": "a snapshot follows after this iteration",
    "stop": "stopping after this iteration; once more ends at once",
}


class SignalRequests:
    """While entered, turns signals into requests; the handlers of before come back at the end.

    Ctrl-C a second time, when a stop is under way, ends the program at once. Files are written atomically, so that
    harms none. SIGTERM, which batch systems send before they kill, takes a snapshot and stops.

    Args:
        solver: Takes the requests.
        sigint, sighup: What Ctrl-C and a lost terminal ask for: "snapshot", "stop" or "none".
        stopping: Called at once, in the signal handler, when a stop is requested.
    """

    def __init__(
        self,
        solver: Solver,
        *,
        sigint: str = "stop",
        sighup: str = "snapshot",
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self._solver = solver
        self._tell_stopping = stopping
        self._remarks: list[str] = []
        self._stopping = False
        self._before: dict[int, Any] = {}
        self._effects = {signal.SIGINT: sigint, signal.SIGTERM: "terminate"}
        if hasattr(signal, "SIGHUP"):  # not on Windows
            self._effects[signal.SIGHUP] = sighup

    def __enter__(self) -> SignalRequests:
        for number in self._effects:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def remarks(self, say: Callable[[str], None]) -> None:
        """Say what was asked for since the last call; a signal handler itself must not write."""
        while self._remarks:
            say(self._remarks.pop(0))

    def _take(self, number: int, _frame: FrameType | None) -> None:
        effect = self._effects[signal.Signals(number)]
        if effect == "none":
            return
        if self._stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        if effect == "terminate":
            if not self._solver.parameter.snapshot_after_train:
                self._solver.request("snapshot")
            effect = "stop"
        self._solver.request("stop" if effect == "stop" else "snapshot")
        if effect == "stop":
            self._stopping = True
            self._tell_stopping()
        self._remarks.append(_REMARKS[effect])
