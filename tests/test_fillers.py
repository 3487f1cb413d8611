from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from pycaffelite.errors import DataError, FieldError, SnapshotError
from pycaffelite.fillers import fill
from pycaffelite.schema import messages

GOLDEN = json.loads((Path(__file__).parent / "golden" / "fillers.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in GOLDEN["fillers"]}


def filled(text: str, shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 7) -> Any:
    array = np.full(shape, 99.0, dtype)
    fill(array, text_format.Parse(text, messages.FillerParameter()), np.random.default_rng(seed))
    return array


def assert_moments(values: Any, mean: float, std: float) -> None:
    """Mean and standard deviation within five of their own standard errors."""
    n = values.size
    assert abs(values.mean() - mean) <= 5 * std / math.sqrt(n)
    assert abs(values.std() - std) <= 5 * std / math.sqrt(n)


@pytest.mark.parametrize("name", CASES)
def test_reference_distribution(name: str) -> None:
    case = CASES[name]
    expect = case["expect"]
    shape = tuple(case["shape"])
    values = filled(case["filler"], shape)
    match expect["kind"]:
        case "exact":
            np.testing.assert_allclose(values, np.broadcast_to(expect["slice"], shape), rtol=1e-14)
        case "constant":
            assert (values == expect["value"]).all()
        case "uniform":
            assert values.min() >= expect["low"]
            assert values.max() <= expect["high"]
            assert_moments(values, expect["mean"], expect["std"])
        case "normal":
            assert_moments(values, expect["mean"], expect["std"])
        case "sparse_normal":
            share = expect["nonzero_probability"]
            assert np.count_nonzero(values) == pytest.approx(share * values.size)  # 0 and 1 here: exact
            if share:
                assert_moments(values[values != 0], 0.0, expect["std"])
        case "positive_unitball":
            assert values.min() >= 0
            np.testing.assert_allclose(values.reshape(shape[0], -1).sum(axis=1), expect["row_sum"], rtol=1e-12)
        case other:
            pytest.fail(f"unknown kind {other}")


def test_sparse_share_lies_between() -> None:
    values = filled('type: "gaussian" std: 0.5 mean: 3 sparse: 5', (20, 2000))
    share = np.count_nonzero(values) / values.size
    assert abs(share - 0.25) < 5 * math.sqrt(0.25 * 0.75 / values.size)
    assert_moments(values[values != 0], 3.0, 0.5)


@pytest.mark.parametrize(
    "text",
    [
        'type: "gaussian" std: 0.1 sparse: 2',
        'type: "xavier"',
        'type: "msra"',
        'type: "uniform" min: -1',
        'type: "positive_unitball"',
    ],
)
def test_float32_is_float64_rounded(text: str) -> None:
    shape = (4, 3, 130, 130)  # more than two blocks
    single, double = filled(text, shape, np.float32), filled(text, shape)
    np.testing.assert_array_equal(single, double.astype(np.float32))
    np.testing.assert_array_equal(filled(text, shape), double)
    assert (filled(text, shape, seed=8) != double).any()


def test_no_message_means_zeros() -> None:
    array = np.ones((2, 2))
    fill(array, None, np.random.default_rng(0))
    assert not array.any()


def test_empty_array() -> None:
    assert filled('type: "gaussian"', (0, 3)).size == 0


def test_equal_bounds_are_allowed() -> None:
    assert (filled('type: "uniform" min: 2 max: 2', (5,)) == 2).all()


def test_the_reference_refuses_these_too() -> None:
    for case in GOLDEN["rejected"]:
        with pytest.raises(FieldError):
            filled(case["filler"], tuple(case["shape"]))


ERRORS = {
    "unknown": (
        'type: "gausian"',
        (2, 2),
        "error: unknown filler type\n"
        "  expected: one of constant, uniform, gaussian, positive_unitball, xavier, msra, bilinear, from_file, "
        "from_binary\n"
        "  got:      `gausian`\n\n"
        "hint: did you mean `gaussian`?",
    ),
    "sparse xavier": (
        'type: "xavier" sparse: 3',
        (4, 4),
        "error: filler `xavier` cannot be sparse\n  expected: `sparse` only with type `gaussian`\n  got:      sparse 3",
    ),
    "empty range": (
        'type: "uniform" min: 2 max: 1',
        (4,),
        "error: filler `uniform` has an empty range\n  expected: min not above max\n  got:      min 2, max 1",
    ),
    "nan range": (
        'type: "uniform" min: nan',
        (4,),
        "error: filler `uniform` has an empty range\n  expected: min not above max\n  got:      min nan, max 1",
    ),
    "no width": (
        'type: "gaussian" std: 0',
        (4,),
        "error: filler `gaussian` has no width\n  expected: std above 0\n  got:      std 0",
    ),
    "sparse number": (
        'type: "gaussian" sparse: 1',
        (),
        "error: filler `gaussian` cannot be sparse for a single number\n"
        "  expected: at least one axis\n"
        "  got:      sparse 1",
    ),
    "too sparse": (
        'type: "gaussian" sparse: 5',
        (4, 6),
        "error: filler `gaussian` cannot be that sparse\n"
        "  expected: sparse from 0 to 4, the length of the blob's first axis\n"
        "  got:      sparse 5",
    ),
    "negative sparse": (
        'type: "gaussian" sparse: -2',
        (4, 6),
        "error: filler `gaussian` cannot be that sparse\n"
        "  expected: sparse from 0 to 4, the length of the blob's first axis\n"
        "  got:      sparse -2",
    ),
    "bilinear": (
        'type: "bilinear"',
        (2, 1, 3, 4),
        "error: filler `bilinear` does not fit its blob\n"
        "  expected: a blob of four axes with equal height and width\n"
        "  got:      shape 2x1x3x4",
    ),
    "unitball": (
        'type: "positive_unitball"',
        (),
        "error: filler `positive_unitball` does not fit its blob\n"
        "  expected: at least one axis\n"
        "  got:      a single number",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_text(name: str) -> None:
    text, shape, message = ERRORS[name]
    with pytest.raises(FieldError) as caught:
        filled(text, shape)
    assert str(caught.value) == message


def weights_file(folder: Path) -> str:
    net = messages.NetParameter(
        layer=[
            {"name": "c", "blobs": [{"data": [9.0]}]},
            {"name": "c", "blobs": [{"shape": {"dim": [1, 1, 2, 3]}, "data": range(6)}, {"num": 1, "data": [7.0]}]},
        ]
    )
    (folder / "w.caffemodel").write_bytes(net.SerializeToString())
    return str(folder / "w.caffemodel")


def test_from_file_copies_a_blob_of_the_last_layer_of_that_name(tmp_path: Path) -> None:
    text = f'type: "from_file" snapshot: "{weights_file(tmp_path)}" layer: "c"'
    assert filled(text, (2, 3, 1, 1), np.float32).tolist() == [[[[0]], [[1]], [[2]]], [[[3]], [[4]], [[5]]]]
    with pytest.raises(SnapshotError) as caught:
        filled(text, (3, 2))
    assert (caught.value.expected, caught.value.got) == ("shape 3x2", "shape 1x1x2x3")
    with pytest.raises(SnapshotError, match="has no such blob"):
        filled(f"{text} source_index: 2", (1,))
    with pytest.raises(SnapshotError, match="no layer `d` in the file"):
        filled(text.replace('"c"', '"d"'), (1,))
    with pytest.raises(FieldError, match="filler `from_file` needs `snapshot`"):
        filled('type: "from_file"', (1,))


def test_from_binary_reads_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(np.arange(7, dtype=np.float32).tobytes())
    text = f'type: "from_binary" binary: "{path}"'
    assert filled(text, (2, 3), np.float32).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(DataError) as caught:
        filled(text, (2, 4), np.float32)
    assert (caught.value.expected, caught.value.got) == ("32 bytes: 8 numbers of 4 bytes", "28 bytes")
