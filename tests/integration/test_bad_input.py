"""Whatever a user hands over by mistake: one error in the one form, exit status 1, no traceback, no file harmed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pycaffelite import load_net
from pycaffelite.cli.group import command_line
from pycaffelite.data.database import write_database
from pycaffelite.schema import messages
from pycaffelite.snapshot import save_weights

NET = """name: "tiny"
layer { name: "in" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 1 dim: 8 dim: 8 } shape { dim: 4 } data_filler { type: "uniform" }
                     data_filler { type: "constant" } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 2\nsnapshot_prefix: "out/tiny"\n'
DATA = """layer { name: "d" type: "Data" top: "data" top: "label"
  data_param { source: "db" batch_size: 2 backend: LEVELDB } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

TRAIN = ("train", "solver.prototxt")


@dataclass
class Case:
    """Files to write, a command, what its error must say; `prepare` makes what is no text."""

    says: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    command: tuple[str, ...] = TRAIN
    prepare: Callable[[Path], None] | None = None


def replaced(old: str, new: str, text: str = NET) -> dict[str, str | bytes]:
    assert old in text
    return {"net.prototxt": text.replace(old, new)}


def solver(old: str, new: str) -> dict[str, str | bytes]:
    assert old in SOLVER
    return {"solver.prototxt": SOLVER.replace(old, new)}


def with_data(text: str = DATA) -> dict[str, str | bytes]:
    return {"net.prototxt": text}


def database(
    backend: str, *, labels: tuple[int, ...] = (0, 1, 2, 0), side: int = 4, values: tuple[bytes, ...] | None = None
) -> Callable[[Path], None]:
    """Return what writes a small database called db."""

    def write(folder: Path) -> None:
        datums = [
            messages.Datum(channels=1, height=side, width=side, data=bytes(side * side), label=label)
            for label in labels
        ]
        records = values if values is not None else tuple(datum.SerializeToString() for datum in datums)
        write_database(folder / "db", backend.lower(), [(b"%08d" % i, record) for i, record in enumerate(records)])

    return write


def damaged(backend: str, pattern: str, damage: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what writes a database and then damages the files that match."""

    def write(folder: Path) -> None:
        database(backend)(folder)
        files = sorted((folder / "db").glob(pattern))
        assert files, pattern
        for file in files:
            file.write_bytes(damage(file.read_bytes()))

    return write


def flip(content: bytes) -> bytes:
    """Change bytes in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 8]) + content[middle + 8 :]


def weights(text: str = NET) -> Callable[[Path], None]:
    """Return what writes w.caffemodel, the weights of a net of its own."""

    def write(folder: Path) -> None:
        (folder / "other.prototxt").write_text(text)
        save_weights(load_net(folder / "other.prototxt", seed=1).net, folder / "w.caffemodel")

    return write


LMDB = {"net.prototxt": DATA.replace("LEVELDB", "LMDB")}

CASES = {
    # The text.
    "truncated net": Case(("net.prototxt:", "layer"), {"net.prototxt": NET[: len(NET) // 2]}),
    "garbage net": Case(("net.prototxt",), {"net.prototxt": bytes(range(256)) * 8}),
    "not utf-8": Case(("net.prototxt",), {"net.prototxt": NET.encode() + b"name: \xff\xfe\xfa"}),
    "nul bytes": Case(("net.prototxt",), {"net.prototxt": NET + "\0\0\0"}),
    "empty net": Case(("the file is empty",), {"net.prototxt": ""}),
    "stray brace": Case(("net.prototxt:10", "stray `}`"), {"net.prototxt": NET + "}\n"}),
    "unknown field": Case(("net.prototxt:5", "kernel_size is missing"), replaced("kernel_size", "kernel_siz")),
    "unknown field, strictly": Case(
        ("kernel_siz", "did you mean `kernel_size`"), replaced("kernel_size", "kernel_siz"), (*TRAIN, "--strict")
    ),
    "unknown type": Case(("Convolusion", "did you mean `Convolution`"), replaced('"Convolution"', '"Convolusion"')),
    "unknown enum": Case(("LEVELBD", "did you mean `LEVELDB`"), with_data(DATA.replace("LEVELDB", "LEVELBD"))),
    "text for a number": Case(("net.prototxt:6",), replaced("num_output: 2", 'num_output: "two"')),
    "negative for unsigned": Case(("net.prototxt:6",), replaced("num_output: 2", "num_output: -2")),
    "number over 32 bits": Case(("net.prototxt:6",), replaced("num_output: 2", "num_output: 99999999999")),
    "missing net": Case(("nat.prototxt", "net.prototxt"), solver("net.prototxt", "nat.prototxt")),
    "missing solver": Case(("nowhere.prototxt",), command=("train", "nowhere.prototxt")),
    "a folder for a net": Case(("sub",), command=("summary", "sub"), prepare=lambda folder: (folder / "sub").mkdir()),
    "truncated solver": Case(("solver.prototxt:4", "unknown field `ma`"), {"solver.prototxt": SOLVER[:55]}),
    "solver without a net": Case(("the solver must name one net",), solver('net: "net.prototxt"\n', "")),
    "unknown lr_policy": Case(("fixt", "fixed"), solver('"fixed"', '"fixt"')),
    "unknown solver type": Case(("SGT", "SGD"), {"solver.prototxt": SOLVER + 'type: "SGT"\n'}),
    "step without stepsize": Case(("stepsize",), solver('"fixed"', '"step" gamma: 0.1')),
    "iter_size 0": Case(("iter_size",), {"solver.prototxt": SOLVER + "iter_size: 0\n"}),
    "test_iter without interval": Case(("test_interval",), {"solver.prototxt": SOLVER + "test_iter: 1\n"}),
    "unknown --set": Case(("base_lt", "base_lr"), command=(*TRAIN, "--set", "base_lt=0.1")),
    "value of --set": Case(("base_lr", "much"), command=(*TRAIN, "--set", "base_lr=much")),
    # The wiring.
    "unknown bottom": Case(("unknown bottom `cnv`", "`conv`"), replaced('bottom: "conv"', 'bottom: "cnv"')),
    "top made twice": Case(("made twice",), replaced('top: "ip"', 'top: "label"')),
    "too few bottoms": Case(("wrong number of bottoms",), replaced('bottom: "ip" bottom: "label"', 'bottom: "ip"')),
    "no loss": Case(("loss",), {"net.prototxt": NET[: NET.index('layer { name: "loss"')]}),
    "no layers": Case(("no layers",), {"net.prototxt": 'name: "nothing"\n'}),
    # Shapes and sizes.
    "kernel too large": Case(("net.prototxt:5", "kernel"), replaced("kernel_size: 3", "kernel_size: 30")),
    "kernel of 0": Case(("net.prototxt:5", "kernel"), replaced("kernel_size: 3", "kernel_size: 0")),
    "stride of 0": Case(("net.prototxt:5", "stride"), replaced("kernel_size: 3", "kernel_size: 3 stride: 0")),
    "group does not divide": Case(("group",), replaced("kernel_size: 3", "kernel_size: 3 group: 2")),
    "num_output missing": Case(("num_output",), replaced("num_output: 2 ", "")),
    "num_output of 2^31": Case(("num_output",), replaced("num_output: 2", "num_output: 2147483648")),
    "a net beyond memory": Case(("does not fit into memory",), replaced("dim: 4 ", "dim: 400000000 ")),
    "labels do not match": Case(("number of records", "4x3"), replaced("shape { dim: 4 }", "shape { dim: 5 }")),
    "unknown filler": Case(("xaver", "xavier"), replaced('"xavier"', '"xaver"')),
    # Data.
    "missing database": Case(("net.prototxt:1", "the data source does not exist", "db"), with_data()),
    "missing MNIST without built-in data": Case(
        ("mnist-train-leveldb", "pycaffelite data mnist"),
        with_data(DATA.replace('"db"', '"mnist-train-leveldb"')),
        (*TRAIN, "--no-builtin-data"),
    ),
    "a file for a database": Case(("db",), {**with_data(), "db": "no database"}),
    "an empty folder for a database": Case(("db",), with_data(), prepare=lambda folder: (folder / "db").mkdir()),
    "empty LevelDB": Case(("db",), with_data(), prepare=database("LEVELDB", labels=())),
    "empty LMDB": Case(("db",), LMDB, prepare=database("LMDB", labels=())),
    "LevelDB without CURRENT": Case(
        ("CURRENT",),
        with_data(),
        prepare=lambda folder: (database("LEVELDB")(folder), (folder / "db/CURRENT").unlink()),
    ),
    "LevelDB with a damaged table": Case(("db",), with_data(), prepare=damaged("LEVELDB", "*.ldb", flip)),
    "LevelDB with a truncated table": Case(
        ("db",), with_data(), prepare=damaged("LEVELDB", "*.ldb", lambda content: content[: len(content) // 2])
    ),
    "LevelDB with a damaged manifest": Case(("db",), with_data(), prepare=damaged("LEVELDB", "MANIFEST-*", flip)),
    "truncated LMDB": Case(("db",), LMDB, prepare=damaged("LMDB", "data.mdb", lambda content: content[:5000])),
    "garbage LMDB": Case(("db",), LMDB, prepare=damaged("LMDB", "data.mdb", lambda content: b"\x5a" * len(content))),
    "records that are no datums": Case(
        ("00000000",), with_data(), prepare=database("LEVELDB", values=(b"\xff\xff\xff garbage",) * 4)
    ),
    "a datum of the wrong size": Case(
        ("00000000",),
        with_data(),
        prepare=database(
            "LEVELDB", values=(messages.Datum(channels=1, height=9, width=9, data=b"abc").SerializeToString(),) * 4
        ),
    ),
    "label out of range": Case(("label", "7"), with_data(), prepare=database("LEVELDB", labels=(0, 7, 1, 2))),
    "negative label": Case(("label", "-1"), with_data(), prepare=database("LEVELDB", labels=(0, -1, 1, 2))),
    "crop larger than the image": Case(
        ("crop_size",),
        with_data(DATA.replace("data_param", "transform_param { crop_size: 9 } data_param")),
        prepare=database("LEVELDB"),
    ),
    "missing mean file": Case(
        ("mean.binaryproto",),
        with_data(DATA.replace("data_param", 'transform_param { mean_file: "mean.binaryproto" } data_param')),
        prepare=database("LEVELDB"),
    ),
    "batch_size 0": Case(("batch",), with_data(DATA.replace("batch_size: 2 ", "")), prepare=database("LEVELDB")),
    # Weights and snapshots.
    "missing weights": Case(("w.caffemodel",), command=(*TRAIN, "--weights", "w.caffemodel")),
    "garbage weights": Case(
        ("w.caffemodel",), {"w.caffemodel": b"\x07garbage" * 99}, (*TRAIN, "--weights", "w.caffemodel")
    ),
    "text for weights": Case(("w.caffemodel",), {"w.caffemodel": NET}, (*TRAIN, "--weights", "w.caffemodel")),
    "weights of another shape": Case(
        ("w.caffemodel", "2x1x3x3", "2x1x5x5"),
        command=(*TRAIN, "--weights", "w.caffemodel"),
        prepare=weights(NET.replace("kernel_size: 3", "kernel_size: 5")),
    ),
    "garbage h5": Case(("w.h5",), {"w.h5": b"\x89HDF garbage" * 99}, (*TRAIN, "--weights", "w.h5")),
    "missing solverstate": Case(("s.solverstate",), command=(*TRAIN, "--snapshot", "s.solverstate")),
    "garbage solverstate": Case(
        ("s.solverstate",), {"s.solverstate": b"\x07garbage" * 99}, (*TRAIN, "--snapshot", "s.solverstate")
    ),
    "a caffemodel for a solverstate": Case(
        ("w.caffemodel", "solverstate"), command=(*TRAIN, "--snapshot", "w.caffemodel"), prepare=weights()
    ),
    "snapshot into a file's name": Case(("out",), {"out": "a file, no folder"}),
    # Other commands.
    "inspect an unknown layer": Case(("cnv", "conv"), command=("inspect", "net.prototxt", "--layer", "cnv")),
    "unknown layer type in the catalogue": Case(("Poling", "Pooling"), command=("layers", "Poling")),
    "info of nothing": Case(("nothing",), command=("data", "info", "nothing")),
    "MNIST from an empty folder": Case(
        ("idx",), command=("data", "mnist", "--from", "sub"), prepare=lambda folder: (folder / "sub").mkdir()
    ),
    "upgrade of garbage": Case(("g.prototxt",), {"g.prototxt": "]]]]"}, ("upgrade", "g.prototxt", "out.prototxt")),
}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock.mdb"
    }


def run(*command: str) -> Result:
    return CliRunner().invoke(command_line, list(command))


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    for file, content in {"net.prototxt": NET, "solver.prototxt": SOLVER, **case.files}.items():
        (tmp_path / file).write_bytes(content.encode() if isinstance(content, str) else content)
    if case.prepare:
        case.prepare(tmp_path)
    before = digests(tmp_path)
    result = run(*case.command)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert "bug in pycaffelite" not in result.output
    assert result.stderr.count("error: ") == 1, result.output
    message = result.stderr[result.stderr.index("error: ") :]
    for said in case.says:
        assert said in message
    after = digests(tmp_path)
    assert {path: after.get(path) for path in before} == before, "existing files must stay as they were"


def test_a_full_disk_leaves_the_old_snapshot_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.chdir(tmp_path)
    wide = NET.replace("num_output: 3", "num_output: 3000")
    (tmp_path / "net.prototxt").write_text(wide)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    assert run(*TRAIN).exit_code == 0
    before = digests(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        result = run(*TRAIN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("error: ") == 1
    assert "Traceback" not in result.output
    assert digests(tmp_path) == before
