"""What forks add: that all of it reads from text, where it comes from, and what is said about it."""

from __future__ import annotations

import pytest

from pycaffelite.schema import dialects, messages
from pycaffelite.schema.fields import enum_numbers, message_plan
from pycaffelite.schema.fork_types import known_types
from pycaffelite.schema.printer import format_skipped
from pycaffelite.schema.problems import Findings, strict_problem
from pycaffelite.schema.reader import parse_net, parse_solver
from pycaffelite.schema.text import format_text, parse_text
from pycaffelite.schema.upgrade.types import current_type

ROWS = dialects.table()
FIELDS = [row for row in ROWS if row.label != "value"]
VALUES = {
    "string": '"a"', "bytes": '"a"', "bool": "true", "float": "1.5", "double": "1.5", "int32": "3", "int64": "3",
    "uint32": "3", "uint64": "3",
}  # fmt: skip


def message_of(name):
    outer, _, nested = name.partition(".")
    found = getattr(messages, outer)
    return getattr(found, nested) if nested else found


def enum_of(name):
    home, _, own = name.rpartition(".")
    holder = message_of(home).DESCRIPTOR.enum_types_by_name if home else messages._FILE.enum_types_by_name
    return holder[own]


def value_of(row):
    """Write a value of the form that this row gives its field."""
    if row.type in VALUES:
        return f": {VALUES[row.type]}"
    plan = message_plan(message_of(row.message).DESCRIPTOR).fields[row.name]
    own = row.type.lstrip(".").rpartition(".")[2]
    for form in (plan, *plan.others):
        if form.kind == "message" and form.message.name == own:
            return " { }"
        if form.kind == "enum" and form.descriptor.enum_type.name == own:
            return f": {list(enum_numbers(form.descriptor.enum_type))[-1]}"
    raise AssertionError(f"{row.message}.{row.name} has no form of type {row.type}")


ROWS_OF_ENUM: dict[str, list[dialects.ForkRow]] = {}
for entry in ROWS:
    if entry.label == "value":
        ROWS_OF_ENUM.setdefault(entry.message, []).append(entry)


@pytest.mark.parametrize("message", sorted({row.message for row in FIELDS}))
def test_every_field_of_every_fork_reads_from_text_and_prints(message):
    for row in FIELDS:
        if row.message != message:
            continue
        text = f"{row.name}{value_of(row)}"
        if row.label == "repeated":
            text = f"{text} {text}"
        findings = Findings()
        read, _ = parse_text(text, message_of(message), "n", findings)
        wrong = [str(problem) for problem in findings.problems if "known but does nothing" not in problem.what]
        wrong = [line for line in wrong if not line.startswith("note:")]
        twice = row.label == "repeated" and not message_plan(read.DESCRIPTOR).fields[row.name].repeated
        assert all("given twice" in line for line in wrong) if twice else not wrong, text
        assert row.name in format_text(read)


@pytest.mark.parametrize("enum", sorted(ROWS_OF_ENUM))
def test_every_value_of_every_enum_of_the_forks_is_known(enum):
    assert {row.name for row in ROWS_OF_ENUM[enum]} <= enum_numbers(enum_of(enum)).keys()


def test_origins():
    assert dialects.origin("LayerParameter", "permute_param") == (
        "NVIDIA/caffe",
        "eric612/MobileNet-YOLO",
        "intel/caffe",
        "happynear/caffe-windows",
    )
    assert dialects.origin("PoolingParameter", "pad") == ()
    assert dialects.origin("PoolingParameter", "pad__2") == ("dsisds/caffe-SPPNet",)
    assert dialects.origin("V1LayerParameter.LayerType", "CROP") == ("longjon/caffe", "s9xie/hed")
    assert dialects.origin("NoMessage", "x") == ()


def test_types_of_forks():
    types = known_types()
    assert types["Permute"][0] == "NVIDIA/caffe"
    assert types["ShuffleChannel"] == ("farmingyard/ShuffleNet",)
    assert list(types) == sorted(types, key=str.casefold)
    assert not {"", "Convolution", "LSTM", "Quantization"} & types.keys()


@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("Convolution", "Convolution"),
        ("CONVOLUTION", "Convolution"),
        ("conv", "Convolution"),
        ("Softmax_Loss", "Softmax_Loss"),
        ("softmaxwithloss", "SoftmaxWithLoss"),
        ("ROI_POOLING", "ROIPooling"),
        ("Lstm", "Lstm"),
        ("LSTM", "LSTM"),
        ("L2Norm", "L2Norm"),
    ],
)
def test_names_of_types(name, current):
    assert current_type(name) == current


def notes(text, read=parse_solver):
    return [str(note) for note in read(text, "n").notes]


def test_what_does_not_matter_on_a_cpu_is_a_quiet_note():
    assert notes("larc: true") == ["n:1:1: `larc` of the fork NVIDIA/caffe does not matter here"]
    parse_solver("larc: true", "n", strict_problem)
    assert notes("layer { convolution_param { engine: MKLDNN } }", parse_net) == [
        "n:1:29: MKLDNN of `engine` of the fork intel/caffe does not matter here"
    ]


def test_what_may_change_results_is_a_warning():
    assert notes("disabled_update: true") == [
        "n:1:1: warning: `disabled_update` of the fork intel/caffe is known but does nothing here: "
        "shapes or results may differ"
    ]


def test_a_message_of_a_layer_that_does_not_run_here_is_one_note():
    text = 'layer { type: "Accum" accum_param { top_height: 3 size_divisible_by: 2 } }'
    assert notes(text, parse_net) == [
        "n:1:23: `accum_param` of the fork lmb-freiburg/flownet2 is kept; no layer type here reads it"
    ]
    assert "top_height: 3" in format_text(parse_net(text).net)


def test_the_forks_of_a_file():
    assert parse_net("layer { accum_param { } }").forks == ("lmb-freiburg/flownet2",)
    assert parse_net("layer { pooling_param { pad: 1 } }").forks == ()
    assert parse_net('layer { type: "ShuffleChannel" } layer { type: "ReLU" }').forks == ("farmingyard/ShuffleNet",)
    assert parse_solver("disabled_update: true").forks == ("intel/caffe",)


def test_what_no_schema_has_is_remembered():
    file = parse_net('name: "n"\ncolour { a: "}" b: [1, 2] }\nlayer { shade: -1 name: "a" }')
    assert [(str(where), text) for where, text in file.skipped] == [
        ("<string>:2:1", 'colour { a: "}" b: [1, 2] }'),
        ("<string>:3:9", "shade: -1"),
    ]


def test_what_no_schema_has_is_written_as_comments():
    file = parse_net('colour {\n  a: 1\n}\nlayer { shade: -1 name: "a" }')
    text = format_text(file.net) + format_skipped(file.skipped)
    assert (
        text
        == """layer {
  name: "a"
}
# Left out, from line 1, because the schema does not have it:
#   colour {
#     a: 1
#   }
# Left out, from line 4, because the schema does not have it:
#   shade: -1
"""
    )
    assert parse_net(text).notes == ()


def test_forms_that_forks_disagree_on():
    both = parse_net('layer { param { lr_mult: 2 } param: "w" }').net.layer[0]
    assert [param.name for param in both.param] == ["w"]
    assert [param.lr_mult for param in both.param] == [2]
    file = parse_solver("device_id: [0, 1, 2]", "n")
    assert format_text(file.solver) == "device_id: 0\ndevice_id: 1\ndevice_id: 2\n"
    assert notes("device_id: [0, 1, 2]") == [
        "n:1:13: `device_id` of the fork yjxiong/caffe does not matter here (3 places)"
    ]
    assert parse_net("layer { pooling_param { kernel_size: 2.5 } }").net.layer[0].pooling_param.kernel_size__2 == 2.5
