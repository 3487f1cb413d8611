from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest


def tiny(net, x):
    x = net.conv_bn(x, "conv", 4, 3, pad=1)
    return net.full(net.pool(x, "pool", "MAX", 2, 2), "fc", 5)


@pytest.mark.parametrize("mode", ["train", "gradients", "forward"])
def test_ours_runs_a_job(tmp_path, mode):
    jobs, nets, pairs = map(importlib.import_module, ("jobs", "nets", "pairs"))
    job = jobs.net_job(tmp_path / "job", nets.Definition(tiny, 3, 8, 5), 2, mode)
    worker = pairs.Worker("ours.py", job.arguments(), threads=1)
    assert worker.about["flops"] >= 2 * 2 * (8 * 8 * 4 * 27 + 64 * 5)
    times = pairs.alternate({"ours": worker}, pairs=2, seconds=0.001)
    assert len(times["ours"]) == 2
    assert worker.close()["peak_mib"] != 0
    layers = json.loads((job.folder / "layers.json").read_text(encoding="utf-8"))
    assert [layer["type"] for layer in layers[1:5]] == ["Convolution", "BatchNorm", "Scale", "Pooling"]


def test_a_worker_that_ends_is_an_error(tmp_path):
    pairs = importlib.import_module("pairs")
    worker = pairs.Worker(
        "ours.py", [str(tmp_path), "--net", str(tmp_path / "no.prototxt"), "--mode", "forward"], threads=1
    )
    with pytest.raises(pairs.WorkerError, match="a worker has died"):
        worker.run(1)


def test_a_peer_that_computes_something_else_is_found(tmp_path):
    np, serve = importlib.import_module("numpy"), importlib.import_module("serve")
    np.savez(tmp_path / "expected.npz", prob=np.array([[0.5, 2.0]]))
    assert serve.difference({"prob": np.array([0.5, 2.0])}, tmp_path) == 0
    assert serve.difference({"prob": np.array([0.5, 1.0])}, tmp_path) == 0.5
    with pytest.raises(SystemExit, match="nothing to compare"):
        serve.difference({"other": np.zeros(1)}, tmp_path)


def test_tables():
    figures = importlib.import_module("figures")
    figure = figures.Figure("n", "a net", "a peer", 10, 25, "ms", 2.5, 2.0, gflops=50.0, memory=(100.0, 200.0))
    below = figures.Figure("s", "start", "stated limit", 2, 1, "s", 0.5, 1.0)
    assert [line.split() for line in figures.text_table([figure, below], 200).splitlines()[1:]] == [
        ["a", "net", "a", "peer", "10.0", "ms", "25.0", "ms", "2.50", "2.00", "ok", "50", "25", "%", "100", "200"],
        ["start", "stated", "limit", "2.00", "s", "1.00", "s", "0.50", "1.00", "below"],
    ]
    assert "| a net | a peer | 10.0 ms |" in figures.markdown_table([figure], 200)
    assert [row["met"] for row in json.loads(figures.as_json({}, [figure, below]))["figures"]] == [True, False]


def test_the_block_of_a_document_is_replaced(tmp_path: Path):
    run = importlib.import_module("run")
    page = tmp_path / "page.md"
    text = "<!-- a: begin -->\nold\n<!-- a: end -->\nmore\n<!-- b: begin -->\nold\n<!-- b: end -->\n"
    page.write_text(text, encoding="utf-8")
    run._write_block(page, "b", "new")
    assert page.read_text(encoding="utf-8") == text.replace("begin -->\nold\n<!-- b", "begin -->\nnew\n<!-- b")
    with pytest.raises(SystemExit, match="lacks the marks <!-- c: begin"):
        run._write_block(page, "c", "new")


def test_every_row_names_a_net_that_exists():
    rows, nets = importlib.import_module("rows"), importlib.import_module("nets")
    for row in rows.ROWS:
        assert row.net in nets.NETS or (rows.ROOT / "nets" / f"{row.net}.prototxt").exists()
