"""pycaffe's process-wide switches."""

from __future__ import annotations

import sys

_seed: int | None = None
_python_layers = False
_told: set[str] = set()


def set_mode_cpu() -> None:
    """Compute on the CPU, as pycaffelite always does."""


def set_mode_gpu() -> None:
    """Go on computing on the CPU, and say so once."""
    _tell("set_mode_gpu: pycaffelite computes on the CPU; going on there")


def set_device(device: int) -> None:
    """Do nothing, and say so once: there are no devices to choose from."""
    _tell(f"set_device({device}): pycaffelite computes on the CPU; going on there")


def set_random_seed(seed: int) -> None:
    """Seed the nets that are made from now on."""
    global _seed  # noqa: PLW0603  (pycaffe's seed is one for the process)
    _seed = int(seed)


def random_seed() -> int | None:
    """Return the seed that was set; None takes one from the system."""
    return _seed


def allow_python_layers(allowed: bool = True) -> None:
    """Let the nets that are made from now on run Python layers: code that their files name, and that may do anything.

    pycaffe has no such switch, and runs them always.
    """
    global _python_layers  # noqa: PLW0603  (like the seed)
    _python_layers = allowed


def python_layers_allowed() -> bool:
    """Return whether nets may run Python layers."""
    return _python_layers


def _tell(sentence: str) -> None:
    """Say something once, on standard error."""
    if sentence not in _told:
        _told.add(sentence)
        print(f"note: {sentence}", file=sys.stderr)
