"""Solver state: iteration, learned net, step of the learning rate, history; .solverstate and .solverstate.h5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from pycaffelite.blob import Array
from pycaffelite.errors import Location, SnapshotError
from pycaffelite.layers.base import shape_text
from pycaffelite.schema import messages
from pycaffelite.schema.outline import state_outline
from pycaffelite.snapshot import hdf5, wire
from pycaffelite.snapshot.files import Chunk, read_bytes
from pycaffelite.snapshot.stored import StoredBlob, blob_in_file, hdf5_blob, stored_blob

_HISTORY = 3  # field number in SolverState


@dataclass(frozen=True)
class SolverState:
    """The content of a solver-state file.

    Attributes:
        iteration: How many updates the parameters have had.
        learned_net: The weights file that belongs to it, as written; empty where none is named.
        current_step: Steps taken by the learning-rate policy.
        history: The solver's memory, in Caffe's order.
    """

    iteration: int
    learned_net: str
    current_step: int
    history: Sequence[Array]


@dataclass(frozen=True)
class StoredState:
    """A solver-state file that is open: as `SolverState`, but the history is read when it is copied."""

    iteration: int
    learned_net: str
    current_step: int
    history: Sequence[StoredBlob]


def encode_state(state: SolverState, *, hdf5_format: bool) -> list[Chunk]:
    """Return the content of a solver-state file."""
    if hdf5_format:
        return hdf5.encode_state(state.iteration, state.learned_net, state.current_step, state.history)
    message = messages.SolverState(iter=state.iteration, learned_net=state.learned_net, current_step=state.current_step)
    return wire.insert_blobs(message.SerializeToString(), _HISTORY, [wire.blob_chunks(h) for h in state.history])


@contextmanager
def opened_state(path: Path, history: Sequence[Array]) -> Iterator[StoredState]:
    """Open a solver-state file whose history must have the shapes of the given one.

    Raises:
        SnapshotError: It is missing, damaged or of another kind, or belongs to another net or solver type.
    """
    if ".caffemodel" in path.name:
        raise SnapshotError(
            "these are weights, not a solver state",
            where=Location(str(path)),
            expected="a .solverstate or .solverstate.h5 file",
            got=path.name,
            hint="give them as weights to start from: `--weights`",
        )
    if path.name.endswith(".h5"):
        with hdf5.opened(path) as file:
            yield _checked(path, _of_hdf5(file), history)
    else:
        yield _checked(path, _of_binary(path), history)


def _of_binary(path: Path) -> StoredState:
    outline = state_outline(path)
    try:
        message = messages.SolverState.FromString(read_bytes(path)) if outline is None else outline.message
    except (DecodeError, ValueError):  # the latter for a string that is no text
        raise no_state(path) from None
    if not message.HasField("iter"):
        raise no_state(path)
    read = partial(stored_blob, path) if outline is None else partial(blob_in_file, path, outline)
    history = [read(blob, f"history {index}") for index, blob in enumerate(message.history)]
    return StoredState(message.iter, message.learned_net, message.current_step, history)


def _of_hdf5(file: Mapping[str, Any]) -> StoredState:
    items = file["history"]
    return StoredState(
        hdf5.read_number(file, "iter"),
        hdf5.read_text(file, "learned_net"),
        hdf5.read_number(file, "current_step", 0),
        [hdf5_blob(items[str(index)]) for index in range(len(items))],
    )


def _checked(path: Path, state: StoredState, history: Sequence[Array]) -> StoredState:
    """Return the state if it is one, and fits the solver's history."""
    stored = state.history
    if len(stored) != len(history):
        raise SnapshotError(
            "the solver state does not belong to this net and solver type",
            where=Location(str(path)),
            expected=f"{len(history)} history blobs",
            got=f"{len(stored)}",
            hint="resume with the net and the `type` that wrote it, or start from its weights: `--weights`",
        )
    for index, (blob, ours) in enumerate(zip(stored, history, strict=True)):
        if not blob.fits(ours.shape):
            raise SnapshotError(
                "the solver state does not belong to this net",
                where=Location(str(path)),
                expected=f"history {index} of shape {shape_text(ours.shape)}",
                got=f"shape {shape_text(blob.shape)}",
                hint="resume with the net that wrote it",
            )
    for blob in stored:
        blob.check()
    if state.iteration < 0 or state.current_step < 0:
        raise SnapshotError(
            "damaged solver state",
            where=Location(str(path)),
            expected="iteration and step of at least 0",
            got=f"iteration {state.iteration}, step {state.current_step}",
        )
    return state


def no_state(path: Path) -> SnapshotError:
    """Make the error for a file that is no solver state."""
    return SnapshotError(
        "not a solver state, or a damaged one",
        where=Location(str(path)),
        expected="a .solverstate file as a snapshot writes it",
        got="other content",
    )
