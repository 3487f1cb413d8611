"""Places: of fields as they were written, and of the same fields after an upgrade."""

from __future__ import annotations

from pycaffelite.errors import Location
from pycaffelite.schema import messages
from pycaffelite.schema.reader import parse_net, parse_solver, wrap_net
from pycaffelite.schema.sourcemap import SourceMap
from pycaffelite.schema.text import parse_text

NET = """name: "n"
layer { name: "a" top: "x" }
layer {
  name: "b"
  bottom: ["x",
           "y"] pad_typo: 1
  convolution_param {
    kernel_size: 3 kernel_size: 5
  }
}
""".replace(" pad_typo: 1", "")


def place(source, *path):
    where = source.where(*path)
    return where.line, where.column


def test_every_occurrence_has_its_place():
    _, source = parse_text(NET, messages.NetParameter, "n.prototxt")
    assert source.where("name") == Location("n.prototxt", 1, 1)
    assert place(source, "layer", 0, "top", 0) == (2, 19)
    assert place(source, "layer", 1) == (3, 1)
    assert place(source, "layer", 1, "bottom", 1) == (6, 12)
    assert place(source, "layer", 1, "convolution_param") == (7, 3)
    assert place(source, "layer", 1, "convolution_param", "kernel_size", 1) == (8, 20)
    assert place(source, "layer", -1, "name") == (4, 3)


def test_an_index_may_be_left_out():
    _, source = parse_text(NET, messages.NetParameter)
    assert place(source, "layer") == (2, 1)
    assert place(source, "layer", 1, "convolution_param", "kernel_size") == (8, 5)


def test_what_is_not_written_stands_at_its_nearest_ancestor():
    _, source = parse_text(NET, messages.NetParameter)
    assert place(source, "layer", 1, "convolution_param", "stride", 0) == (7, 3)
    assert place(source, "layer", 1, "pooling_param", "pad") == (3, 1)
    assert place(source, "layer", 1, "name", "deeper") == (4, 3)
    assert source.where("layer", 7) == Location("<string>")
    assert source.where() == Location("<string>")


def test_a_value_from_elsewhere_has_its_own_place():
    file = parse_solver("base_lr: 1\nmax_iter: 2", "s.prototxt")
    file.source.override("base_lr", "--set base_lr=3")
    assert str(file.source.where("base_lr")) == "--set base_lr=3"
    assert str(file.source.where("max_iter")) == "s.prototxt:2:1"


def test_a_part_is_a_map_of_its_own():
    _, source = parse_text("base_lr: 1\nnet_param {\n  layer { name: 'a' }\n}", messages.SolverParameter, "s")
    part = source.part("net_param")
    assert part.where("layer", 0, "name") == Location("s", 3, 11)
    assert part.where("state") == Location("s", 2, 1)
    assert source.part("train_net_param").where("layer", 0) == Location("s")


def test_a_map_without_a_text_knows_only_the_path():
    assert SourceMap("w.caffemodel").where("layer", 3) == Location("w.caffemodel")


V1 = """input: "in"
input_dim: 1 input_dim: 2
input_dim: 3 input_dim: 4
layers {
  name: "d" type: DATA
  data_param {
    scale: 2
    batch_size: 3
  }
}
layers {
  name: "c" type: CONVOLUTION bottom: "in" top: "c"
  blobs_lr: 1
  blobs_lr: 2
  param: "w"
  convolution_param { kernel_size: 3 }
}
"""


def test_a_v1_layer_keeps_its_places():
    source = parse_net(V1).source
    assert place(source, "layer", 2) == (11, 1)
    assert place(source, "layer", 2, "type") == (12, 13)
    assert place(source, "layer", 2, "param", 0, "lr_mult") == (13, 3)
    assert place(source, "layer", 2, "param", 0, "name") == (15, 3)
    assert place(source, "layer", 2, "param", 1) == (14, 3)
    assert place(source, "layer", 2, "convolution_param", "kernel_size", 0) == (16, 23)
    assert place(source, "layer", 1, "transform_param", "scale") == (7, 5)
    assert place(source, "layer", 1, "data_param", "batch_size") == (8, 5)


def test_the_input_layer_stands_where_the_inputs_were_written():
    source = parse_net(V1).source
    assert place(source, "layer", 0) == (1, 1)
    assert place(source, "layer", 0, "top", 0) == (1, 1)
    assert place(source, "layer", 0, "input_param", "shape", 0) == (2, 1)
    assert place(source, "layer", 0, "input_param", "shape", 0, "dim", 2) == (3, 1)


def test_a_v0_layer_keeps_its_places():
    source = parse_net(
        """input: "x" input_shape { dim: 1 }
layers { layer { name: "p" type: "padding"
                 pad: 2 } bottom: "x" top: "p" }
layers {
  layer {
    name: "c"
    type: "conv"
    kernelsize: 5
    blobs_lr: 2
  }
  bottom: "p" top: "c"
}"""
    ).source
    assert place(source, "layer", 1) == (4, 1)
    assert place(source, "layer", 1, "name") == (6, 5)
    assert place(source, "layer", 1, "type") == (7, 5)
    assert place(source, "layer", 1, "convolution_param", "kernel_size", 0) == (8, 5)
    assert place(source, "layer", 1, "convolution_param", "pad", 0) == (3, 18)
    assert place(source, "layer", 1, "param", 0, "lr_mult") == (9, 5)
    assert place(source, "layer", 1, "bottom", 0) == (11, 3)
    assert place(source, "layer", 0, "input_param", "shape", 0, "dim", 0) == (1, 26)


def test_a_net_in_a_solver_keeps_its_places():
    file = parse_solver(
        "test_net_param {}\ntest_net_param {\n  layers { type: RELU\n name: 'r' } }\nsolver_type: ADAM", "s"
    )
    net = wrap_net(file.solver.test_net_param[1], file, "test_net_param", 1)
    assert net.net.layer[0].type == "ReLU"
    assert net.source.where("layer", 0, "name") == Location("s", 4, 2)
    assert net.dialect == "V1"
    assert file.solver.test_net_param[1].layers[0].name == "r"
    assert file.source.where("type") == Location("s", 5, 1)
