"""Damages files at random and reads them: a program of its own, since a library in C may end it.

    python corrupt.py FOLDER FIRST COUNT KIND...

For each kind and each number from FIRST on, it writes a whole file, or several, damages one of them in a way that the
number decides, reads, and prints a line of JSON: the case before, and what came of it after.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycaffelite.api import load_net, load_solver
from pycaffelite.data.datum import datum_array, read_datum
from pycaffelite.data.images import read_image
from pycaffelite.data.mean import read_mean
from pycaffelite.data.source import open_source
from pycaffelite.data.sources.hdf5 import read_datasets
from pycaffelite.errors import PycaffeliteError
from pycaffelite.snapshot import load_weights

GOLDEN = Path(__file__).parents[2] / "golden" / "interop"
NET = """
name: "tiny"
layer { name: "in" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 2 dim: 3 dim: 6 dim: 6 } shape { dim: 2 dim: 4 } data_filler { type: "gaussian" } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "ip" type: "InnerProduct" bottom: "c" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 9 random_seed: 1 snapshot_prefix: "snap"
"""

Outcome = Any  # nested lists of numbers and bytes


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        write: Writes it into a folder; returns the files of which one is damaged.
        read: Reads it from there; returns what was read.
        sealed: Whether any damage must be seen, because there are checksums.
    """

    write: Callable[[Path], list[Path]]
    read: Callable[[Path], Outcome]
    sealed: bool = False


def solver_at(folder: Path, kind: str) -> Any:
    (folder / "net.prototxt").write_text(NET)
    (folder / "solver.prototxt").write_text(SOLVER + f"snapshot_format: {kind}\n")
    return load_solver(folder / "solver.prototxt", overrides={"snapshot_prefix": str(folder / "snap")}, seed=1)


def written(kind: str, suffixes: tuple[str, ...], *, side: bool) -> Callable[[Path], list[Path]]:
    def write(folder: Path) -> list[Path]:
        solver = solver_at(folder, kind)
        solver.step(2)
        solver.snapshot()
        if not side:
            for path in folder.glob("*.json"):
                path.unlink()
        return [next(folder.glob("snap_iter_2" + suffix)) for suffix in suffixes]

    return write


def state_of(solver: Any) -> Outcome:
    blobs = [blob.data.tobytes() for blobs in solver.net.params.values() for blob in blobs]
    return [solver.iteration, blobs, [array.tobytes() for array in solver._history()]]


def restored(kind: str) -> Callable[[Path], Outcome]:
    def read(folder: Path) -> Outcome:
        solver = solver_at(folder, kind)
        solver.restore(str(folder / f"snap_iter_2.solverstate{'.h5' if kind == 'HDF5' else ''}"))
        return state_of(solver)

    return read


def loaded(name: str) -> Callable[[Path], Outcome]:
    def read(folder: Path) -> Outcome:
        net = load_net(folder / "net.prototxt", seed=2).net
        load_weights(net, folder / name)
        return [blob.data.tobytes() for blobs in net.params.values() for blob in blobs]

    return read


def copied(name: str) -> Callable[[Path], list[Path]]:
    def write(folder: Path) -> list[Path]:
        if (GOLDEN / name).is_dir():
            shutil.copytree(GOLDEN / name, folder / name)
            return sorted(path for path in (folder / name).iterdir() if path.name != "LOCK" and path.stat().st_size)
        shutil.copy(GOLDEN / name, folder)
        return [folder / Path(name).name]

    return write


def records(name: str, *, images: bool = False) -> Callable[[Path], Outcome]:
    def read(folder: Path) -> Outcome:
        said: list[str] = []
        found = []
        for key, value in open_source(folder / name, notify=said.append).items():
            found.append([key, value])
            if images:
                datum_array(folder / name, key, read_datum(folder / name, key, value), force_color=True)
        return [found, bool(said)]

    return read


KINDS: dict[str, Kind] = {
    "caffemodel": Kind(written("BINARYPROTO", (".caffemodel",), side=False), loaded("snap_iter_2.caffemodel")),
    "caffemodel with side file": Kind(
        written("BINARYPROTO", (".caffemodel",), side=True), loaded("snap_iter_2.caffemodel"), sealed=True
    ),
    "solverstate": Kind(written("BINARYPROTO", (".solverstate", ".caffemodel"), side=False), restored("BINARYPROTO")),
    "snapshot": Kind(
        written("BINARYPROTO", (".solverstate", ".caffemodel", ".resume.json"), side=True),
        restored("BINARYPROTO"),
        sealed=True,
    ),
    "HDF5 weights": Kind(written("HDF5", (".caffemodel.h5",), side=False), loaded("snap_iter_2.caffemodel.h5")),
    "HDF5 solverstate": Kind(written("HDF5", (".solverstate.h5",), side=False), restored("HDF5")),
    "HDF5 snapshot": Kind(
        written("HDF5", (".solverstate.h5", ".caffemodel.h5"), side=True), restored("HDF5"), sealed=True
    ),
    "HDF5 data": Kind(
        copied("h1.h5"),
        lambda folder: [array.tobytes() for array in read_datasets(folder / "h1.h5", ("data", "label"))],
    ),
    "LMDB": Kind(copied("color_lmdb"), records("color_lmdb", images=True)),
    "LevelDB log": Kind(copied("log_leveldb"), records("log_leveldb"), sealed=True),
    "LevelDB tables": Kind(copied("compacted_leveldb"), records("compacted_leveldb"), sealed=True),
    "LevelDB levels": Kind(copied("levels_leveldb"), records("levels_leveldb"), sealed=True),
    "PNG": Kind(copied("color/00.png"), lambda folder: read_image(folder / "00.png", color=True).tobytes()),
    "mean": Kind(
        copied("color_mean.binaryproto"), lambda folder: read_mean(folder / "color_mean.binaryproto").tobytes()
    ),
}


def damage(content: bytes, chance: random.Random) -> bytes:
    """Cut a file, or change bits or some bytes of it."""
    at = chance.randrange(len(content))
    match chance.randrange(5):
        case 0:
            return content[:at]
        case 1 | 2:
            return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
        case 3:
            length = chance.randrange(1, 65)
            return content[:at] + chance.randbytes(len(content[at : at + length])) + content[at + length :]
    length = chance.randrange(1, 4097)
    return content[:at] + bytes(len(content[at : at + length])) + content[at + length :]


def judge(kind: Kind, folder: Path, whole: Outcome) -> tuple[str, str]:
    """Read; return what came of it, and the words of an error."""
    try:
        found = kind.read(folder)
    except PycaffeliteError as error:
        return "error", str(error)
    except BaseException:
        return "TRACEBACK", traceback.format_exc()
    if found == whole:
        return "same", ""
    if isinstance(found, list) and found[-1] is True:  # as a crash leaves a log: what is lost is at its end, and told
        return "told", ""
    return ("SILENT", "other content than before") if kind.sealed else ("other", "")


def main() -> None:
    base, first, count, names = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    for name in names or KINDS:
        kind = KINDS[name]
        pristine = base / f"{name}-whole"
        pristine.mkdir(parents=True)
        files = [path.relative_to(pristine) for path in kind.write(pristine)]
        whole = kind.read(pristine)
        for number in range(first, first + count):
            chance = random.Random(f"{name} {number}")
            folder = base / "case"
            shutil.copytree(pristine, folder)
            path = folder / chance.choice(files)
            print(json.dumps({"kind": name, "number": number, "file": path.name}), flush=True)
            content = path.read_bytes()
            damaged = damage(content, chance)
            path.write_bytes(damaged)
            begin = time.perf_counter()
            outcome, words = judge(kind, folder, whole)
            if damaged == content and outcome != "same":
                outcome = "WHOLE"
            seconds = time.perf_counter() - begin
            memory = peak_memory()
            print(json.dumps({"outcome": outcome, "seconds": seconds, "memory": memory, "words": words}), flush=True)
            shutil.rmtree(folder)


def peak_memory() -> int:
    """Return the peak of this program's resident memory in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells begins at the size of the process that started this one
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
