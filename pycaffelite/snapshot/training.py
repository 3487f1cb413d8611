"""Snapshots of a training: weights, side file and solver state, written together and restored together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pycaffelite.blob import Array
from pycaffelite.errors import Location, PycaffeliteError, SnapshotError
from pycaffelite.net import Net
from pycaffelite.schema import messages
from pycaffelite.snapshot import resume
from pycaffelite.snapshot.files import Staged, make_folder, remove_leftovers, try_folder
from pycaffelite.snapshot.state import SolverState, encode_state, opened_state
from pycaffelite.snapshot.weights import encode_weights, load_weights


@dataclass
class Progress:
    """How far a training has come, apart from the weights.

    Attributes:
        iteration: How many updates the parameters have had.
        current_step: Steps taken by the learning-rate policy.
        history: The solver's memory, in Caffe's order; restored in place.
        losses: The loss window as JSON values; empty where it is not known.
        test_nets: Nets whose layers have a state too: data cursors.
        parts: Whatever else the solver remembers, by name, as JSON values.
    """

    iteration: int
    current_step: int
    history: Sequence[Array]
    losses: Mapping[str, Any]
    test_nets: Sequence[Net]
    parts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Paths:
    """The files of a snapshot."""

    weights: str
    state: str
    hdf5: bool


@dataclass(frozen=True)
class Resumed:
    """What a restore found.

    Attributes:
        iteration: Where training goes on.
        weights_path: The weights that were loaded; empty where the state names none.
        exact: Whether training goes on bit for bit as if it had never stopped.
        note: Why not, in a sentence; empty where it does.
    """

    iteration: int
    weights_path: str
    exact: bool
    note: str = ""


def snapshot_paths(parameter: Any, iteration: int, solver_path: str | None) -> Paths:
    """Return where the snapshot of an iteration goes."""
    stem = f"{snapshot_prefix(parameter, solver_path)}_iter_{iteration}"
    hdf5 = parameter.snapshot_format == messages.SolverParameter.HDF5
    tail = ".h5" if hdf5 else ""
    return Paths(f"{stem}.caffemodel{tail}", f"{stem}.solverstate{tail}", hdf5)


def best_path(parameter: Any, solver_path: str | None) -> str:
    """Return where the weights of the best test go."""
    tail = ".h5" if parameter.snapshot_format == messages.SolverParameter.HDF5 else ""
    return f"{snapshot_prefix(parameter, solver_path)}_best.caffemodel{tail}"


def check_writable(parameter: Any, solver_path: str | None) -> None:
    """Make the folder of the snapshots and try to write there, before hours of training depend on it.

    What killed trainings left half-written there is removed, once it is an hour old.

    Raises:
        SnapshotError: Snapshots could not be written.
    """
    try_folder(Path(snapshot_paths(parameter, 0, solver_path).weights).parent)
    remove_leftovers(snapshot_prefix(parameter, solver_path))


def write_snapshot(net: Net, progress: Progress, parameter: Any, solver_path: str | None) -> Paths:
    """Write weights, side file and solver state; each appears only when all of them are on disk.

    The solver state gets its name last: where it stands, the snapshot is complete.

    Raises:
        SnapshotError: They cannot be written; files that were there before are unharmed.
    """
    paths = snapshot_paths(parameter, progress.iteration, solver_path)
    weights_path, state_path = Path(paths.weights), Path(paths.state)
    make_folder(weights_path.parent)
    state = SolverState(progress.iteration, paths.weights, progress.current_step, progress.history)
    encoded = encode_state(state, hdf5_format=paths.hdf5)
    with Staged() as weights_file, Staged() as side_file, Staged() as state_file:
        chunks = encode_weights(net, hdf5_format=paths.hdf5, diff=parameter.snapshot_diff)
        weights_digest = weights_file.write(weights_path, chunks)
        state_digest = state_file.write(state_path, encoded)
        digests = {weights_path.name: weights_digest, state_path.name: state_digest}
        side_file.write(resume.side_path(state_path), [resume.encode(_side(net, progress, digests, parameter.type))])
        weights_file.commit()
        side_file.commit()
        state_file.commit()
    return paths


def restore_snapshot(path: str | Path, net: Net, progress: Progress, kind: str) -> Resumed:
    """Read a solver state, the weights that it names, and its side file where there is one.

    Args:
        path: A .solverstate or .solverstate.h5 file.
        net: Receives the weights, and the states of its layers.
        progress: Receives everything else; its history must have the right shapes.
        kind: The `type` of the solver that goes on.

    Raises:
        SnapshotError: A file is missing, damaged or does not fit; then only weights may have changed.
    """
    path = Path(path)
    side = resume.verify(path)
    with opened_state(path, progress.history) as state:
        weights_path = _weights_of(state.learned_net, path)
        left = load_weights(net, weights_path).left if weights_path is not None else ()
        for ours, theirs in zip(progress.history, state.history, strict=True):
            theirs.copy_to(ours)
    progress.iteration, progress.current_step = state.iteration, state.current_step
    reasons = [f"{weights_path} has no weights for {', '.join(left)}"] if left else []
    if side is None:
        reasons = reasons or [
            "no side file beside the solver state: data starts from the beginning, random layers anew"
        ]
    else:
        _take_up(side, path, net, progress)
        reasons += _differences(side, net, kind)
    found = "" if weights_path is None else str(weights_path)
    return Resumed(state.iteration, found, not reasons, "; ".join(reasons))


def _take_up(side: Mapping[str, Any], path: Path, net: Net, progress: Progress) -> None:
    """Give what a side file holds to those that it is about."""
    with damaged_side_file(path):
        progress.losses = dict(side.get("losses", {}))
        progress.parts = {name: dict(part) for name, part in side.get("solver", {}).items()}
        _restore_layers(net, side["layers"])
        for test_net, layers in zip(progress.test_nets, side["tests"], strict=False):
            _restore_layers(test_net, layers)


def _differences(side: Mapping[str, Any], net: Net, kind: str) -> list[str]:
    """Return why a training cannot go on bit for bit although its side file is here, each in a sentence."""
    reasons = []
    wrote = side.get("type", kind)  # older versions did not tell
    if wrote != kind:
        reasons.append(f"its history was written by {wrote} and is read by {kind}, which means something else by it")
    if side.get("seed") != net.seed:
        reasons.append(f"the training was begun with seed {side.get('seed')}")
    forgetful = [f"`{entry.node.name}`" for entry in net.layers if entry.layer.forgets()]
    if forgetful:
        reasons.append(f"{', '.join(forgetful)} cannot tell what came last")
    return reasons


@contextmanager
def damaged_side_file(path: str | Path) -> Iterator[None]:
    """Make a SnapshotError of what goes wrong inside, where the content of the side file of `path` is taken up."""
    try:
        yield
    except PycaffeliteError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise SnapshotError(
            "damaged side file",
            where=Location(str(resume.side_path(Path(path)))),
            got=f"{type(error).__name__}: {error}",
            hint="delete it to go on with the weights and the solver state alone",
        ) from None


def snapshot_prefix(parameter: Any, solver_path: str | None) -> str:
    """Return what the names of snapshots begin with: as Caffe, the name of the solver's file where none is set."""
    prefix: str = parameter.snapshot_prefix
    own = Path(solver_path).with_suffix("") if solver_path else Path("snapshot")
    if not prefix:
        return str(own)
    if prefix.endswith("/") or Path(prefix).is_dir():
        return str(Path(prefix) / own.name)
    return prefix


def _side(net: Net, progress: Progress, digests: dict[str, str], kind: str) -> dict[str, Any]:
    return {
        "iteration": progress.iteration,
        "type": kind,
        "seed": net.seed,
        "sha256": digests,
        "losses": dict(progress.losses),
        "solver": dict(progress.parts),
        "layers": _layer_states(net),
        "tests": [_layer_states(test_net) for test_net in progress.test_nets],
    }


def _layer_states(net: Net) -> dict[str, Any]:
    states = {entry.node.name: entry.layer.state() for entry in net.layers}
    return {name: state for name, state in states.items() if state}


def _restore_layers(net: Net, states: Mapping[str, Any]) -> None:
    for entry in net.layers:
        if entry.node.name in states:
            entry.layer.restore(states[entry.node.name])


def _weights_of(learned_net: str, path: Path) -> Path | None:
    """Find the weights: beside the solver state, where a snapshot writes them, else where it says.

    Raises:
        SnapshotError: They are in neither place.
    """
    if not learned_net:
        return None
    # Written on another system, the name may have the other kind of slashes.
    beside = path.with_name(learned_net.replace("\\", "/").rpartition("/")[2])
    for candidate in (beside, Path(learned_net)):
        if candidate.is_file():
            return candidate
    raise SnapshotError(
        "the weights of this solver state are missing",
        where=Location(str(path)),
        expected=f"{learned_net}, or {beside}",
        got="neither file",
    )
