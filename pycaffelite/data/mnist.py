"""MNIST: from IDX files in a folder or from its mirrors, into databases as Caffe's examples name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.data.cache import cache_folder
from pycaffelite.data.database import refuse_existing, write_database
from pycaffelite.data.datum import image_items
from pycaffelite.data.download import Progress, RemoteFile, fetch
from pycaffelite.data.sources.idx import read_idx
from pycaffelite.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# Which part of which half of the data set; the checksums are those of the original files.
FILES = {
    ("train", "images"): RemoteFile(
        "train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    ("train", "labels"): RemoteFile(
        "train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    ("test", "images"): RemoteFile(
        "t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    ("test", "labels"): RemoteFile(
        "t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
HALVES = ("train", "test")

Half = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]  # images N x H x W, labels N


def make_mnist(
    out: Path,
    *,
    backend: str = "leveldb",
    folder: Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    force: bool = False,
    progress: Progress = lambda _name, _done, _size: None,
    made: Callable[[Path, int], None] = lambda _path, _count: None,
) -> list[Path]:
    """Make the databases mnist-train-BACKEND and mnist-test-BACKEND; return their paths.

    Args:
        out: The folder they go into.
        backend: "leveldb" or "lmdb".
        folder: Where the IDX files are; None downloads them.
        mirrors: Where they are downloaded from.
        force: Whether existing databases are replaced.
        progress: Is told how far a download is.
        made: Is told of each finished database and its number of records.
    """
    paths = {half: out / f"mnist-{half}-{backend}" for half in HALVES}
    for path in paths.values():
        refuse_existing(path, force=force)
    if folder is None:
        folder = cache_folder() / "mnist"
        for file in FILES.values():
            fetch(file, mirrors, folder, progress=progress)
    # Both halves are read and checked before anything is written.
    data = {half: read_half(folder, half) for half in HALVES}
    for half, path in paths.items():
        made(path, write_database(path, backend, image_items(*data[half]), force=force))
    return list(paths.values())


def read_half(folder: Path, half: str) -> Half:
    """Return images and labels of the IDX files of "train" or "test" in a folder."""
    images_path, labels_path = (find_idx(folder, FILES[half, part].name) for part in ("images", "labels"))
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or not images.size:
        raise DataError(
            "images and labels do not belong together",
            expected="N x height x width images and N labels, N at least 1",
            got=f"`{images_path}` of {'x'.join(map(str, images.shape))} and `{labels_path}` of "
            f"{'x'.join(map(str, labels.shape))}",
            hint="are the two files of the same set?",
        )
    return images, labels


def find_idx(folder: Path, name: str) -> Path:
    """Return the IDX file of this name in a folder (or in its raw/ or MNIST/raw/), gzipped or not, with "-" or "."."""
    stem = name.removesuffix(".gz")
    spellings = [stem, stem.replace("-idx", ".idx")]
    for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
        for spelling in spellings:
            for path in (place / spelling, place / f"{spelling}.gz"):
                if path.is_file():
                    return path
    raise DataError(
        "an IDX file of MNIST is missing",
        expected=f"`{stem}` or `{stem}.gz` in `{folder}`",
        got=_content(folder),
        hint="the folder needs train-images, train-labels, t10k-images and t10k-labels; "
        "without --from they are downloaded",
    )


def _content(folder: Path) -> str:
    """Say what is in a folder."""
    if not folder.is_dir():
        return "no such folder"
    names = [f"`{entry.name}`" for entry in sorted(folder.iterdir())]
    return ", ".join(names[:8] + ["..."] * (len(names) > 8)) or "nothing in it"
