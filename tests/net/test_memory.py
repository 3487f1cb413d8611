from __future__ import annotations

from pathlib import Path

import pytest

from pycaffelite.errors import ShapeError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build, memory
from pycaffelite.schema.reader import parse_net

NET = """
layer { name: "in" type: "DummyData" top: "x" dummy_data_param { shape { dim: 64 dim: 1000 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 10 } }
"""


def refusal(monkeypatch: pytest.MonkeyPatch, available: int, text: str = NET) -> ShapeError:
    monkeypatch.setattr(memory, "available_bytes", lambda: available)
    with pytest.raises(ShapeError) as error:
        build(build_graph(parse_net(text)))
    return error.value


def test_a_smaller_batch_that_fits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(monkeypatch, 300_000)
    assert error.what == "the net does not fit into memory"
    assert error.expected == "at most 292 KiB, which this process can have"
    assert error.got.startswith("583 KiB; the largest: blob `x` 64x1000 (500 KiB), parameter 0 of `ip` 10x1000")
    assert error.hint == "a batch of 27 instead of 64 would fit, with `iter_size` to make up for it"
    build(build_graph(parse_net(NET.replace("dim: 64", "dim: 27"))))  # within the same limit
    refusal(monkeypatch, 300_000, NET.replace("dim: 64", "dim: 28"))


def test_where_no_batch_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(monkeypatch, 50_000)
    assert error.hint == "lower the num_output of the layers named above; no batch is small enough"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "1000000", "memory.current": "400000", "memory.stat": "anon 5\ninactive_file 1000"}, 601_000),
        ({"memory.max": "1000000", "memory.current": "2000000"}, 0),
        ({"memory/memory.limit_in_bytes": "500", "memory/memory.usage_in_bytes": "100"}, 400),
    ],
)
def test_the_limit_of_a_container_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_bytes() == expected


def test_a_container_without_a_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "none")
    without = memory.available_bytes()
    (tmp_path / "memory.max").write_text("max")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert without is None or abs(memory.available_bytes() - without) < without
