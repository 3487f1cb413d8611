from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from pycaffelite.cli.signals import SignalRequests

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows knows only Ctrl-C")


class FakeSolver:
    def __init__(self, snapshot_after_train: bool = True) -> None:
        self.parameter = SimpleNamespace(snapshot_after_train=snapshot_after_train)
        self.requests: list[str] = []

    def request(self, what: str) -> None:
        self.requests.append(what)


def send(*signals: int, solver: Any, **effects: str) -> list[str]:
    said: list[str] = []
    with SignalRequests(solver, **effects) as requests:
        for number in signals:
            os.kill(os.getpid(), number)
        requests.remarks(said.append)
    return said


def test_caffes_defaults() -> None:
    solver = FakeSolver()
    said = send(signal.SIGHUP, signal.SIGINT, solver=solver)
    assert solver.requests == ["snapshot", "stop"]
    assert said == ["a snapshot follows after this iteration", "stopping after this iteration; once more ends at once"]


def test_flags() -> None:
    solver = FakeSolver()
    send(signal.SIGINT, signal.SIGINT, signal.SIGHUP, solver=solver, sigint="snapshot", sighup="none")
    assert solver.requests == ["snapshot", "snapshot"]


def test_a_second_interruption_ends_at_once() -> None:
    solver = FakeSolver()
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT, signal.SIGINT, solver=solver)


@pytest.mark.parametrize(("after_train", "requests"), [(True, ["stop"]), (False, ["snapshot", "stop"])])
def test_termination_takes_a_snapshot_and_stops(after_train: bool, requests: list[str]) -> None:
    solver = FakeSolver(after_train)
    send(signal.SIGTERM, solver=solver)
    assert solver.requests == requests


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    send(solver=FakeSolver())
    assert signal.getsignal(signal.SIGINT) is before
