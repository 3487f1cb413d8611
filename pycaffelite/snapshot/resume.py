"""The side file of a snapshot, `<prefix>_iter_N.resume.json`: what Caffe's solver state has no room for.

It holds the solver's type, the seed, the loss window, the state of every layer that has one (data cursors, random
counters), and digests of the weights and of the solver state, by which damage to either is noticed, and one of itself.
It is JSON: data only.
Snapshots of Caffe's do without it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pycaffelite.errors import Location, SnapshotError
from pycaffelite.snapshot.files import read_bytes, sha256_of

FORMAT = 2
_SEALED = 2  # from this format on the side file has a digest of itself


def side_path(path: Path) -> Path:
    """Return the side file that belongs to a .caffemodel or .solverstate file; HDF5 snapshots have their own."""
    name = path.name
    tail = ".h5" if name.endswith(".h5") else ""
    stem = name.removesuffix(".h5").removesuffix(".caffemodel").removesuffix(".solverstate")
    return path.with_name(f"{stem}{tail}.resume.json")


def encode(side: dict[str, Any]) -> bytes:
    """Return the content of a side file."""
    content = {"format": FORMAT, **side}
    return json.dumps({**content, "digest": _digest(content)}, indent=1).encode() + b"\n"


def read(path: Path) -> dict[str, Any] | None:
    """Return the side file of a .caffemodel or .solverstate file; None where there is none.

    Raises:
        SnapshotError: It is damaged, or from a later version.
    """
    if not path.name:  # a folder such as "." or "/"
        return None
    file = side_path(path)
    if not file.exists():
        return None
    try:
        side = json.loads(read_bytes(file))
    except (ValueError, RecursionError):
        side = None
    if not isinstance(side, dict) or not isinstance(side.get("format"), int):
        raise _damaged(file, "something else")
    if side["format"] > FORMAT:
        raise SnapshotError(
            "side file of a later version",
            where=Location(str(file)),
            expected=f"format {FORMAT}",
            got=f"format {side['format']}",
            hint="update pycaffelite",
        )
    digest = side.pop("digest", None)
    if side["format"] >= _SEALED and digest != _digest(side):
        raise _damaged(file, "another digest: the file is damaged, or was changed")
    return side


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _damaged(file: Path, got: str) -> SnapshotError:
    return SnapshotError(
        "damaged side file",
        where=Location(str(file)),
        expected="JSON, as a snapshot writes it",
        got=got,
        hint="delete it to go on with the weights and the solver state alone",
    )


def verify(path: Path) -> dict[str, Any] | None:
    """Hold a file against the digest in its side file; return the side file, None where there is none.

    Raises:
        SnapshotError: The file was damaged or replaced after the snapshot.
    """
    if not path.exists():
        return None
    side = read(path)
    digests = side.get("sha256") if side is not None else None
    # By the kind of file and not by its name: snapshots may be renamed, and a side file may belong to another one.
    kind = _kind(path.name)
    known = digests.items() if isinstance(digests, dict) else ()
    wanted = next((digest for name, digest in known if _kind(name) == kind), None)
    if wanted is not None and sha256_of(path) != wanted:
        raise SnapshotError(
            "this file is not what the snapshot wrote",
            where=Location(str(path)),
            expected=f"the content whose digest {side_path(path).name} holds",
            got="other content: the file is damaged, or was replaced",
            hint=f"take an earlier snapshot; if it was replaced on purpose, delete {side_path(path).name}",
        )
    return side


def _kind(name: str) -> str:
    """Return the ending of a file of a snapshot, such as ".solverstate.h5"."""
    return "".join(Path(name).suffixes[-2:] if name.endswith(".h5") else Path(name).suffixes[-1:])


def resume_seed(path: str | Path) -> int | None:
    """Return the seed of the training that wrote a .solverstate; None where it is not known."""
    side = read(Path(path))
    seed = side.get("seed") if side is not None else None
    return seed if isinstance(seed, int) else None
