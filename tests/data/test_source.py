from __future__ import annotations

import pytest

from pycaffelite.data.database import write_database
from pycaffelite.data.source import open_source
from pycaffelite.errors import DataError

ITEMS = [(b"a", b"1")]


@pytest.mark.parametrize(("written", "named"), [("leveldb", "LMDB"), ("lmdb", "LEVELDB")])
def test_the_folder_decides_and_the_user_is_told(tmp_path, written, named):
    path = tmp_path / "db"
    write_database(path, written, ITEMS)
    notes = []
    assert open_source(path, written.upper(), notify=notes.append).backend == written
    assert notes == []
    assert list(open_source(path, named, notify=notes.append).items()) == ITEMS
    kind = {"leveldb": "a LevelDB", "lmdb": "an LMDB"}[written]
    assert notes == [f"`{path}` is {kind} database, though the net says {named}; reading it as such"]


def test_no_such_database(tmp_path):
    (tmp_path / "train-lmdb").mkdir()
    with pytest.raises(DataError) as error:
        open_source(tmp_path / "trian-lmdb")
    assert str(error.value) == (
        f"error: there is no such database\n  got:      `{tmp_path}/trian-lmdb`\n\nhint: did you mean `train-lmdb`?"
    )


def test_other_folders_and_files(tmp_path):
    with pytest.raises(DataError, match="this is no database") as error:
        open_source(tmp_path)
    assert error.value.got == f"`{tmp_path}`: a folder with nothing in it"
    (tmp_path / "image.png").write_bytes(b"")
    with pytest.raises(DataError, match="this is no database") as error:
        open_source(tmp_path / "image.png")
    assert error.value.got == f"`{tmp_path}/image.png`: a file, which is neither"
