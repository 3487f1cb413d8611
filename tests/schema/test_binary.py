"""Binary weights of every era, and the many things that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycaffelite.errors import DataError, PycaffeliteError, SnapshotError
from pycaffelite.schema import messages
from pycaffelite.schema.binary import read_blob_proto, read_weights_message

MODELS = Path(__file__).parents[1] / "golden" / "interop" / "models"
BLOBS = [
    {"num": 1, "channels": 1, "height": 1, "width": 2, "data": [1, 2]},
    {"shape": {"dim": [1]}, "double_data": [3]},
]

CURRENT = messages.NetParameter(layer=[{"name": "c", "type": "Convolution", "blobs": BLOBS}])
V1 = messages.NetParameter(layers=[{"name": "c", "type": "CONVOLUTION", "blobs": BLOBS}])
V0 = messages.NetParameter(layers=[{"layer": {"name": "c", "type": "conv", "blobs": BLOBS}}])
STATE = messages.SolverState(iter=7, learned_net="x.caffemodel", history=BLOBS)
BLOB = messages.BlobProto(num=1, channels=1, height=1, width=3, data=[1, 2, 3])


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def writer(content):
        data = content if isinstance(content, bytes) else content.SerializeToString()
        (tmp_path / "w").write_bytes(data)
        return "w"

    return writer


@pytest.mark.parametrize("weights", [CURRENT, V1, V0], ids=["current", "V1", "V0"])
def test_weights_of_every_era(write, weights):
    assert read_weights_message(write(weights)) == CURRENT


@pytest.mark.parametrize("name", ["sgd_iter_20", "v1", "v1_upgraded"])
def test_weights_of_the_reference(name):
    net = read_weights_message(MODELS / f"{name}.caffemodel")
    assert [(layer.name, layer.type, len(layer.blobs)) for layer in net.layer if layer.blobs] == [
        ("conv1", "Convolution", 2),
        ("ip1", "InnerProduct", 2),
    ]


def test_a_blob(write):
    assert read_blob_proto(write(BLOB)) == BLOB


def text_of(read, path, kind):
    with pytest.raises(PycaffeliteError) as caught:
        read(path)
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "error: w: the file is empty\n  expected: a binary .caffemodel"),
        (
            b"name: 'n'\nlayer { }\n",
            "error: w: the file is a text\n  expected: a binary .caffemodel\n\n"
            "hint: a prototxt describes a net and holds no numbers",
        ),
        (
            b"\x89HDF\r\n\x1a\n\0\0",
            "error: w: the file is HDF5\n  expected: a binary .caffemodel\n\n"
            "hint: name it with the ending .h5 to have it read as HDF5",
        ),
        (
            STATE,
            "error: w: the file is damaged or cut off\n  expected: a binary .caffemodel\n"
            f"  got:      {len(STATE.SerializeToString())} bytes that are none\n\n"
            "hint: it is a .solverstate of iteration 7: give it with --snapshot",
        ),
        (
            BLOB,
            "error: w: the file holds no layers\n  expected: a binary .caffemodel\n\n"
            "hint: it is a single blob, such as a mean: give it as `mean_file`",
        ),
        (
            CURRENT.SerializeToString()[:-1],
            "error: w: the file is damaged or cut off\n  expected: a binary .caffemodel\n"
            f"  got:      {len(CURRENT.SerializeToString()) - 1} bytes that are none",
        ),
        (
            CURRENT.SerializeToString().replace(b"\x01c", b"\x01\xe9"),
            "error: w: a name in the file is not UTF-8 text\n"
            "  expected: a binary .caffemodel with names in UTF-8\n"
            "  got:      b'\\xe9'",
        ),
    ],
    ids=["empty", "text", "hdf5", "solverstate", "blob", "cut off", "not UTF-8"],
)
def test_what_is_no_weights(write, content, expected):
    assert text_of(read_weights_message, write(content), SnapshotError) == expected


def test_missing_weights(write):
    write(b"")
    assert text_of(read_weights_message, "v", SnapshotError) == (
        "error: v: no such file\n  expected: a file with weights"
    )
    assert text_of(read_weights_message, ".", SnapshotError) == (
        "error: .: this is a folder\n  expected: a file with weights"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "error: w: the file is empty\n  expected: a binary BlobProto"),
        (
            CURRENT,
            "error: w: the file holds no numbers\n  expected: a binary BlobProto\n\n"
            "hint: it is a .caffemodel: give it with --weights",
        ),
        (
            BLOB.SerializeToString()[:-1],
            "error: w: the file is damaged or cut off\n  expected: a binary BlobProto\n"
            f"  got:      {len(BLOB.SerializeToString()) - 1} bytes that are none",
        ),
    ],
    ids=["empty", "weights", "cut off"],
)
def test_what_is_no_blob(write, content, expected):
    assert text_of(read_blob_proto, write(content), DataError) == expected


def test_every_cut_and_every_changed_byte_is_read_or_refused(write):
    content = V1.SerializeToString()
    for position in range(len(content)):
        for damaged in (
            content[:position],
            content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :],
        ):
            try:
                read_weights_message(write(damaged))
            except SnapshotError:
                continue
