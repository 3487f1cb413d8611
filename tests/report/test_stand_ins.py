from __future__ import annotations

from pycaffelite.report.stand_ins import warning


def test_what_the_digits_are_not() -> None:
    assert warning(["mnist-train-leveldb"]) == "pycaffelite's own digits, NOT MNIST, in place of mnist-train-leveldb"
    assert warning(["x/cifar-train-leveldb", "x/cifar-test-leveldb"]) == (
        "pycaffelite's own coloured digits, NOT CIFAR-10, in place of x/cifar-train-leveldb, x/cifar-test-leveldb"
    )
