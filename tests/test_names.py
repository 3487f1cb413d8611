from __future__ import annotations

from pycaffelite.names import close_matches, did_you_mean

KNOWN = ["kernel_size", "kernel_h", "kernel_w", "stride", "pad", "num_output", "ReLU"]


def test_close_matches_come_nearest_first() -> None:
    assert close_matches("kernelsize", KNOWN)[0] == "kernel_size"
    assert close_matches("relu", KNOWN) == ["ReLU"]
    assert close_matches("kernel_x", KNOWN, limit=2) == ["kernel_w", "kernel_h"]
    assert close_matches("zzz", KNOWN) == []


def test_did_you_mean() -> None:
    assert did_you_mean("nmu_output", KNOWN) == "did you mean `num_output`?"
    assert did_you_mean("zzz", KNOWN) is None
    assert did_you_mean("ab", ["aab", "abb"]) == "did you mean `abb` or `aab`?"
