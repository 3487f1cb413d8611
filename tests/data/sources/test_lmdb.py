from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from pycaffelite.data.database import write_database
from pycaffelite.data.datum import datum_array, read_datum
from pycaffelite.data.source import open_source
from pycaffelite.data.sources.lmdb import LMDBSource
from pycaffelite.errors import DataError, UnsupportedError
from pycaffelite.kernels.pages import BRANCH, HEADER, LEAF

GOLDEN = Path(__file__).parents[2] / "golden" / "interop"
DATABASES = json.loads((GOLDEN / "databases.json").read_text(encoding="utf-8"))["databases"]

ITEMS = [(b"%08d" % n, bytes([n % 256]) * (n * 7 % 900)) for n in range(300)] + [(b"z", b"long" * 5000)]


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "db"
    write_database(path, "lmdb", ITEMS)
    return path


@pytest.mark.parametrize("entry", DATABASES, ids=lambda entry: entry["path"])
def test_reads_what_caffe_wrote(entry):
    source = open_source(GOLDEN / entry["path"], entry["backend"])
    values = np.load(GOLDEN / entry["values"])
    assert len(source) == entry["count"]
    for n, (key, value) in enumerate(source.items()):
        datum = read_datum(source.path, key, value)
        assert key.decode() == values["keys"][n]
        assert datum.label == values["label"][n]
        np.testing.assert_array_equal(
            datum_array(source.path, key, datum).reshape(-1), values["records"][n].reshape(-1)
        )
    assert n + 1 == entry["count"]


def test_reads_what_the_library_wrote(database):
    source = LMDBSource(database)
    assert len(source) == len(ITEMS)
    assert list(source.items()) == ITEMS
    assert list(source.records(295)) == ITEMS[295:]
    assert list(LMDBSource(database / "data.mdb").items()) == ITEMS


def test_the_library_reads_it_too(database):
    with lmdb.open(str(database), readonly=True, lock=False) as environment, environment.begin() as transaction:
        assert list(transaction.cursor()) == ITEMS


def test_three_levels_and_deleted_records(tmp_path):
    with lmdb.open(str(tmp_path), map_size=1 << 24, lock=False) as environment:
        with environment.begin(write=True) as transaction:
            for n in range(6000):
                transaction.put(b"%0300d" % n, b"")
        with environment.begin(write=True) as transaction:
            for n in range(0, 6000, 2):
                transaction.delete(b"%0300d" % n)
    source = LMDBSource(tmp_path)
    assert source.meta.depth > 2
    assert [key for key, _ in source.items()] == [b"%0300d" % n for n in range(1, 6000, 2)]


def test_two_readers_and_a_read_only_folder(database):
    for path in (*database.iterdir(), database):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        mine, again = LMDBSource(database).items(), LMDBSource(database).items()
        assert next(mine) == next(again)
        code = (
            "import sys; from pycaffelite.data.source import open_source as o; print(len(list(o(sys.argv[1]).items())))"
        )
        other = subprocess.run([sys.executable, "-c", code, str(database)], capture_output=True, text=True, check=True)
        assert other.stdout == "301\n"
        assert [path.name for path in database.iterdir()] == ["data.mdb"]
    finally:
        database.chmod(0o755)


def test_empty(tmp_path):
    write_database(tmp_path / "db", "lmdb", [])
    with pytest.raises(DataError, match="the database is empty"):
        open_source(tmp_path / "db").first()


def test_truncated(database):
    file = database / "data.mdb"
    content = file.read_bytes()
    for size in (0, 10, 4096, 5000, len(content) // 2, len(content) - 4096):
        file.write_bytes(content[:size])
        with pytest.raises(DataError, match="the database is damaged"):
            list(LMDBSource(database).items())


def test_flipped_bits_never_end_the_process(database):
    """LMDB has no checksums: a wrong value may come, or a DataError; nothing else."""
    file = database / "data.mdb"
    good = file.read_bytes()
    random = np.random.default_rng(2)
    refused = 0
    for n in range(150):
        bad = bytearray(good)
        # Mostly in the first bytes of a page, where its structure is.
        page = int(random.integers(len(bad) // 4096)) * 4096
        bad[page + int(random.integers(160 if n % 4 else 4096))] ^= 1 << int(random.integers(8))
        file.write_bytes(bad)
        try:
            assert len(list(LMDBSource(database).items())) <= len(ITEMS)
        except (DataError, UnsupportedError):
            refused += 1
    assert refused > 10


def test_a_tree_whose_branches_lead_to_the_same_pages_again_and_again(tmp_path):
    with lmdb.open(str(tmp_path), map_size=1 << 24, lock=False) as environment, environment.begin(write=True) as write:
        for n in range(40):
            write.put(b"%0500d" % n, b"")
    file = tmp_path / "data.mdb"
    source = LMDBSource(tmp_path)
    content, last, depth = bytearray(file.read_bytes()), source.meta.last_page, 30
    del content[(last + 1) * 4096 :]
    for number in range(last + 1, last + depth + 1):  # below each page twice the next one; the last has no records
        page = bytearray(4096)
        kind, nodes = (LEAF, 0) if number == last + depth else (BRANCH, 2)
        struct.pack_into("<QHHHHHH", page, 0, number, 0, kind, HEADER + 2 * nodes, 0, 4000, 4010)
        struct.pack_into("<Q", page, 4000, number + 1)
        struct.pack_into("<Q", page, 4010, number + 1)
        content += page
    for meta in (0, 4096):
        struct.pack_into("<H", content, meta + 94, depth)
        struct.pack_into("<QQ", content, meta + 128, last + 1, last + depth)
    file.write_bytes(content)
    assert LMDBSource(tmp_path).meta.depth == depth
    with pytest.raises(DataError, match="the tree has more pages than the file"):
        list(LMDBSource(tmp_path).items())


@pytest.mark.parametrize("entries", [1 << 30, 1 << 63])
def test_more_records_than_bytes(database, entries):
    content = bytearray((database / "data.mdb").read_bytes())
    for meta in (0, 4096):
        struct.pack_into("<Q", content, meta + 120, entries)
    (database / "data.mdb").write_bytes(content)
    with pytest.raises(DataError, match=f"too few for {entries} records"):
        LMDBSource(database)


def test_garbage(tmp_path):
    (tmp_path / "data.mdb").write_bytes(np.random.default_rng(1).bytes(20000))
    with pytest.raises(DataError) as error:
        open_source(tmp_path)
    assert str(error.value).splitlines()[1] == (
        f"  got:      `{tmp_path}/data.mdb`: the file does not begin as an LMDB file does"
    )


def test_duplicate_keys_are_unsupported(tmp_path):
    with lmdb.open(str(tmp_path), max_dbs=0, lock=False) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"a", b"1")
    content = bytearray((tmp_path / "data.mdb").read_bytes())
    for page in (0, 4096):
        content[page + 16 + 24 + 48 + 4] |= 4  # MDB_DUPSORT of the main database
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(UnsupportedError, match="another form"):
        open_source(tmp_path)
