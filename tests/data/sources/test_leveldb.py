from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.data.database import write_database
from pycaffelite.data.source import open_source
from pycaffelite.data.sources.leveldb import LevelDBSource, sorted_runs
from pycaffelite.data.sources.leveldb_log import masked_crc, read_log, write_log
from pycaffelite.data.sources.leveldb_manifest import TableFile
from pycaffelite.data.sources.leveldb_writer import varint_bytes, write_leveldb
from pycaffelite.errors import DataError, PycaffeliteError, UnsupportedError

GOLDEN = Path(__file__).parents[2] / "golden" / "interop"
WRITTEN = json.loads((GOLDEN / "databases.json").read_text(encoding="utf-8"))["written_by_leveldb"]

ITEMS = [(b"%08d" % n, bytes([n]) * n) for n in range(30)]


def digest(items):
    total = hashlib.sha256()
    for key, value in items:
        total.update(len(key).to_bytes(4, "little") + key + len(value).to_bytes(4, "little") + value)
    return total.hexdigest()


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "db"
    write_database(path, "leveldb", ITEMS)
    return path


def text(error):
    return str(error.value)


@pytest.mark.parametrize("entry", WRITTEN, ids=lambda entry: entry["path"])
def test_reads_what_leveldb_wrote(entry):
    source = open_source(GOLDEN / entry["path"], "LEVELDB")
    assert len(source) == entry["count"]
    assert digest(source.items()) == entry["sha256"]


def test_runs_are_few():
    files = [TableFile(n, 1, *keys) for n, keys in enumerate([(b"a", b"c"), (b"d", b"f"), (b"b", b"e"), (b"g", b"h")])]
    assert [[file.number for file in run] for run in sorted_runs(files)] == [[0, 1, 3], [2]]


class TestWriter:
    def test_round_trip_of_many_sizes(self, tmp_path):
        random = np.random.default_rng(1)
        items = [(b"%06d_path/%d.png" % (n, n % 7), random.bytes(int(random.integers(400)))) for n in range(800)]
        items += [(b"y", b"a" * 300_000), (b"z", random.bytes(2_000_000)), (b"zz", b"")]
        write_leveldb(tmp_path, items, table_size=100_000)
        assert len(list(tmp_path.glob("*.ldb"))) > 2
        assert list(LevelDBSource(tmp_path).items()) == items

    def test_keys_must_ascend(self, tmp_path):
        with pytest.raises(ValueError, match="keys must ascend"):
            write_leveldb(tmp_path, [(b"b", b""), (b"a", b"")])

    def test_empty(self, tmp_path):
        write_leveldb(tmp_path, [])
        with pytest.raises(DataError, match="the database is empty"):
            LevelDBSource(tmp_path).first()

    @pytest.mark.parametrize("size", [0, 1, 32754, 32761, 32762, 70000, 98283])
    def test_log_records_of_any_size(self, tmp_path, size):
        records = [b"x" * 10, bytes(np.arange(size, dtype=np.uint8)), b"y" * 5]
        path = tmp_path / "log"
        path.write_bytes(write_log(records))
        assert read_log(path) == (records, False)

    def test_leveldb_reads_it(self, tmp_path):
        plyvel = pytest.importorskip("plyvel")
        items = [(b"%06d" % n, b"value %d" % n * n) for n in range(300)]
        write_leveldb(tmp_path, items, table_size=50_000)
        with plyvel.DB(str(tmp_path), create_if_missing=False, paranoid_checks=True) as database:
            assert list(database) == items


class TestReading:
    def test_records_from_a_position(self, database):
        assert list(LevelDBSource(database).records(27)) == ITEMS[27:]
        assert list(LevelDBSource(database).records(99)) == []

    def test_read_only_folder(self, database):
        for path in (*database.iterdir(), database):
            path.chmod(path.stat().st_mode & ~0o222)
        before = {path.name: path.stat().st_mtime_ns for path in database.iterdir()}
        try:
            assert list(LevelDBSource(database).items()) == ITEMS
            assert {path.name: path.stat().st_mtime_ns for path in database.iterdir()} == before
        finally:
            database.chmod(0o755)

    def test_two_processes_at_once(self, database):
        mine = LevelDBSource(database).items()
        next(mine)
        code = "import sys; from pycaffelite.data.source import open_source; print(len(open_source(sys.argv[1])))"
        other = subprocess.run([sys.executable, "-c", code, str(database)], capture_output=True, text=True, check=True)
        assert other.stdout == "30\n"
        assert len(list(mine)) == 29

    def test_unfinished_write_is_left_out_with_a_note(self, tmp_path):
        path = tmp_path / "db"
        shutil.copytree(GOLDEN / "log_leveldb", path)
        log = path / "000003.log"
        log.write_bytes(log.read_bytes()[:-1])
        notes = []
        keys = [key for key, _ in LevelDBSource(path, notify=notes.append).items()]
        assert len(keys) == 35
        assert b"zz-long" not in keys
        assert notes == [f"`{log}` ends in an unfinished write, which is left out"]

    def test_zeros_behind_the_log(self, tmp_path):
        path = tmp_path / "db"
        shutil.copytree(GOLDEN / "log_leveldb", path)
        with (path / "000003.log").open("ab") as log:
            log.write(bytes(50_000))
        assert len(LevelDBSource(path)) == 36


class TestDamage:
    """Whatever the damage, the answer is a DataError or the right one."""

    @pytest.mark.parametrize("name", ["log_leveldb", "compacted_leveldb", "levels_leveldb"])
    def test_flipped_bits(self, tmp_path, name):
        entry = next(entry for entry in WRITTEN if entry["path"] == name)
        path = tmp_path / "db"
        shutil.copytree(GOLDEN / name, path)
        random = np.random.default_rng(1)
        files = [file for file in sorted(path.iterdir()) if file.stat().st_size]
        refused = 0
        for n in range(60):
            file = files[n % len(files)]
            good = file.read_bytes()
            bad = bytearray(good)
            # Every other time near an end, where headers and footers are.
            place = int(random.integers(len(bad)))
            bad[place if n % 2 else place % 48 if n % 4 else -1 - place % 48] ^= 1 << int(random.integers(8))
            file.write_bytes(bad)
            try:
                assert digest(open_source(path).items()) == entry["sha256"]
            except DataError:
                refused += 1
            file.write_bytes(good)
        assert refused > 40

    def test_truncated_table(self, database):
        table = database / "000004.ldb"
        content = table.read_bytes()
        for size in (0, 1, 47, 48, len(content) // 2, len(content) - 1):
            table.write_bytes(content[:size])
            with pytest.raises(DataError, match="the database is damaged"):
                list(LevelDBSource(database).items())

    @pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-000002", "000004.ldb"])
    def test_missing_files(self, database, name):
        (database / name).unlink()
        with pytest.raises(DataError, match=name):
            list(open_source(database).items())

    def test_missing_log_of_a_database_without_tables(self, tmp_path):
        shutil.copytree(GOLDEN / "log_leveldb", tmp_path / "db")
        (tmp_path / "db" / "000003.log").unlink()
        with pytest.raises(DataError) as error:
            open_source(tmp_path / "db")
        assert text(error).splitlines()[:2] == [
            "error: the database is damaged",
            f"  got:      `{tmp_path}/db/000003.log`: the write-ahead log, which holds the newest records, is missing",
        ]

    @pytest.mark.parametrize("name", ["compacted_leveldb", "levels_leveldb"])
    def test_truncated_manifest(self, tmp_path, name):
        path = tmp_path / "db"
        shutil.copytree(GOLDEN / name, path)
        manifest = path / "MANIFEST-000002"
        content = manifest.read_bytes()
        for size in range(len(content)):
            manifest.write_bytes(content[:size])
            with pytest.raises(DataError, match="the database is damaged"):
                list(open_source(path).items())

    def test_a_copy_without_the_empty_log(self, database):
        (database / "000003.log").unlink()
        notes = []
        assert list(open_source(database, notify=notes.append).items()) == ITEMS
        assert notes == [f"`{database}/000003.log` is missing: if it held records, they are lost"]

    def test_wrong_checksum(self, database):
        table = database / "000004.ldb"
        content = bytearray(table.read_bytes())
        content[3] ^= 1
        table.write_bytes(content)
        with pytest.raises(DataError) as error:
            list(LevelDBSource(database).items())
        assert text(error) == (
            "error: the database is damaged\n"
            f"  got:      `{table}`: wrong checksum of the block at byte 0\n"
            "\n"
            "hint: copy the database again from where it came from, or make it again "
            "(`pycaffelite data info` checks one)"
        )

    def test_current_names_no_manifest(self, database):
        (database / "CURRENT").write_bytes(b"../../etc/passwd\n")
        with pytest.raises(DataError, match="expected the name of a manifest"):
            open_source(database)

    def test_other_compression(self, tmp_path):
        write_leveldb(tmp_path, [(b"key", b"value")])
        table = tmp_path / "000004.ldb"
        content = bytearray(table.read_bytes())
        # The first block is stored raw; call it zstd, with the checksum that goes with it.
        length = 3 + 11 + 5 + 8  # entry header, internal key, value, restarts
        content[length] = 4
        content[length + 1 : length + 5] = masked_crc(bytes(content[: length + 1])).to_bytes(4, "little")
        table.write_bytes(content)
        with pytest.raises(UnsupportedError, match="compressed in a way"):
            list(LevelDBSource(tmp_path).items())

    def test_impossible_length_in_a_compressed_block(self, tmp_path):
        write_leveldb(tmp_path, [(b"key", b"value")])
        content = bytearray((tmp_path / "000004.ldb").read_bytes())
        content[:5] = varint_bytes(0xFFFF_FFFF)
        content[27] = 1
        content[28:32] = masked_crc(bytes(content[:28])).to_bytes(4, "little")
        (tmp_path / "000004.ldb").write_bytes(content)
        with pytest.raises(DataError, match="does not decompress"):
            list(LevelDBSource(tmp_path).items())

    def test_garbage_files(self, tmp_path):
        (tmp_path / "CURRENT").write_bytes(b"MANIFEST-000002\n")
        (tmp_path / "MANIFEST-000002").write_bytes(np.random.default_rng(1).bytes(5000))
        with pytest.raises(PycaffeliteError):
            open_source(tmp_path)
