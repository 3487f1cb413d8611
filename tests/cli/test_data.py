from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from click.testing import CliRunner

from pycaffelite.cli.data import data
from pycaffelite.data.database import write_database
from pycaffelite.data.datum import make_datum
from pycaffelite.data.source import open_source
from pycaffelite.errors import DataError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        result = CliRunner().invoke(data, words)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def write_idx(folder):
    folder.mkdir()
    for stem, count in (("train", 5), ("t10k", 3)):
        images = struct.pack(">BBBBIII", 0, 0, 8, 3, count, 2, 2) + bytes(range(4)) * count
        labels = struct.pack(">BBBBI", 0, 0, 8, 1, count) + bytes(range(count))
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(labels)


@pytest.mark.parametrize("backend", ["leveldb", "lmdb"])
def test_mnist(run, tmp_path, backend):
    write_idx(tmp_path / "idx")
    result = run("mnist", "--from", "idx", "--backend", backend)
    assert result.exit_code == 0
    assert result.stdout == f"mnist-train-{backend}\nmnist-test-{backend}\n"
    assert result.stderr == f"mnist-train-{backend}: 5 records\nmnist-test-{backend}: 3 records\n"
    assert len(open_source(tmp_path / f"mnist-train-{backend}", backend)) == 5
    with pytest.raises(DataError, match="the database exists already"):
        run("mnist", "--from", "idx", "--backend", backend)
    assert run("mnist", "--from", "idx", "--backend", backend, "--force").exit_code == 0


def test_digits(run, tmp_path):
    assert run("digits", "--train", "20", "--test", "10", "--out", "here").stdout == (
        "here/digits-train-leveldb\nhere/digits-test-leveldb\n"
    )
    assert len(open_source(tmp_path / "here" / "digits-test-leveldb")) == 10


def test_info(run):
    run("digits", "--train", "20", "--test", "10")
    result = run("info", "digits-train-leveldb", "--records", "1")
    lines = result.stdout.splitlines()
    assert lines[0] == "digits-train-leveldb: leveldb, 20 records"
    assert lines[1] == "  channels x height x width: 1x28x28 (20); bytes"
    assert lines[3] == f"{0:10d}{2:10d}  " + "#" * 40
    assert sum(line.startswith("record ") for line in lines) == 1


def test_info_as_json(run):
    run("digits", "--train", "20", "--test", "10")
    found = json.loads(run("info", "digits-test-leveldb", "--json").stdout)
    assert (found["records"], found["labels"]) == (10, {str(n): 1 for n in range(10)})
    assert len(found["first"]) == 2


def test_info_of_an_idx_file(run, tmp_path):
    write_idx(tmp_path / "idx")
    result = run("info", "idx/t10k-images-idx3-ubyte")
    assert result.stdout == (
        "idx/t10k-images-idx3-ubyte: idx\n  t10k-images-idx3-ubyte: 3x2x2 uint8, from 0 to 3, mean 1.5\n"
    )


def test_warnings_go_to_standard_error(run, tmp_path):
    image = np.zeros((1, 2, 2), np.uint8)
    write_database(tmp_path / "db", "lmdb", ((b"%04d" % n, make_datum(image, n // 70)) for n in range(140)))
    result = run("info", "db")
    assert "note: 70 records in a row have label" in result.stderr
    assert "note" not in result.stdout
