"""Every registered layer against the numbers that the reference implementation gave, in float64 and in float32.

tests/golden/layers/README.md tells how the numbers were made and what their names mean.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.errors import PycaffeliteError
from pycaffelite.layers.registry import layer_types
from pycaffelite.testing import LayerRunner, close

FOLDER = Path(__file__).parent.parent / "golden" / "layers"
INDEX = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
REGISTERED = set(layer_types())
CASES = [case for case in INDEX["cases"] if case["type"] in REGISTERED]
REJECTED = [
    case for case in INDEX["rejected"] if case["type"] in REGISTERED and case["name"] != "Pooling.stochastic_cpu"
]

# Types with numbers here that have no layer yet. A type leaves the list when its layer arrives.
MISSING = ""

# Relative to the largest element of an array: for tops and parameters, for diffs.
TOLERANCES = {np.float64: (1e-11, 1e-11), np.float32: (1e-5, 5e-5)}
# What only compares, counts and copies is exact in every type.
EXACT = {
    "Accuracy",
    "ArgMax",
    "BatchReindex",
    "Clip",
    "Concat",
    "Crop",
    "Filter",
    "Flatten",
    "Parameter",
    "Reshape",
    "Silence",
    "Slice",
    "Split",
    "Threshold",
    "Tile",
}


@cache
def load(file: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def numbered(arrays: dict[str, np.ndarray], stem: str, count: int) -> list[np.ndarray | None]:
    return [arrays.get(f"{stem}_{i}") for i in range(count)]


def make_runner(case: dict, arrays: dict[str, np.ndarray], dtype: type) -> LayerRunner:
    # reads its matrix from a file beside the index.
    text = case["text"].replace("infogain_H.binaryproto", (FOLDER / "infogain_H.binaryproto").as_posix())
    runner = LayerRunner(
        text,
        numbered(arrays, "bottom", case["bottoms"]),
        case["phase"],
        dtype,
        params=numbered(arrays, "param", case["params"]),
        wanted=case["propagate_down"] or None,
        top_diffs=numbered(arrays, "top_diff", case["tops"]),
    )
    if "mask" in arrays:
        runner.layer.draw = lambda mask: np.copyto(mask, arrays["mask"].reshape(-1), casting="unsafe")
    return runner


def run_forward(case: dict, arrays: dict[str, np.ndarray], runner: LayerRunner, tolerance: float) -> None:
    """Run all passes; compare the tops of each, the loss of the last, and the parameters after it."""
    floor = 1e-13 if runner.dtype == np.float64 else 1e-7
    for r in range(case["forward"]):
        inputs = [arrays.get(f"bottom_{i}_pass{r}", arrays[f"bottom_{i}"]) for i in range(case["bottoms"])]
        tops = runner.forward(*inputs)
        last = r == case["forward"] - 1
        for i, top in enumerate(tops):
            expected = arrays[f"top_{i}"] if last else arrays[f"top_{i}_pass{r}"]
            close(top, expected, tolerance, f"top {i} of pass {r}", floor=floor)
    weights = runner.loss_weights()
    loss = sum(weight * float(top.sum(dtype=np.float64)) for weight, top in zip(weights, tops, strict=True))
    close(np.array(loss), arrays["loss"], tolerance, "loss", floor=floor)
    for i, blob in enumerate(runner.layer.params):
        expected = arrays.get(f"param_out_{i}", arrays[f"param_{i}"])
        close(blob.data, expected, tolerance, f"parameter {i} after forward", floor=floor)


def run_backward(case: dict, arrays: dict[str, np.ndarray], runner: LayerRunner, tolerance: float) -> None:
    """Run backward as often as the case says; compare the diffs."""
    floor = 1e-13 if runner.dtype == np.float64 else 1e-7
    kept = [blob.data.copy() for blob in runner.bottom]
    for _ in range(case["backward"]):
        diffs = runner.backward()
    for i, diff in enumerate(diffs):
        if runner.wanted[i]:
            close(diff, arrays[f"bottom_diff_{i}"], tolerance, f"diff of bottom {i}", floor=floor)
    for i, blob in enumerate(runner.layer.params):
        close(blob.diff, arrays[f"param_diff_{i}"], tolerance, f"diff of parameter {i}", floor=floor)
    for blob, before in zip(runner.bottom, kept, strict=True):
        np.testing.assert_array_equal(blob.data, before)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden(case, dtype):
    arrays = load(case["file"])
    runner = make_runner(case, arrays, dtype)
    for_tops, for_diffs = TOLERANCES[dtype]
    run_forward(case, arrays, runner, 0 if case["type"] in EXACT else for_tops)
    if case["backward"]:
        run_backward(case, arrays, runner, for_diffs)
    assert runner.overruns() == 0


def run_once(case: dict) -> None:
    # Ones: labels in range, and nothing that could fail for its value.
    bottoms = [np.ones(shape) for shape in case["bottom_shapes"]]
    wanted = [True] * len(bottoms) if case["fails_in"] == "backward" else None
    runner = LayerRunner(case["text"], bottoms, case["phase"], wanted=wanted)
    runner.forward()
    runner.backward()


@pytest.mark.parametrize("case", REJECTED, ids=[case["name"] for case in REJECTED])
def test_what_the_reference_rejects_is_rejected(case):
    with pytest.raises(PycaffeliteError):
        run_once(case)


def test_the_list_of_missing_types_is_right():
    assert {case["type"] for case in (*INDEX["cases"], *INDEX["rejected"])} - REGISTERED == set(MISSING.split())
