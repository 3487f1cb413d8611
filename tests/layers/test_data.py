from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image

from pycaffelite.blob import Blob
from pycaffelite.data.database import write_database
from pycaffelite.data.datum import make_datum
from pycaffelite.errors import DataError, ShapeError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.base import Context, DataOptions
from pycaffelite.layers.registry import layer_class
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema import messages
from pycaffelite.schema.reader import parse_net
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

GOLDEN = Path(__file__).parents[1] / "golden" / "interop"
CASES = json.loads((GOLDEN / "data_layers.json").read_text(encoding="utf-8"))["cases"]

IMAGES = np.random.default_rng(3).integers(0, 256, (10, 1, 5, 6)).astype(np.uint8)


def expected_of(case):
    with np.load(GOLDEN / case["file"]) as arrays:
        return [[arrays[f"top_{t}_pass{b}"] for t in range(2)] for b in range(case["batches"])]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden(case, dtype):
    message = text_format.Parse(case["text"], messages.NetParameter()).layer[0]
    options = DataOptions(folder=GOLDEN)
    layer = layer_class(case["type"])(message, Context(phase=case["phase"], data=options))
    tops = [Blob(shape, dtype) for shape in layer.layout([]).tops]
    for expected in expected_of(case):
        layer.forward([], tops)
        for blob, array in zip(tops, expected, strict=True):
            assert blob.shape == array.shape
            scale = np.abs(array).max()
            np.testing.assert_allclose(blob.data, array, rtol=0, atol=0 if dtype == np.float64 else 2e-7 * scale)


COLOR = 'data_param { source: "color_lmdb" batch_size: 5 backend: LMDB }'
FOLDER = DataOptions(folder=GOLDEN)


def color_records():
    with np.load(GOLDEN / "color_lmdb.npz") as arrays:
        return arrays["records"].reshape(-1, 3, 24, 20)[:5].astype(float), arrays["label"][:5]


class TestData(LayerContract):
    type_name = "Data"
    cases = {
        "default": Case(
            COLOR, [], oracle=lambda bottoms, params: list(color_records()), tops=2, gradients=False, data=FOLDER
        ),
        "no_label": Case(
            COLOR, [], oracle=lambda bottoms, params: list(color_records()[:1]), gradients=False, data=FOLDER
        ),
        "random": Case(
            COLOR + " transform_param { crop_size: 7 mirror: true }", [], tops=2, gradients=False, data=FOLDER
        ),
    }
    errors = {
        "no_batch_size": ErrorCase(
            'data_param { source: "a" }',
            [],
            message="""
            error: a Data layer needs a batch size
              expected: data_param { batch_size: 1 } or more
              got:      0 or none
            """,
        ),
        "no_source": ErrorCase(
            "data_param { batch_size: 1 }",
            [],
            message="""
            error: the data source does not exist
              expected: the name of a source
              got:      no name

            hint: sources are looked for in the working folder and in the prototxt's folder
            """,
        ),
    }


@pytest.fixture
def folder(tmp_path):
    records = [(b"%08d" % n, make_datum(image, n)) for n, image in enumerate(IMAGES)]
    write_database(tmp_path / "db", "leveldb", records)
    return tmp_path


def runner(folder, fields="", data="", *, phase="TEST", notes=None):
    text = layer_text("Data", f'data_param {{ source: "db" batch_size: 4 {data} }} {fields}', bottoms=0, tops=2)
    options = DataOptions(folder=folder, notify=(notes if notes is not None else []).append)
    return LayerRunner(text, phase=phase, data=options)


def test_state_goes_on_bit_for_bit(folder):
    fields = "transform_param { mirror: true crop_size: 3 }"
    straight = runner(folder, fields, phase="TRAIN")
    batches = [straight.forward() for _ in range(6)]
    first = runner(folder, fields, phase="TRAIN")
    for _ in range(2):
        first.forward()
    second = runner(folder, fields, phase="TRAIN")
    second.layer.restore(json.loads(json.dumps(first.layer.state())))
    for expected in batches[2:]:
        for array, wanted in zip(second.forward(), expected, strict=True):
            np.testing.assert_array_equal(array, wanted)


def test_prefetching_changes_nothing(folder):
    fields = "transform_param { mirror: true crop_size: 3 }"
    ahead, plain = runner(folder, fields, phase="TRAIN"), runner(folder, fields, "prefetch: 0", phase="TRAIN")
    for _ in range(5):
        for a, b in zip(ahead.forward(), plain.forward(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_rand_skip_starts_anywhere(folder):
    label = int(runner(folder, data="rand_skip: 1000").forward()[1][0])
    assert label == int(runner(folder, data="rand_skip: 1000").forward()[1][0])
    assert label != 0


def test_the_other_backend_is_read_with_a_note(folder):
    notes = []
    _, labels = runner(folder, data="backend: LMDB", notes=notes).forward()
    assert labels.tolist() == [0, 1, 2, 3]
    assert len(notes) == 1


def test_encoded_images(tmp_path):
    def png(image):
        stream = io.BytesIO()
        Image.fromarray(image[0]).save(stream, "PNG")
        return messages.Datum(encoded=True, data=stream.getvalue(), label=1).SerializeToString()

    write_database(tmp_path / "db", "lmdb", ((b"%d" % n, png(image)) for n, image in enumerate(IMAGES)))
    data, _ = runner(tmp_path).forward()
    np.testing.assert_array_equal(data, IMAGES[:4])
    data, _ = runner(tmp_path, "transform_param { force_color: true }").forward()
    np.testing.assert_array_equal(data, np.repeat(IMAGES[:4], 3, axis=1))


def test_a_crop_that_does_not_fit(folder):
    with pytest.raises(ShapeError, match="the image is smaller than its crop"):
        runner(folder, "transform_param { crop_size: 6 }")


def test_a_missing_mean_file(folder):
    with pytest.raises(DataError, match="the mean file does not exist"):
        runner(folder, 'transform_param { mean_file: "none.binaryproto" }')


def test_damage_while_running(folder):
    made = runner(folder)
    table = folder / "db" / "000004.ldb"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(DataError, match="the database is damaged"):
        made.forward()


def test_records(folder):
    notes = []
    made = runner(folder, data="backend: LMDB", notes=notes)
    assert made.layer.records() == 10
    assert len(notes) == 1


def test_a_net_follows_records_of_other_sizes(tmp_path):
    shapes = [(1, 4, 4), (1, 6, 3), (1, 4, 4)]
    records = [(b"%d" % n, make_datum(np.full(shape, n + 1, np.uint8), n)) for n, shape in enumerate(shapes)]
    write_database(tmp_path / "db", "lmdb", records)
    text = """
    layer { name: "d" type: "Data" top: "x" data_param { source: "db" batch_size: 1 backend: LMDB } }
    layer { name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param { global_pooling: true pool: AVE } }
    layer { name: "r" type: "ReLU" bottom: "x" top: "r" }
    """
    net = build(build_graph(parse_net(text)), data=DataOptions(folder=tmp_path))
    plan = compile_plan(net)
    for n in (0, 1, 2, 0):
        plan.forward()
        assert net.blobs["r"].shape == (1, *shapes[n])
        assert net.blobs["r"].data.min() == net.blobs["p"].data.item() == n + 1
