"""The newest snapshot that can be trusted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from google.protobuf.message import DecodeError

from pycaffelite.errors import Location, SnapshotError
from pycaffelite.schema import messages
from pycaffelite.schema.binary import read_weights_message
from pycaffelite.schema.outline import weights_outline
from pycaffelite.snapshot import hdf5, resume
from pycaffelite.snapshot.files import read_bytes
from pycaffelite.snapshot.state import no_state


def newest_snapshot(prefix: str, notify: Callable[[str], None]) -> str | None:
    """Return the solver state of the most iterations that was written under a prefix and is whole.

    Args:
        prefix: What `snapshot_prefix` returned.
        notify: Takes a sentence about each newer one that is damaged, and about newer weights without a solver state.

    Returns:
        The path; None where there is no snapshot.

    Raises:
        SnapshotError: There are snapshots, and all of them are damaged.
    """
    numbered = _numbered(prefix, "solverstate")
    _tell_of_lone_weights(prefix, numbered, notify)
    found = [path for _iteration, path in numbered]
    for path in found:
        problem = _problem(path)
        if problem is None:
            return str(path)
        last = path == found[-1]
        notify(f"{problem.where}: {problem.what}" + ("" if last else f"; passing over {path.name} to the one before"))
    if found:
        raise SnapshotError(
            "no snapshot is whole",
            where=Location(f"{prefix}_iter_*.solverstate"),
            expected="at least one whose files are as they were written",
            got=f"{len(found)} damaged",
            hint="delete them to start anew, or start from weights that you trust with `--weights`",
        )
    return None


def _numbered(prefix: str, kind: str) -> list[tuple[int, Path]]:
    """Return iteration and path of each file of a kind under a prefix, the newest first."""
    folder, stem = Path(prefix).parent, Path(prefix).name
    pattern = re.compile(rf"{re.escape(stem)}_iter_(\d+)\.{kind}(\.h5)?")
    files = folder.iterdir() if folder.is_dir() else ()
    found = [(int(match[1]), path) for path in files if (match := pattern.fullmatch(path.name))]
    return sorted(found, reverse=True)


def _tell_of_lone_weights(prefix: str, states: Sequence[tuple[int, Path]], notify: Callable[[str], None]) -> None:
    """Say so where the newest weights are newer than every solver state: theirs was lost, and with it a part of a run.

    Older ones without a state are common: people delete the states to save room.
    """
    newest, weights = next(iter(_numbered(prefix, "caffemodel")), (-1, Path()))
    if newest > (states[0][0] if states else -1):
        partner = f"{Path(prefix).name}_iter_{newest}.solverstate{'.h5' * (weights.suffix == '.h5')}"
        instead = f"passing over them to {states[0][1].name}" if states else "`--weights` starts from them"
        notify(f"{weights}: {partner} is missing beside these weights; {instead}")


def _problem(path: Path) -> SnapshotError | None:
    """Return what is wrong with a snapshot: by its digests, or without a side file as far as its form tells."""
    try:
        side = resume.verify(path)
        if side is None:
            _check_form(path)
            return None
        for name in side.get("sha256", {}):
            beside = path.with_name(name)
            if not beside.exists():
                return SnapshotError("a file of the snapshot is missing", where=Location(str(beside)))
            resume.verify(beside)
    except SnapshotError as error:
        return error
    return None


def _check_form(path: Path) -> None:
    """Read a bare solver state and its weights, as Caffe writes them."""
    if path.name.endswith(".h5"):
        with hdf5.opened(path) as file:
            hdf5.read_number(file, "iter")
            learned = hdf5.read_text(file, "learned_net")
    else:
        try:
            message = messages.SolverState.FromString(read_bytes(path))
        except (DecodeError, ValueError):
            raise no_state(path) from None
        if not message.HasField("iter"):
            raise no_state(path)
        learned = message.learned_net
    weights = path.with_name(Path(learned).name or path.name)
    if weights == path or not weights.exists():  # elsewhere; the restore will look there
        return
    if hdf5.is_hdf5(weights):
        with hdf5.opened(weights) as file:
            sum(len(arrays) for _name, arrays in hdf5.datasets(file["data"]))
    elif weights_outline(weights) is None:
        read_weights_message(weights)
