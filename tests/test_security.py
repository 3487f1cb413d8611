"""What docs/security.md says, claim by claim."""

from __future__ import annotations

import ast
import io
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pycaffelite.api import load_net
from pycaffelite.cli.group import command_line
from pycaffelite.data.datum import datum_array, read_datum
from pycaffelite.data.images import read_labels
from pycaffelite.data.mean import read_mean
from pycaffelite.data.source import open_source
from pycaffelite.data.sources.hdf5 import read_datasets
from pycaffelite.data.sources.idx import read_idx
from pycaffelite.errors import DataError, PycaffeliteError, SnapshotError, harmless
from pycaffelite.schema import messages
from pycaffelite.snapshot import load_weights

ROOT = Path(__file__).parent.parent / "pycaffelite"
# Where code that a user names is imported: plug-ins, and Python layers once they are allowed.
RUNS_CODE = {"layers/plugins.py", "layers/user_code.py"}
DANGEROUS_MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "subprocess", "yaml", "tarfile"}
DANGEROUS_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "extractall", "exec_module"}

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 4 } }
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, list(map(str, arguments)))


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_unpickles_or_runs_what_it_reads(path: Path) -> None:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found |= {name.split(".")[0] for name in names} & DANGEROUS_MODULES
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            of_re = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "re"
            found |= {name} & DANGEROUS_CALLS if not of_re else set()
            if name == "load" and isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "np":
                found.add("np.load")
    allowed = {"exec_module"} if path.relative_to(ROOT).as_posix() in RUNS_CODE else set()
    assert found <= allowed


@pytest.mark.parametrize("command", ["summary", "inspect", "check", "test", "time", "train"])
def test_a_net_does_not_run_code_unless_that_is_allowed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text('open("pwned", "w").close()')
    Path("my_layers.py").write_text('open("pwned", "w").close()')
    layer = 'layer { name: "p" type: "Python" top: "x" python_param { module: "evil" layer: "E" } }'
    Path("net.prototxt").write_text(layer)
    weights = ("--weights", "none.caffemodel") if command == "test" else ()
    result = run(command, "net.prototxt", *weights)
    assert not Path("pwned").exists()
    assert "allow-python-layers" in result.output + result.stderr


HOSTILE = "../../evil\\033]0;title\\007\\r\\n"


@pytest.mark.parametrize("command", ["summary", "inspect", "check", "time"])
def test_names_cannot_steer_a_terminal(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'name: "n\\033[2J" ' + NET.replace('"ip"', f'"{HOSTILE}"')
    Path("net.prototxt").write_text(text)
    result = run(command, "net.prototxt")
    shown = result.output + result.stderr
    assert result.exit_code == 0
    assert not set(shown) & {"\x1b", "\x07", "\r"}
    assert "evil\\x1b]0;title" in shown


def test_errors_and_colours() -> None:
    assert str(PycaffeliteError("no \x1b[2J", got="\x9b\x7f")) == "error: no \\x1b[2J\n  got:      \\x9b\\x7f"
    assert harmless("\x1b[1mbold\x1b[0m \x1b]0;x\x07", colours=True) == "\x1b[1mbold\x1b[0m \\x1b]0;x\\x07"
    assert harmless("\x1b[1mé\t\n") == "\\x1b[1mé\t\n"


def test_names_in_files_lead_nowhere_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    hostile = 'name: "../../../evil" ' + NET.replace('"ip"', '"../../evil"').replace('"x"', '"/../../evil2"')
    Path("net.prototxt").write_text(hostile)
    net = load_net("net.prototxt", seed=1).net
    message = messages.NetParameter(name="../../x")
    message.layer.add(name="../../evil", type="InnerProduct")
    Path("w.caffemodel").write_bytes(message.SerializeToString())
    load_weights(net, "w.caffemodel")
    assert run("inspect", "net.prototxt", "--npz", "out.npz").exit_code in (0, 2)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made <= {f"a/b/inner/{name}" for name in ("net.prototxt", "w.caffemodel", "out.npz")}


def hdf5_of_rows_never_written(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (1 << 40, 4), "f4", chunks=(1024, 4))
        file.create_dataset("label", (1 << 40,), "f4", chunks=(1024,))


def huge_blob(path: Path) -> None:
    path.write_bytes(
        messages.BlobProto(num=1 << 16, channels=1 << 15, height=1 << 10, width=1 << 10).SerializeToString()
    )


def huge_weights(path: Path) -> None:
    message = messages.NetParameter(name="n")
    message.layer.add(name="ip", type="InnerProduct").blobs.add(data=[1.0]).shape.dim.extend((1 << 32, 1 << 32))
    path.write_bytes(message.SerializeToString())


def huge_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">I3I", 0x803, 1 << 31, 1 << 15, 1 << 15) + bytes(100))


def huge_picture(path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "png")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 1 << 16, 1 << 16)
    path.write_bytes(content)


def read_picture(path: Path) -> object:
    value = messages.Datum(encoded=True, data=path.read_bytes()).SerializeToString()
    return datum_array(path, b"0", read_datum(path, b"0", value))


def hdf5_weights(group: h5py.Group, kind: str, secret: Path) -> None:
    """Make parameter 0 of a layer, 4 x 3, whose numbers are those of another file."""
    if kind == "raw":
        group.create_dataset("0", (4, 3), "f4", external=[(str(secret), 0, 48)])
    elif kind == "link":
        group["0"] = h5py.ExternalLink(str(secret), "/x")
    else:
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "x", (4, 3))
        group.create_virtual_dataset("0", layout)


@pytest.mark.parametrize("kind", ["raw", "link", "virtual"])
def test_weights_take_no_numbers_from_other_files(tmp_path: Path, kind: str) -> None:
    secret, path = tmp_path / "secret", tmp_path / "w.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones((4, 3), "f4")
    with h5py.File(path, "w") as file:
        group = file.create_group("data/ip")
        hdf5_weights(group, kind, secret)
        group["1"] = np.ones(4, "f4")
    with pytest.raises(SnapshotError, match="in another file"):
        read_weights(path)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_no_picture_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow draws EPS with Ghostscript."""
    Image.init()
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # not looked for yet
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    picture = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(picture, "eps")
    for read in (read_picture, read_labels):
        with pytest.raises(DataError, match="no format that is known"):
            read(picture)
    assert not (tmp_path / "ran").exists()


def read_huge_datum(path: Path) -> object:
    value = messages.Datum(channels=1 << 20, height=1 << 10, width=1 << 10, data=b"1").SerializeToString()
    return datum_array(path, b"0", read_datum(path, b"0", value))


def read_weights(path: Path) -> object:
    (path.parent / "net.prototxt").write_text(NET)
    return load_weights(load_net(path.parent / "net.prototxt").net, path)


def no_database(path: Path) -> None:
    path.mkdir()
    (path / "data.mdb").write_bytes(bytes(16) + struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 1 << 60) + bytes(4096))


def huge_net(path: Path) -> None:
    path.write_text(NET.replace("num_output: 4", "num_output: 2000000000"))


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (hdf5_of_rows_never_written, lambda path: read_datasets(path, ("data", "label"))),
        (huge_blob, read_mean),
        (huge_weights, read_weights),
        (huge_idx, read_idx),
        (huge_picture, read_picture),
        (lambda path: None, read_huge_datum),
        (no_database, lambda path: list(open_source(path).items())),
        (huge_net, load_net),
    ],
    ids=["HDF5", "mean", "weights", "IDX", "picture", "datum", "LMDB", "net"],
)
def test_sizes_are_checked_before_memory_is_taken(
    tmp_path: Path, write: Callable[[Path], None], read: Callable[[Path], object]
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "file"
    write(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PycaffeliteError):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def test_what_is_fetched_is_checked() -> None:
    from pycaffelite.data import mnist  # noqa: PLC0415

    files = [value for value in vars(mnist).values() if isinstance(value, tuple | list | dict)]
    digests = [item.sha256 for group in files for item in (group.values() if isinstance(group, dict) else group)
               if hasattr(item, "sha256")]  # fmt: skip
    assert len(digests) == 4
    assert all(len(digest) == 64 for digest in digests)


def test_what_a_training_writes_has_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(
        'layer { name: "../../d" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 2 dim: 3 } } }'
        'layer { name: "../../ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 3 } }'
        'layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }'
    )
    Path("solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 1 snapshot_prefix: "out/a" snapshot_format: HDF5'
    )
    result = run("train", "solver.prototxt")
    assert result.exit_code == 0, result.stderr
    made = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert made == [
        *("net.prototxt", "out/a_iter_1.caffemodel.h5", "out/a_iter_1.h5.resume.json", "out/a_iter_1.solverstate.h5"),
        "solver.prototxt",
    ]
    assert np.isfinite(h5py.File("out/a_iter_1.caffemodel.h5")["data/../../ip/0"][()]).all()
