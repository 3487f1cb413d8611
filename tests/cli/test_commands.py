from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from pycaffelite.schema import messages

Run = Callable[..., Result]


@pytest.fixture
def trained(run: Run) -> str:
    assert run("train", "nets/tiny.prototxt").exit_code == 0
    return "out/tiny_iter_6.caffemodel"


class TestTest:
    def test_one_whole_pass(self, run: Run, trained: str) -> None:
        result = run("test", "nets/tiny.prototxt", "--weights", trained)
        assert result.exit_code == 0, result.stderr
        which = "2 batches of 5, 10 of 8 records: the whole source once, and its first 2 records twice"
        assert f"note: running {which}" in result.stderr
        assert result.stdout.splitlines()[0] == f"tiny: {trained} on {which}"
        assert "Batch 1, accuracy = " in result.stderr
        assert "] Loss: " in result.stderr

    def test_json(self, run: Run, trained: str) -> None:
        result = run("test", "nets/tiny.prototxt", "--weights", trained, "--iterations", "3", "--json")
        scores = json.loads(result.stdout)
        assert (scores["batches"], scores["records"]) == (3, 15)
        assert [output["name"] for output in scores["outputs"]] == ["accuracy", "loss"]

    def test_weights_are_needed(self, run: Run) -> None:
        assert run("test", "nets/tiny.prototxt").exit_code == 2

    def test_damaged_weights(self, run: Run) -> None:
        Path("x.caffemodel").write_bytes(b"no weights at all")
        result = run("test", "nets/tiny.prototxt", "--weights", "x.caffemodel")
        assert result.exit_code == 1
        assert "error: x.caffemodel" in result.stderr


class TestInspect:
    def test_tables(self, run: Run, trained: str) -> None:
        result = run("inspect", "nets/tiny.prototxt", "--weights", trained, "--backward")
        assert result.exit_code == 0, result.stderr
        assert "ip (InnerProduct)" in result.stdout
        assert "    diff" in result.stdout

    def test_json(self, run: Run) -> None:
        found = json.loads(run("inspect", "nets/tiny.prototxt", "--phase", "test", "--seed", 1, "--json").stdout)
        assert found["phase"] == "TEST"
        assert found["layers"][0]["blobs"][0]["data"]["shape"] == [5, 1, 2, 2]

    def test_npz(self, run: Run) -> None:
        result = run("inspect", "nets/tiny.prototxt", "--npz", "a.npz", "--backward")
        assert result.exit_code == 0, result.stderr
        with np.load("a.npz") as arrays:
            assert arrays["data/ip/ip"].shape == (4, 2)
            assert arrays["diff/ip/param/0"].shape == (2, 4)

    def test_one_layer(self, run: Run) -> None:
        assert "first values" in run("inspect", "nets/tiny.prototxt", "--layer", "ip").stdout
        result = run("inspect", "nets/tiny.prototxt", "--layer", "ipp")
        assert result.exit_code == 1
        assert "did you mean `ip`?" in result.stderr


class TestSummary:
    def test_table_and_json(self, run: Run) -> None:
        assert "parameters  10 (40 B as float32)" in run("summary", "nets/tiny.prototxt").stdout
        assert json.loads(run("summary", "nets/tiny.prototxt", "--json").stdout)["macs"] == 4 * 4 * 2

    def test_inputs_in_place_of_missing_data(self, run: Run) -> None:
        text = Path("nets/tiny.prototxt").read_text().replace("train-db", "nowhere")
        Path("nets/tiny.prototxt").write_text(text)
        result = run("summary", "nets/tiny.prototxt")
        assert result.exit_code == 1
        assert "layer `data` (Data): the data source does not exist" in result.stderr
        assert "7x2" in run("summary", "nets/tiny.prototxt", "--input-shape", "data=7x1x2x2").stdout
        assert run("summary", "nets/tiny.prototxt", "--input-shape", "data").exit_code == 2


class TestUpgrade:
    def test_to_standard_output(self, run: Run) -> None:
        Path("old.prototxt").write_text('layers { name: "r" type: RELU bottom: "x" top: "y" }')
        result = run("upgrade", "old.prototxt")
        assert result.exit_code == 0, result.stderr
        assert result.stdout == 'layer {\n  name: "r"\n  type: "ReLU"\n  bottom: "x"\n  top: "y"\n}\n'
        assert "note: old.prototxt:1:1: " in result.stderr

    def test_to_a_file(self, run: Run) -> None:
        result = run("upgrade", "solvers/tiny_solver.prototxt", "new.prototxt")
        assert result.exit_code == 0
        assert "is in the current form already" in result.stderr
        assert 'net: "nets/tiny.prototxt"' in Path("new.prototxt").read_text()
        assert not list(Path().glob(".new*"))

    def test_a_dash_is_standard_output(self, run: Run) -> None:
        assert run("upgrade", "nets/tiny.prototxt", "-").stdout == run("upgrade", "nets/tiny.prototxt").stdout
        assert not Path("-").exists()

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
    def test_a_pipe_is_written_to_and_not_replaced(self, run: Run) -> None:
        os.mkfifo("pipe")
        with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True) as reader:
            assert run("upgrade", "nets/tiny.prototxt", "pipe").exit_code == 0
            assert reader.communicate()[0].startswith('name: "tiny"')
        assert Path("pipe").is_fifo()

    def test_a_folder_that_is_not_there(self, run: Run) -> None:
        result = run("upgrade", "nets/tiny.prototxt", "none/new.prototxt")
        assert result.exit_code == 1
        assert f"error: {Path('none/new.prototxt')}: no such file or folder" in result.stderr

    def test_binary_weights(self, run: Run, project: Path) -> None:
        folder = Path(__file__).parent.parent / "golden" / "interop" / "models"
        result = run("upgrade", str(folder / "v1.caffemodel"), "new.caffemodel")
        assert (result.exit_code, Path("new.caffemodel").read_bytes()) == (
            0,
            (folder / "v1_upgraded.caffemodel").read_bytes(),
        )
        assert run("upgrade", "new.caffemodel", "new.prototxt").exit_code == 0
        assert 'type: "InnerProduct"' in Path("new.prototxt").read_text()
        assert run("upgrade", "new.prototxt", "again", "--form", "binary").exit_code == 0
        again = messages.NetParameter.FromString(Path("again").read_bytes())
        assert again == messages.NetParameter.FromString(Path("new.caffemodel").read_bytes())

    def test_neither(self, run: Run) -> None:
        Path("x.prototxt").write_text("shape { dim: 3 }")
        assert "neither a net nor a solver" in run("upgrade", "x.prototxt").stderr


class TestLayers:
    def test_list(self, run: Run) -> None:
        assert "InnerProduct" in run("layers").stdout
        found = {entry["type"]: entry for entry in json.loads(run("layers", "--json").stdout)}
        assert found["InnerProduct"]["runs"]
        assert found["InnerProduct"]["backward"]

    def test_types_that_do_not_run(self, run: Run) -> None:
        assert "known, not implemented" in run("layers").stdout
        found = {entry["type"]: entry for entry in json.loads(run("layers", "--json").stdout)}
        assert found["CTCLoss"] == {"type": "CTCLoss", "forks": ["tianzhi0549/CTPN"], "runs": False}
        assert "of tianzhi0549/CTPN" in run("layers", "CTCLoss").stderr

    def test_markdown(self, run: Run) -> None:
        assert run("layers", "--markdown").stdout.startswith("# Layers\n")

    def test_one(self, run: Run) -> None:
        text = run("layers", "Pooling").stdout
        assert text.startswith("Pooling\n\n")
        assert "bottoms: 1; tops: 1 or 2; in place: no" in text
        assert json.loads(run("layers", "Pooling", "--json").stdout)["type"] == "Pooling"

    def test_a_misspelt_one(self, run: Run) -> None:
        result = run("layers", "Poling")
        assert result.exit_code == 1
        assert "did you mean `Pooling`" in result.stderr


def test_time(run: Run) -> None:
    result = run("time", "nets/tiny.prototxt", "--iterations", "2", "--threads", "1")
    assert result.exit_code == 0, result.stderr
    assert "medians of 2 passes, 1 thread" in result.stdout
    assert json.loads(run("time", "nets/tiny.prototxt", "--iterations", "2", "--json").stdout)["iterations"] == 2


class TestWarmup:
    @pytest.mark.parametrize("config", ["nets/tiny.prototxt", "solvers/tiny_solver.prototxt"])
    def test_leaves_no_files(self, run: Run, config: str) -> None:
        before = sorted(Path().rglob("*"))
        result = run("warmup", config)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith("ready after ")
        assert sorted(Path().rglob("*")) == before

    def test_lenet(self, run: Run) -> None:
        result = run("warmup")
        assert result.exit_code == 0, result.stderr

    def test_a_net_that_is_not_whole(self, run: Run) -> None:
        Path("broken.prototxt").write_text('layer { name: "a" type: "ReLU" bottom: "nothing" top: "a" }')
        result = run("warmup", "broken.prototxt")
        assert result.exit_code == 1
        assert "error: broken.prototxt:1" in result.stderr
