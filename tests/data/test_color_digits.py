from __future__ import annotations

import hashlib

import numpy as np

from pycaffelite.data import color_digits, locate
from pycaffelite.data.color_digits import color_digits_database, make_color_digits
from pycaffelite.data.digits import make_digits
from pycaffelite.data.source import open_source


def test_the_same_bytes_everywhere():
    images, labels = make_color_digits(20, seed=1)
    assert images.shape == (20, 3, 32, 32)
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16] == "c722cb9ce553465d"


def test_the_digits_are_those_without_colour():
    images, labels = make_color_digits(60, seed=3)
    plain, plain_labels = make_digits(60, seed=3)
    assert np.array_equal(labels, plain_labels)
    ink = plain > 200
    inner = images[:, :, 2:30, 2:30].astype(int)
    for image, marked in zip(inner, ink, strict=True):
        inside, outside = image[:, marked].mean(axis=1), image[:, ~marked].mean(axis=1)
        assert np.abs(inside - outside).max() > 30


def test_they_stand_in_for_cifar_and_say_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCAFFELITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(color_digits, "COUNTS", {"train": 30, "test": 20})
    monkeypatch.chdir(tmp_path)
    notes = []
    path = locate.locate_source("data/cifar-test-leveldb", tmp_path, builtin=True, notify=notes.append)
    assert "THIS IS NOT CIFAR-10" in notes[0]
    assert notes[1].startswith("making 20 coloured digits for `test`, once")
    assert path == color_digits_database("test", notify=notes.append)
    assert len(open_source(path)) == 20
    assert locate.stands_in("cifar-train-leveldb", tmp_path)
