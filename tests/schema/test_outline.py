"""Weights and solver states without their numbers: the same as the whole message, or not at all."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.errors import SnapshotError
from pycaffelite.schema import messages
from pycaffelite.schema.binary import read_weights_message
from pycaffelite.schema.outline import Outline, state_outline, weights_outline

MODELS = Path(__file__).parents[1] / "golden" / "interop" / "models"
BLOBS = [
    {"num": 1, "channels": 1, "height": 1, "width": 2, "data": [1, 2], "diff": [3, 4]},
    {"shape": {"dim": [1]}, "double_data": [3]},
    {"shape": {"dim": [3]}},
]
OPTIONS = {"bottom": ["x"], "top": ["c"], "convolution_param": {"num_output": 3}}
NETS = {
    "current": messages.NetParameter(name="n", layer=[{"name": "c", "type": "Convolution", "blobs": BLOBS, **OPTIONS}]),
    "V1": messages.NetParameter(layers=[{"name": "c", "type": "CONVOLUTION", "blobs": BLOBS}]),
    "V0": messages.NetParameter(layers=[{"layer": {"name": "c", "type": "conv", "num_output": 3, "blobs": BLOBS}}]),
}
STATE = messages.SolverState(iter=7, learned_net="x.caffemodel", history=BLOBS)


def filled(content: bytes, outline: Outline) -> list[tuple[list[int], list[float]]]:
    """Return shape and numbers of each blob of an outline; each number where the outline says that it is."""
    found = []
    blobs = getattr(outline.message, "history", None) or [b for layer in outline.message.layer for b in layer.blobs]
    for blob in blobs:
        place = outline.numbers_of(blob)
        code = "" if place is None else f"<{place.size}{'d' if place.double else 'f'}"
        numbers = [] if place is None else list(struct.unpack_from(code, content, place.start))
        found.append((sizes(blob), numbers))
    return found


def whole(message: object) -> list[tuple[list[int], list[float]]]:
    blobs = getattr(message, "history", None) or [b for layer in message.layer for b in layer.blobs]  # type: ignore[attr-defined]
    return [(sizes(blob), list(blob.double_data or blob.data)) for blob in blobs]


def sizes(blob: object) -> list[int]:
    return [blob.num, blob.channels, blob.height, blob.width, *blob.shape.dim]  # type: ignore[attr-defined]


def is_as_the_whole_message(path: Path, content: bytes) -> bool:
    """Tell whether there is an outline; if so, hold it against what the whole file reads as."""
    path.write_bytes(content)
    outline = weights_outline(path)
    if outline is None:
        return False
    message = read_weights_message(path)
    assert str(filled(content, outline)) == str(whole(message))  # NaN is as NaN
    for net in (outline.message, message):
        for layer in net.layer:
            for blob in layer.blobs:
                blob.Clear()
    assert outline.message == message
    return True


@pytest.mark.parametrize("era", NETS)
def test_weights(tmp_path, era):
    assert is_as_the_whole_message(tmp_path / "w", NETS[era].SerializeToString())


@pytest.mark.parametrize("name", ["sgd_iter_20", "v1", "v1_upgraded"])
def test_weights_of_the_reference(tmp_path, name):
    assert is_as_the_whole_message(tmp_path / "w", (MODELS / f"{name}.caffemodel").read_bytes())


def test_a_solver_state(tmp_path):
    content = STATE.SerializeToString()
    (tmp_path / "s").write_bytes(content)
    outline = state_outline(tmp_path / "s")
    assert outline is not None
    assert filled(content, outline) == whole(STATE)
    assert (outline.message.iter, outline.message.learned_net) == (7, "x.caffemodel")


@pytest.mark.parametrize("era", NETS)
def test_what_is_damaged_is_read_as_the_whole_message_or_not_at_all(tmp_path, era):
    content = NETS[era].SerializeToString()
    for position in range(len(content)):
        for mask in (0xFF, 1, 8, 0x80):
            changed = content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :]
            is_as_the_whole_message(tmp_path / "w", changed)
        is_as_the_whole_message(tmp_path / "w", content[:position])


@settings(max_examples=300)
@given(st.data())
def test_any_damage(tmp_path_factory, data):
    content = bytearray(NETS[data.draw(st.sampled_from(sorted(NETS)))].SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 3))
        content[start:end] = data.draw(st.binary(max_size=4))
    is_as_the_whole_message(tmp_path_factory.getbasetemp() / "damaged", bytes(content))


def field(number: int, wire: int, value: bytes) -> bytes:
    return bytes([number << 3 | wire, *([len(value)] if wire == 2 else [])]) + value


ODD = {
    "numbers one by one": field(5, 5, struct.pack("<f", 1)) + field(5, 5, struct.pack("<f", 2)),
    "numbers in two pieces": field(5, 2, struct.pack("<f", 1)) + field(5, 2, struct.pack("<f", 2)),
    "a field of a fork": field(5, 2, struct.pack("<2f", 1, 2)) + field(15, 0, b"\x01"),
    "half a number": field(5, 2, b"\0" * 7),
}


@pytest.mark.parametrize("odd", ODD)
def test_blobs_that_are_not_as_caffe_writes_them_are_left_to_the_message_class(tmp_path, odd):
    layer = messages.LayerParameter(name="c", type="Bias").SerializeToString()
    layer += field(7, 2, ODD[odd] + field(7, 2, field(1, 0, b"\x02")))
    path = tmp_path / "w"
    path.write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    assert weights_outline(path) is None
    if odd != "half a number":
        assert whole(read_weights_message(path))[0][1] == [1, 2]
    else:
        with pytest.raises(SnapshotError):
            read_weights_message(path)


def test_what_is_no_file_of_this_kind(tmp_path):
    text = tmp_path / "text"
    text.write_text("name: 'n'")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name in ("text", "empty", "pipe", "gone", "."):
        assert weights_outline(tmp_path / name) is None
    (tmp_path / "s").write_bytes(STATE.SerializeToString())
    assert weights_outline(tmp_path / "s") is None
