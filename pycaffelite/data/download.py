"""Fetches files from mirrors: checked, repeated where a connection breaks, complete or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pycaffelite.errors import DataError

CHUNK = 1 << 16  # bytes
TIMEOUT = 30  # seconds without a byte

Progress = Callable[[str, int, int], None]  # file name, bytes so far, bytes in all


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch: its name, its length in bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


class _WrongContentError(Exception):
    """What came is not the file."""


def fetch(
    file: RemoteFile,
    mirrors: Sequence[str],
    folder: Path,
    *,
    progress: Progress = lambda _name, _done, _size: None,
    attempts: int = 3,
    pause: float = 1.0,
) -> Path:
    """Return the path of the file in `folder`, fetched unless it is there already.

    Args:
        file: What to fetch.
        mirrors: Addresses of folders, tried in turn.
        folder: Where the file goes.
        progress: Is told how far it is.
        attempts: Tries for each mirror.
        pause: Seconds before the second try of a mirror; they double with each further one.
    """
    path = folder / file.name
    if path.is_file() and _digest(path) == file.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    for attempt in range(attempts):
        for mirror in mirrors:
            url = mirror.rstrip("/") + "/" + file.name
            try:
                _fetch_once(url, file, path, progress)
                return path
            except (OSError, http.client.HTTPException, _WrongContentError) as error:
                failures.append(f"{url}: {error}")
        if attempt + 1 < attempts:
            time.sleep(pause * 2**attempt)
    raise DataError(
        f"`{file.name}` cannot be downloaded",
        got="; ".join(dict.fromkeys(failures)),
        hint="without a network, pass the folder that holds the IDX files: --from FOLDER",
    )


def _fetch_once(url: str, file: RemoteFile, path: Path, progress: Progress) -> None:
    """Fetch to a temporary file, check it, and give it its name."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        digest, done = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as out, urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > file.size:
                    raise _WrongContentError(f"longer than the {file.size} bytes it should have")
                digest.update(chunk)
                out.write(chunk)
                progress(file.name, done, file.size)
        if done != file.size:
            raise _WrongContentError(f"{done} bytes, where {file.size} were expected")
        if digest.hexdigest() != file.sha256:
            raise _WrongContentError(f"wrong SHA-256 {digest.hexdigest()}")
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
