from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pycaffelite.data import digits
from pycaffelite.data.digits import digits_database, make_digit_databases, make_digits
from pycaffelite.data.source import open_source
from pycaffelite.errors import DataError


def test_the_same_bytes_everywhere():
    images, labels = make_digits(40, seed=1)
    assert images.shape == (40, 28, 28)
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16] == "b5ae9ef58ecceded"


def test_balanced_and_shuffled():
    _, labels = make_digits(200, seed=2)
    assert np.bincount(labels).tolist() == [20] * 10
    assert not np.array_equal(labels, np.sort(labels))


def test_images_differ_and_show_something():
    images, _ = make_digits(100, seed=3)
    assert len({image.tobytes() for image in images}) == 100
    ink = (images > 100).sum(axis=(1, 2))
    assert ink.min() > 10
    assert ink.max() < 500


@pytest.fixture
def few(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCAFFELITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digits, "COUNTS", {"train": 30, "test": 20})
    return tmp_path


def test_made_once_in_the_cache(few):
    notes = []
    path = digits_database("train", notify=notes.append)
    assert path == few / "cache" / "digits" / str(digits.EDITION) / "digits-train-leveldb"
    assert len(open_source(path, "LEVELDB")) == 30
    assert len(notes) == 1
    assert digits_database("train", notify=notes.append) == path
    assert len(notes) == 1
    assert len(open_source(digits_database("test", notify=notes.append))) == 20


def test_another_process_was_quicker(few, monkeypatch):
    path = digits_database("test", notify=print)
    quicker = type(path)

    real, asked = quicker.exists, []

    def missing_at_first(self, **options):
        asked.append(self)
        return real(self, **options) if len(asked) > 1 else False

    monkeypatch.setattr(quicker, "exists", missing_at_first)
    assert digits_database("test", notify=lambda _text: None) == path


def test_a_cache_that_cannot_be_written(few, monkeypatch):
    (few / "cache").write_bytes(b"a file is in the way")
    notes = []
    path = digits_database("test", notify=notes.append)
    assert len(open_source(path)) == 20
    assert "until this program ends" in notes[-1]


def test_databases(tmp_path):
    paths = make_digit_databases(tmp_path, backend="lmdb", counts={"train": 20, "test": 10})
    assert [path.name for path in paths] == ["digits-train-lmdb", "digits-test-lmdb"]
    assert [len(open_source(path)) for path in paths] == [20, 10]
    with pytest.raises(DataError, match="exists already"):
        make_digit_databases(tmp_path, backend="lmdb", counts={"train": 20, "test": 10})
