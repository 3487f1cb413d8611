from __future__ import annotations

import pytest
from google.protobuf import text_format

from pycaffelite.errors import FieldError, Location
from pycaffelite.graph.phase import State, belongs
from pycaffelite.schema import messages


def layer(text: str):
    return text_format.Parse(f'name: "l" type: "ReLU" {text}', messages.LayerParameter())


@pytest.mark.parametrize(
    ("rules", "state", "expected"),
    [
        ("", State("TRAIN"), True),
        ("include { phase: TRAIN }", State("TRAIN"), True),
        ("include { phase: TRAIN }", State("TEST"), False),
        ("exclude { phase: TRAIN }", State("TRAIN"), False),
        ("exclude { phase: TRAIN }", State("TEST"), True),
        ("include { }", State("TEST"), True),
        ("exclude { }", State("TEST"), False),
        ("include { min_level: 2 }", State("TRAIN", 1), False),
        ("include { min_level: 2 }", State("TRAIN", 2), True),
        ("include { max_level: 2 }", State("TRAIN", 3), False),
        ("include { min_level: 1 max_level: 3 }", State("TRAIN", 2), True),
        ('include { stage: "a" }', State("TRAIN"), False),
        ('include { stage: "a" stage: "b" }', State("TRAIN", 0, {"a"}), False),
        ('include { stage: "a" stage: "b" }', State("TRAIN", 0, {"a", "b", "c"}), True),
        ('include { not_stage: "a" }', State("TRAIN", 0, {"a"}), False),
        ('include { not_stage: "a" }', State("TRAIN", 0, {"b"}), True),
        ('include { phase: TEST } include { stage: "a" }', State("TRAIN", 0, {"a"}), True),
        ('exclude { phase: TEST } exclude { stage: "a" }', State("TRAIN", 0, {"a"}), False),
    ],
)
def test_rules(rules: str, state: State, expected: bool) -> None:
    assert belongs(layer(rules), state, None) is expected


def test_include_and_exclude_together_are_refused() -> None:
    with pytest.raises(FieldError) as caught:
        belongs(layer("include { phase: TRAIN } exclude { phase: TEST }"), State(), Location("n.prototxt", 3))
    assert str(caught.value) == (
        "error: n.prototxt:3: layer `l` (ReLU): a layer cannot have both include and exclude rules\n"
        "  expected: only `include` or only `exclude`\n"
        "  got:      1 include and 1 exclude\n"
        "\n"
        "hint: state the cases in which the layer is wanted as `include` rules alone"
    )
