"""Binary nets of forks, put together byte by byte: each is read by the numbers of its own fork."""

from __future__ import annotations

import random
import struct

import pytest

from pycaffelite.errors import PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.binary import read_weights_message
from pycaffelite.schema.foreign_bytes import translate_net
from pycaffelite.schema.wire import (
    EIGHT_BYTES,
    FOUR_BYTES,
    LENGTH,
    VARINT,
    read_varint,
    varint,
    wire_field,
    wire_fields,
)

NET_LAYER, NET_LAYERS = 100, 2
BLOB = messages.BlobProto(shape={"dim": [2]}, data=[1, 2]).SerializeToString()


def field(number, value):
    """Write a field: a whole number, a fraction, a text, or a message as a list of fields."""
    if isinstance(value, int):
        wire, content = VARINT, varint(value)
    elif isinstance(value, float):
        wire, content = FOUR_BYTES, struct.pack("<f", value)
    else:
        wire, content = LENGTH, b"".join(value) if isinstance(value, list) else bytes(value)
    return b"".join(bytes(piece) for piece in wire_field(number, wire, content))


def layer(name, kind, *fields):
    return field(NET_LAYER, [field(1, name), field(2, kind), *fields, field(7, BLOB)])


def read(content):
    translated, fork = translate_net(content)
    return messages.NetParameter.FromString(translated), fork


def test_caffes_own_bytes_are_left_alone():
    content = messages.NetParameter(
        layer=[{"name": "c", "type": "Convolution", "convolution_param": {"num_output": 2, "kernel_size": [3]}}]
    ).SerializeToString()
    assert translate_net(content) == (content, "")
    assert translate_net(b"") == (b"", "")


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_options_of_recurrent_layers_are_caffes_own(kind):
    net = messages.NetParameter()
    parameter = net.layer.add(name="a", type=kind).recurrent_param
    parameter.num_output = 16
    parameter.weight_filler.type = "uniform"
    assert translate_net(net.SerializeToString()) == (net.SerializeToString(), "")


def test_our_own_bytes_of_fork_layers_are_ours():
    net = messages.NetParameter(
        layer=[
            {"name": "a", "type": "ROIPooling", "roi_pooling_param": {"pooled_h": 7, "pooled_w": 6}},
            {"name": "b", "type": "SmoothL1Loss", "smooth_l1_loss_param": {"sigma": 3}},
            {"name": "c", "type": "Interp", "interp_param": {"height": 3}},
            {"name": "d", "type": "BN", "bn_param": {"momentum": 0.5}},
        ]
    )
    content = net.SerializeToString()
    assert translate_net(content)[0] is content, "not copied"
    assert read(content) == (net, "")


def test_ssd():
    net, fork = read(
        layer(b"perm", b"Permute", field(202, [field(1, 0), field(1, 2), field(1, 3), field(1, 1)]))
        + layer(b"norm", b"Normalize", field(206, [field(1, 0), field(3, 0)]))
        + layer(b"prior", b"PriorBox", field(203, [field(1, 30.0), field(2, 60.0), field(4, 1)]))
        + layer(b"out", b"DetectionOutput", field(204, [field(1, 21), field(2, 1)]))
    )
    assert list(net.layer[0].permute_param.order) == [0, 2, 3, 1]
    assert not net.layer[1].norm_param.across_spatial
    assert net.layer[2].prior_box_param.min_size[:] == [30]
    assert net.layer[3].detection_output_param.num_classes == 21
    assert all(layer.blobs[0].data[:] == [1, 2] for layer in net.layer)
    assert fork in ("", "NVIDIA/caffe", "eric612/MobileNet-YOLO", "intel/caffe")


BN_YJXIONG = field(137, [field(1, [field(2, 0.5)]), field(2, [field(2, 0.0)]), field(3, 0.75), field(5, 1)])
BN_PSPNET = field(152, [field(1, [field(2, 0.5)]), field(3, 0.75), field(5, 1)])
BN_SEGNET = field(45, [field(1, [field(2, 0.5)]), field(2, [field(2, 0.25)]), field(3, 1)])


@pytest.mark.parametrize("option", [BN_YJXIONG, BN_PSPNET], ids=["yjxiong", "PSPNet"])
def test_bn_stands_at_another_number_in_every_fork(option):
    net, _ = read(layer(b"bn", b"BN", option))
    options = net.layer[0].bn_param
    assert (options.slope_filler.value, options.momentum, options.frozen) == (0.5, 0.75, True)
    assert net.layer[0].blobs[0].data[:] == [1, 2]


def test_segnet():
    net, fork = read(
        layer(b"bn", b"BN", BN_SEGNET)
        + layer(b"up", b"Upsample", field(137, [field(1, 2), field(3, 60), field(4, 45)]))
    )
    assert fork == "alexgkendall/caffe-segnet"
    assert net.layer[0].bn_param.scale_filler.value == 0.5
    assert net.layer[1].HasField("upsample_param")
    assert not net.layer[1].HasField("bn_param")


def test_a_number_that_three_forks_give_to_three_fields():
    roi = [field(1, 7), field(2, 6), field(3, 0.0625)]
    for number in (150, 204, 147, 154, 8266711):
        net, _ = read(layer(b"roi", b"ROIPooling", field(number, roi)))
        assert net.layer[0].roi_pooling_param.pooled_h == 7, number
        assert [name.name for name, _ in net.layer[0].ListFields()] == ["name", "type", "blobs", "roi_pooling_param"]


def old_layer(*fields):
    return field(NET_LAYERS, [field(1, [*fields, field(50, BLOB)])])


def test_the_deeply_supervised_nets_fork(tmp_path):
    content = old_layer(
        field(1, b"drop"), field(2, b"dropout"), field(54, 1), field(55, 0), field(12, 0.25)
    ) + old_layer(field(1, b"m"), field(2, b"cccp"), field(3, 4), field(9, 2), field(56, b"power_inv"))
    net, fork = read(content)
    assert fork == "s9xie/DSN"
    assert net.layers[0].layer.mean_on_test
    assert not net.layers[0].layer.HasField("det_fg_threshold")
    assert list(net.layers[1].layer.blobs_lr_policy) == ["power_inv"]
    (tmp_path / "dsn").write_bytes(content)
    upgraded = read_weights_message(tmp_path / "dsn")
    assert [(layer.name, layer.type, layer.blobs[0].data[:]) for layer in upgraded.layer] == [
        ("drop", "Dropout", [1, 2]),
        ("m", "Convolution", [1, 2]),
    ]


def test_c3d():
    conv = field(6661, [field(1, 64), field(6, 3)])
    net, _ = read(layer(b"conv1a", b"Convolution3D", conv))
    assert net.layer[0].convolution3d_param.num_output == 64


@pytest.mark.parametrize(("number", "name"), [(40, "CROP"), (47, "BATCH_NORM"), (33, "SLICE")])
def test_types_of_old_layers(number, name):
    content = field(NET_LAYERS, [field(4, b"x"), field(5, number)])
    net, _ = read(content)
    assert messages.V1LayerParameter.LayerType.Name(net.layers[0].type) in (name, "DECISION_FOREST")


def test_raw_numbers_of_the_nvidia_fork(tmp_path):
    shape = field(7, [field(1, b"\x02")])
    blobs = [
        field(7, [shape, field(12, struct.pack("<2d", 1, 2)), field(10, 0)]),
        field(7, [shape, field(12, struct.pack("<2f", 1, 2)), field(10, 1)]),
        field(7, [shape, field(12, struct.pack("<2e", 1, 2)), field(10, 2)]),
    ]
    (tmp_path / "w").write_bytes(field(NET_LAYER, [field(1, b"c"), field(2, b"Convolution"), *blobs]))
    read = read_weights_message(tmp_path / "w").layer[0].blobs
    assert [list(blob.double_data or blob.data) for blob in read] == [[1, 2]] * 3
    assert not any(blob.HasField("raw_data") for blob in read)


def test_what_no_fork_knows_is_dropped():
    net, _ = read(layer(b"x", b"Mystery", field(777, b"\xff\xff"), field(888, 3)))
    assert [name.name for name, _ in net.layer[0].ListFields()] == ["name", "type", "blobs"]


def test_varints_and_what_is_no_message():
    for value in (0, 1, 127, 128, 300, 2**63):
        assert read_varint(varint(value), 0, 10) == (value, len(varint(value)))
    for content in (b"\x80", b"\x0b", b"\x0a\x05a", b"\x00\x01", b"\xff" * 11, b"\x09abc"):
        with pytest.raises(ValueError, match=r"number|group"):
            list(wire_fields(content, 0, len(content)))
    eight = field(1, 1)[:1].replace(b"\x08", b"\x09") + bytes(8)
    assert [entry.wire for entry in wire_fields(eight, 0, 9)] == [EIGHT_BYTES]


def test_damaged_bytes_end_in_an_error_of_the_family(tmp_path):
    whole = layer(b"bn", b"BN", BN_YJXIONG) + layer(b"perm", b"Permute", field(202, [field(1, 0)]))
    chance = random.Random(1)
    path, errors = tmp_path / "w", set()
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 2, 5))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.randrange(1, len(content) + 1)])
        try:
            read_weights_message(path)
        except PycaffeliteError as error:
            errors.add(str(error))
    assert all(errors)
