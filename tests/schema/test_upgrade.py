"""Upgrades: equal to the reference's, with notes, and with errors where the reference gives up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError, WiringError
from pycaffelite.schema import messages
from pycaffelite.schema.problems import strict_problem
from pycaffelite.schema.reader import parse_net, parse_solver, read_net, read_solver
from pycaffelite.schema.text import format_text, parse_text
from pycaffelite.schema.upgrade.types import TYPES

GOLDEN = Path(__file__).parents[1] / "golden" / "upgrade"
PAIRS = json.loads((GOLDEN / "index.json").read_text())["pairs"]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
def test_golden(pair):
    expected = (GOLDEN / pair["output"]).read_text()
    if pair["kind"] == "net":
        message, kind = read_net(GOLDEN / pair["input"]).net, messages.NetParameter
    else:
        message, kind = read_solver(GOLDEN / pair["input"]).solver, messages.SolverParameter
    assert format_text(message) == expected
    assert format_text(parse_text(expected, kind)[0]) == expected


def upgraded(text):
    return format_text(parse_net(text).net)


def test_current_text_stays_as_it_is():
    text = format_text(parse_net('layer { name: "a" type: "Data" data_param { scale: 2 } }').net)
    assert text == 'layer {\n  name: "a"\n  type: "Data"\n  data_param {\n    scale: 2\n  }\n}\n'


@pytest.mark.parametrize("name", TYPES)
def test_every_v1_type_has_a_name(name):
    assert upgraded(f"layers {{ type: {name} }}") == f'layer {{\n  type: "{TYPES[name]}"\n}}\n'


V0 = {
    "conv": ("Convolution", "convolution_param", "num_output: 2\nbias_term: false\npad: 1\nkernel_size: 3\ngroup: 2"),
    "innerproduct": ("InnerProduct", "inner_product_param", "num_output: 2\nbias_term: false"),
    "pool": ("Pooling", "pooling_param", "pool: STOCHASTIC\nkernel_size: 3\nstride: 2\npad: 1"),
    "dropout": ("Dropout", "dropout_param", "dropout_ratio: 0.3"),
    "lrn": ("LRN", "lrn_param", "local_size: 3\nalpha: 0.1\nbeta: 0.5\nk: 2"),
    "data": ("Data", "data_param", 'source: "s"\nbatch_size: 7\nrand_skip: 3'),
    "hdf5_data": ("HDF5Data", "hdf5_data_param", 'source: "s"\nbatch_size: 7'),
    "images": (
        "ImageData",
        "image_data_param",
        'source: "s"\nbatch_size: 7\nrand_skip: 3\nshuffle: true\nnew_height: 8\nnew_width: 9',
    ),
    "window_data": (
        "WindowData",
        "window_data_param",
        'source: "s"\nbatch_size: 7\nfg_threshold: 0.6\nbg_threshold: 0.4\nfg_fraction: 0.3\ncontext_pad: 2\n'
        'crop_mode: "square"',
    ),
    "infogain_loss": ("InfogainLoss", "infogain_loss_param", 'source: "s"'),
    "concat": ("Concat", "concat_param", "concat_dim: 0"),
    "hdf5_output": ("HDF5Output", "hdf5_output_param", 'file_name: "f"'),
}
V0_NAMES = {
    "bias_term": "biasterm",
    "kernel_size": "kernelsize",
    "batch_size": "batchsize",
    "shuffle": "shuffle_images",
    "fg_threshold": "det_fg_threshold",
    "bg_threshold": "det_bg_threshold",
    "fg_fraction": "det_fg_fraction",
    "context_pad": "det_context_pad",
    "crop_mode": "det_crop_mode",
}


@pytest.mark.parametrize("kind", V0)
def test_v0_options_move_to_the_message_of_their_type(kind):
    name, param, fields = V0[kind]
    pairs = [line.split(": ", 1) for line in fields.split("\n")]
    old = " ".join(f"{V0_NAMES.get(field, field)}: {value}" for field, value in pairs)
    if kind == "hdf5_output":
        old = f"hdf5_output_param {{ {old} }}"
    lines = [f"  {param} {{", *(f"    {line}" for line in fields.split("\n")), "  }"]
    assert upgraded(f'layers {{ layer {{ type: "{kind}" {old} }} }}') == "\n".join(
        ["layer {", f'  type: "{name}"', *lines, "}", ""]
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("accuracy", "Accuracy"),
        ("bnll", "BNLL"),
        ("euclidean_loss", "EuclideanLoss"),
        ("flatten", "Flatten"),
        ("im2col", "Im2col"),
        ("multinomial_logistic_loss", "MultinomialLogisticLoss"),
        ("relu", "ReLU"),
        ("sigmoid", "Sigmoid"),
        ("softmax", "Softmax"),
        ("softmax_loss", "SoftmaxWithLoss"),
        ("split", "Split"),
        ("tanh", "TanH"),
    ],
)
def test_v0_types_without_options(kind, name):
    assert upgraded(f'layers {{ layer {{ type: "{kind}" }} }}') == f'layer {{\n  type: "{name}"\n}}\n'


def test_v0_transformations_fillers_and_blobs():
    assert upgraded(
        """layers { layer { type: "data" name: "d" scale: 2 meanfile: "m" cropsize: 3 mirror: true
                     new_num: 3 new_channels: 4 } top: "x" }
        layers { layer { type: "conv" weight_filler { type: "xavier" } bias_filler { value: 1 } blobs { data: 1 }
                 blobs_lr: 3 weight_decay: 4 } bottom: "x" include { phase: TEST } }"""
    ) == upgraded(
        """layer { name: "d" type: "Data" top: "x" data_param {}
             transform_param { scale: 2 mirror: true crop_size: 3 mean_file: "m" } }
        layer { type: "Convolution" bottom: "x" param { lr_mult: 3 decay_mult: 4 } blobs { data: 1 }
             include { phase: TEST }
             convolution_param { weight_filler { type: "xavier" } bias_filler { value: 1 } } }"""
    ).replace("  data_param {\n  }\n", "")


@pytest.mark.parametrize("option", ["num_output: 3", "hdf5_output_param { }"])
def test_v0_options_of_another_type_are_left_out_with_a_note(option):
    file = parse_net(f'layers {{ layer {{ name: "r" type: "relu"\n{option} }} }}', "n")
    assert format_text(file.net) == 'layer {\n  name: "r"\n  type: "ReLU"\n}\n'
    note = next(note for note in file.notes if "no option" in note.what)
    assert note.what == f"`{option.split(':')[0].split()[0]}` is no option of layer `r` (relu) and was left out"
    assert str(note.where) == "n:2:1"


def test_v1_layers_may_stand_among_v0_layers():
    net = parse_net('layers { layer { type: "relu" } } layers { type: TANH name: "t" }')
    assert [layer.type for layer in net.net.layer] == ["ReLU", "TanH"]
    assert net.dialect == "V0"


def test_a_transformation_field_anywhere_makes_all_data_layers_have_both_messages():
    text = upgraded(
        "layers { type: DATA data_param { crop_size: 2 } } layers { type: IMAGE_DATA }"
        "layers { type: WINDOW_DATA window_data_param { mirror: true } transform_param { scale: 2 } }"
    )
    assert text == upgraded(
        """layer { type: "Data" transform_param { crop_size: 2 } data_param {} }
        layer { type: "ImageData" transform_param {} image_data_param {} }
        layer { type: "WindowData" transform_param { scale: 2 mirror: true } window_data_param {} }"""
    )


def test_transformations_in_a_current_layer_stay_without_effect():
    net = parse_net('layer { type: "Data" data_param { mirror: true } }')
    assert not net.net.layer[0].HasField("transform_param")
    assert [note.what for note in net.notes] == [
        "`mirror` in the `data_param` of a `layer` has no effect; write it in `transform_param`"
    ]


def test_inputs_with_shapes_come_first():
    assert upgraded('layer { name: "a" } input: "x" input: "y" input_shape { dim: 2 } input_shape {}') == upgraded(
        """layer { name: "input" type: "Input" top: "x" top: "y" input_param { shape { dim: 2 } shape {} } }
        layer { name: "a" }"""
    )


def test_inputs_without_a_shape_are_left_out():
    net = parse_net('input: "x"\nlayer { name: "a" }')
    assert format_text(net.net) == 'layer {\n  name: "a"\n}\n'
    assert [str(note) for note in net.notes] == ["<string>:1:1: `input` without a shape was left out"]


def test_inputs_without_a_shape_that_a_layer_reads_are_kept():
    net = parse_net('input: "x"\nlayer { name: "a" type: "ReLU" bottom: "x" top: "y" }')
    assert net.net.layer[0].type == "Input"
    assert not net.net.layer[0].HasField("input_param")
    assert [str(note) for note in net.notes] == ["<string>:1:1: `input` without a shape became a layer of type Input"]


def test_notes_are_told_once_with_the_first_place():
    net = read_net(GOLDEN / "v1_lenet.prototxt")
    assert net.dialect == "V1"
    assert [(note.what, note.where and note.where.line) for note in net.notes] == [
        ('layers of the V1 form, `layers { type: NAME }`, became `layer { type: "Name" }` (13 places)', 2),
        ("`scale` moved from `data_param` to `transform_param` (2 places)", 9),
        ("`blobs_lr` of the old form became `param { lr_mult }` (5 places)", 26),
    ]
    assert read_net(GOLDEN / "v2_current.prototxt").notes == ()
    assert read_net(GOLDEN / "v2_current.prototxt").dialect == "current"
    assert [note.what for note in read_net(GOLDEN / "v2_batchnorm.prototxt").notes] == [
        "the blobs of BatchNorm are statistics: their multipliers became 0 (6 places)"
    ]
    assert [note.what for note in read_solver(GOLDEN / "solver_adadelta.prototxt").notes] == [
        '`solver_type` became `type: "AdaDelta"`'
    ]


ERRORS = {
    "too few dimensions": (
        'input: "x" input: "y"\ninput_dim: 1',
        PrototxtError,
        """error: n:2:1: `input_dim` does not say the shape of every `input`
  expected: 4 times `input_dim` for each `input`: 8
  got:      1

hint: an input of other than four axes needs `input_shape { dim: ... }`""",
    ),
    "too few shapes": (
        'input: "x" input: "y"\ninput_shape { dim: 1 }',
        PrototxtError,
        """error: n:2:1: `input_shape` does not say the shape of every `input`
  expected: one `input_shape` for each `input`: 2
  got:      1""",
    ),
    "an unknown V0 bottom": (
        'input: "data" layers { layer { name: "r" type: "relu" }\nbottom: "date" }',
        WiringError,
        """error: n:2:1: layer `r` (relu): unknown bottom `date`
  expected: a top of a layer before it, or an `input` of the net

hint: did you mean `data`?""",
    ),
    "padding for a layer that has none": (
        'input: "x" layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }\n'
        'layers { layer { name: "r" type: "relu" } bottom: "p" }',
        WiringError,
        """error: n:2:1: layer `r` (relu): the padding layer `p` cannot become a `pad` here
  expected: a padding layer with one bottom and one top, read by a conv or pool layer with one bottom
  got:      1 bottoms and 1 tops, read by a layer with 1 bottoms""",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error(case):
    text, kind, expected = ERRORS[case]
    with pytest.raises(kind) as caught:
        parse_net(text, "n")
    assert str(caught.value) == expected


def test_both_types_of_a_solver():
    with pytest.raises(FieldError) as caught:
        parse_solver('type: "SGD"\nsolver_type: ADAM', "s", strict_problem)
    assert str(caught.value) == (
        """error: s:2:1: both `type` and the old `solver_type` are given
  expected: one of them, best `type: "SGD"`
  got:      `type: "SGD"` (line 1) and `solver_type: ADAM` (line 2)"""
    )


def test_the_type_of_a_solver_counts_more_than_the_old_one():
    file = parse_solver('type: "SGD"\nsolver_type: ADAM', "s")
    assert format_text(file.solver) == 'type: "SGD"\n'
    assert [str(note) for note in file.notes] == [
        's:2:1: warning: both `type` and the old `solver_type` are given; `type: "SGD"` counts'
    ]


def test_a_sink_that_keeps_problems_lets_the_upgrade_go_on():
    problems: list[PycaffeliteError] = []
    net = parse_net(
        """layer { name: "new" } layers { layer { name: "old" type: "relu" num_output: 3 } bottom: "x" }
        layers { layer { type: "odd" name: "last" } } input: "x" input: "y" input_dim: 3""",
        report=problems.append,
    ).net
    assert [layer.name for layer in net.layer] == ["new", "old", "last"]
    assert [problem.what for problem in problems] == [
        'layer `last`: "odd" is no layer type of the V0 form',
        "`input_dim` does not say the shape of every `input`",
    ]


DSN = """layers { layer { name: "c" type: "cccp" num_output: 4 group: 3 biasterm: false blobs_lr: 1 blobs_lr: 2
           blobs_lr_policy: "power_inv" blobs_lr_policy: "nothing" } bottom: "x" top: "c" }
layers { layer { name: "d" type: "dropout" dropout_ratio: 0.3 } bottom: "c" top: "c" }
layers { layer { name: "t" type: "dropout" mean_on_train: true } bottom: "c" top: "c" }
layers { layer { name: "loss" type: "squaredhingeloss" } bottom: "c" bottom: "y" }
layers { layer { name: "loss" type: "hingeloss" } bottom: "c" bottom: "y" }
input: "x" input: "y"
"""


def test_the_deeply_supervised_nets_fork():
    assert upgraded(DSN) == upgraded(
        """layer { name: "input" type: "Input" top: "x" top: "y" }
        layer { name: "c" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 1 lr_policy: "power_inv" }
             param { lr_mult: 2 lr_policy: "nothing" }
             convolution_param { num_output: 12 bias_term: false group: 3 kernel_size: 1 } }
        layer { name: "d" type: "Dropout" bottom: "c" top: "c" dropout_param { dropout_ratio: 0.3 mean_on_test: true } }
        layer { name: "t" type: "Dropout" bottom: "c" top: "c" dropout_param { mean_on_train: true } }
        layer { name: "loss" type: "HingeLoss" bottom: "c" bottom: "y" hinge_loss_param { norm: L2 } }
        layer { name: "loss" type: "HingeLoss" bottom: "c" bottom: "y" }"""
    )


def test_dropout_of_a_plain_old_net_is_left_alone():
    text = upgraded('layers { layer { type: "dropout" dropout_ratio: 0.5 } }')
    assert "mean_on_test" not in text


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("CROP", "Crop"),
        ("BN", "BN"),
        ("ROIPOOLING", "ROIPooling"),
        ("BATCH_NORM", "BatchNorm"),
        ("CONVOLUTION_SK", "ConvolutionSK"),
        ("NAMCWINDOW_DATA", "NAMCWindowData"),
        ("DECISION_FOREST", "DecisionForest"),
        ("RELU6", "ReLU6"),
        ("VIDEO_DATA", "VideoData"),
        ("CONVOLUTION3D", "Convolution3D"),
        ('"InnerProduct"', "InnerProduct"),
        ('"BatchNorm"', "BatchNorm"),
        ("CONVOLUTON", "CONVOLUTON"),
    ],
)
def test_types_of_forks_and_slips_in_the_v1_form(old, name):
    assert upgraded(f"layers {{ type: {old} }}") == f'layer {{\n  type: "{name}"\n}}\n'


def test_every_v1_type_of_the_forks_has_a_name():
    values = messages.V1LayerParameter.DESCRIPTOR.fields_by_name["type"].enum_type.values
    for value in values:
        name = value.name.partition("__")[0]
        text = upgraded(f"layers {{ type: {name} }}")
        if name != "NONE":
            assert f'type: "{name}"' not in text or name in ("LRN", "BNLL", "MVN", "BN"), name


def test_a_product_of_the_year_2013():
    assert upgraded("layers { type: ELTWISE_PRODUCT }") == upgraded(
        'layer { type: "Eltwise" eltwise_param { operation: PROD } }'
    )


def test_old_habits_in_the_current_form():
    assert upgraded(
        'layer { type: CONVOLUTION blobs_lr: 1 blobs_lr: 2 weight_decay: 3 param: "w" blobs_lr_policy: "step" }'
    ) == upgraded(
        """layer { type: "Convolution" param { name: "w" lr_mult: 1 decay_mult: 3 lr_policy: "step" }
             param { lr_mult: 2 } }"""
    )


def test_3d_layers_of_the_c3d_fork():
    assert upgraded(
        """layers { type: CONVOLUTION3D
             convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 4 pad: 1 temporal_pad: 2 } }
        layers { type: POOLING3D
             pooling_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }"""
    ) == upgraded(
        """layer { type: "Convolution3D"
             convolution3d_param { num_output: 2 kernel_size: 3 kernel_depth: 4 pad: 1 temporal_pad: 2 } }
        layer { type: "Pooling3D"
             pooling3d_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }"""
    )
    video = (
        'source: "l" mean_file: "m" batch_size: 2 crop_size: 8 mirror: 0 new_length: 16 show_data: 0 use_image: true '
        "shuffle: true"
    )
    file = parse_net(f"layers {{ type: VIDEO_DATA image_data_param {{ {video} }} }}")
    assert format_text(file.net) == upgraded(f'layer {{ type: "VideoData" video_data_param {{ {video} }} }}')
    assert not [note for note in file.notes if note.severity == "warning"]


def test_videos_of_the_c3d_fork():
    assert upgraded(
        """layers { type: VIDEO_DATA
             image_data_param { source: "a.lst" use_image: true mean_value: 128 batch_size: 3 crop_size: 112
               mirror: true show_data: 0 new_height: 128 new_width: 171 new_length: 16 shuffle: true
               sampling_rate: 2 } }"""
    ) == upgraded(
        """layer { type: "VideoData"
             video_data_param { source: "a.lst" use_image: true mean_value: 128 batch_size: 3 crop_size: 112
               mirror: true show_data: false new_height: 128 new_width: 171 new_length: 16 shuffle: true
               sampling_rate: 2 } }"""
    )


def test_inputs_of_other_than_four_axes():
    assert upgraded('input: "x" input: "y" input_dim: 2 input_dim: 3 input_dim: 4 input_dim: 5') == upgraded(
        'input: "x" input: "y" input_shape { dim: 2 dim: 3 } input_shape { dim: 4 dim: 5 }'
    )


def test_types_of_solvers_in_other_capitals():
    file = parse_solver("type: adam")
    assert file.solver.type == "Adam"
    assert [note.what for note in file.notes][1:] == ['`type: "adam"` is read as "Adam"']
    assert parse_solver('type: "Custom"').notes == ()
