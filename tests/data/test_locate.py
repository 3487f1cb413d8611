from __future__ import annotations

import pytest

from pycaffelite.data import locate
from pycaffelite.data.locate import locate_file, locate_source
from pycaffelite.errors import DataError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    working, nets = tmp_path / "work", tmp_path / "nets"
    working.mkdir()
    nets.mkdir()
    monkeypatch.chdir(working)
    return working, nets


def find(name, folder, *, builtin=True, notes=None):
    return locate_source(name, folder, builtin=builtin, notify=(notes if notes is not None else []).append)


def test_working_folder_first_then_the_prototxts(folders):
    working, nets = folders
    (nets / "db").mkdir()
    assert find("db", nets).resolve() == nets / "db"
    (working / "db").mkdir()
    assert find("db", nets).resolve() == working / "db"
    assert find(str(nets / "db"), nets) == nets / "db"


def test_digits_stand_in_for_mnist_and_say_so(folders, monkeypatch):
    working, nets = folders
    monkeypatch.setattr(locate, "digits_database", lambda half, notify: working / half)
    notes = []
    assert find("mnist-train-leveldb", nets, notes=notes) == working / "train"
    assert find("examples/mnist-test-leveldb", nets, notes=notes) == working / "test"
    assert len(notes) == 2
    assert "`mnist-train-leveldb` does not exist" in notes[0]
    assert "THIS IS NOT MNIST" in notes[0]
    (nets / "mnist-train-leveldb").mkdir()
    assert find("mnist-train-leveldb", nets).resolve() == nets / "mnist-train-leveldb"


def test_without_the_builtin_data(folders):
    working, nets = folders
    with pytest.raises(DataError) as error:
        find("mnist-train-leveldb", nets, builtin=False)
    assert str(error.value) == (
        "error: the data source does not exist\n"
        f"  expected: `{working}/mnist-train-leveldb` or `{nets}/mnist-train-leveldb`\n"
        "  got:      nothing there\n\n"
        "hint: `pycaffelite data mnist` makes the MNIST databases in the current folder"
    )


def test_close_matches(folders):
    _, nets = folders
    (nets / "cifar10_train_lmdb").mkdir()
    with pytest.raises(DataError) as error:
        find("cifar10_trian_lmdb", nets)
    assert error.value.hint == "did you mean `cifar10_train_lmdb`?"
    with pytest.raises(DataError) as error:
        find("", nets)
    assert error.value.got == "no name"


def test_close_matches_in_a_large_folder(folders):
    _, nets = folders
    for number in range(300):
        (nets / f"net_{number}").touch()
    (nets / "cifar10_train_lmdb").mkdir()
    for name, hint in (("cifar10_trian_lmdb", "did you mean `cifar10_train_lmdb`?"), ("et_299", None)):
        with pytest.raises(DataError) as error:
            find(name, nets)
        assert (error.value.hint == hint) == (hint is not None)


def test_files(folders):
    _, nets = folders
    (nets / "mean").write_bytes(b"")
    assert locate_file("mean", nets, what="mean file").resolve() == nets / "mean"
    with pytest.raises(DataError, match="the mean file does not exist"):
        locate_file("maen", nets, what="mean file")
