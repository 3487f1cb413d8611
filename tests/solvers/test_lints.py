from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pycaffelite.data.database import write_database
from pycaffelite.errors import DataError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.base import DataOptions
from pycaffelite.net import Net, build
from pycaffelite.schema import messages
from pycaffelite.schema.reader import parse_net
from pycaffelite.solvers.lints import start_lints

NET = """
name: "n"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "db" batch_size: 50 backend: LMDB } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
layer { name: "other" type: "HingeLoss" bottom: "ip2" bottom: "label" top: "other" }
"""

Make = Callable[..., Net]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make_net(labels: list[int], *, text: str = NET, constant: bool = False) -> Net:
        pixels = np.random.default_rng(1).integers(0, 256, (len(labels), 4), np.uint8)
        records = []
        for index, label in enumerate(labels):
            datum = messages.Datum(channels=1, height=2, width=2, label=label)
            datum.data = bytes(4) if constant else pixels[index].tobytes()
            records.append((f"{index:08d}".encode(), datum.SerializeToString()))
        shutil.rmtree(tmp_path / "db", ignore_errors=True)
        write_database(tmp_path / "db", "lmdb", records)
        graph = build_graph(parse_net(text, "net.prototxt"))
        return build(graph, seed=1, data=DataOptions(tmp_path, False, print))

    return make_net


def told(net: Net) -> list[str]:
    return [str(note) for note in start_lints(net)]


SHUFFLED = np.random.default_rng(2).integers(0, 4, 400).tolist()


def test_nothing_is_wrong(make: Make) -> None:
    assert told(make(SHUFFLED)) == []


def test_the_look_moves_nothing(make: Make) -> None:
    seen, unseen = make(SHUFFLED), make(SHUFFLED)
    start_lints(seen)
    for net in (seen, unseen):
        net.layers[0].layer.forward([], net.layers[0].tops)
    np.testing.assert_array_equal(seen.blobs["data"].data, unseen.blobs["data"].data)
    assert seen.layers[0].layer.state() == unseen.layers[0].layer.state()


@pytest.mark.parametrize("label", [4, -1])
def test_labels_out_of_range(make: Make, label: int) -> None:
    lines = told(make([*SHUFFLED[:-1], label]))
    assert len(lines) == 2  # one for each loss
    assert lines[0].startswith(
        f"net.prototxt:9:1: warning: layer `loss` (SoftmaxWithLoss): label {label} is out of range, "
        "for 4 classes labels are 0 to 3 (labels count from 0"
    )


def test_labels_that_are_ignored(make: Make) -> None:
    text = NET.replace('top: "loss"', 'top: "loss" loss_param { ignore_label: 255 }')
    assert [line.split(":")[1] for line in told(make([255, *SHUFFLED], text=text))] == ["10"]  # the other loss alone


@pytest.mark.parametrize(("loss", "can_ignore"), [("SoftmaxWithLoss", True), ("HingeLoss", False)])
def test_labels_may_be_ignored_only_where_the_loss_can(make: Make, loss: str, can_ignore: bool) -> None:
    text = NET.replace("SoftmaxWithLoss", loss).replace('top: "loss"', 'top: "loss" loss_param { ignore_label: 255 }')
    lines = told(make([9, 255, *SHUFFLED], text=text))
    assert f"label {9 if can_ignore else 255} is out of range" in lines[0]
    assert ("see also `ignore_label`" in lines[0]) == can_ignore


def test_records_that_are_sorted(make: Make) -> None:
    assert "change their label 3 times only: they seem to be sorted" in told(make(sorted(SHUFFLED)))[0]
    lines = told(make([0] * 400))
    assert "net.prototxt:3:1: warning: layer `data` (Data): the first 400 records all have label 0" in lines[0]
    assert told(make([0] * 399 + [1])) == []  # rare labels are no order


def test_an_input_that_is_constant(make: Make) -> None:
    assert told(make(SHUFFLED, constant=True)) == [
        "net.prototxt:3:1: warning: layer `data` (Data): every value of `data` is 0 "
        "(is it the right source, and the right scale and mean?)"
    ]


def test_weights_that_are_all_zero(make: Make) -> None:
    text = NET.replace(' weight_filler { type: "xavier" }', "")
    assert told(make(SHUFFLED, text=text)) == [
        "net.prototxt:4:1: warning: layer `ip1` (InnerProduct): all its weights are 0, and no gradient will pass them "
        '(add `weight_filler { type: "xavier" }`; without one, weights are constant 0)'
    ]  # those of the last layer do no harm


def test_zero_weights_without_a_bend_above_learn(make: Make) -> None:
    text = NET.replace(' weight_filler { type: "xavier" }', "", 1)
    assert len(told(make(SHUFFLED, text=text))) == 1
    assert told(make(SHUFFLED, text=text.replace('type: "ReLU"', 'type: "Power"'))) == []


def test_fractional_labels(make: Make, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.random.default_rng(1).standard_normal((60, 4), np.float32)
        file["label"] = np.linspace(0, 3, 60, dtype=np.float32)[:, None]
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'a.h5'}\n")
    fields = f'hdf5_data_param {{ source: "{tmp_path}/list.txt" batch_size: 50 }}'
    source = f'layer {{ name: "data" type: "HDF5Data" top: "data" top: "label" {fields} }}'
    lines = told(make([0], text=NET.replace(NET.splitlines()[2], source)))
    assert "labels are not whole numbers, 0.0508475 for example" in lines[0]


def test_a_record_that_cannot_be_read_counts_when_training_comes_to_it(make: Make) -> None:
    net = make(SHUFFLED)
    layer, calls = net.layers[0].layer, []
    forward = layer.forward

    def fail_later(*blobs: object) -> None:
        calls.append(blobs)
        if len(calls) > 1:
            raise DataError("damaged")
        forward(*blobs)

    layer.forward = fail_later
    assert told(net) == []
