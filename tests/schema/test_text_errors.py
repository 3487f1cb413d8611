"""The exact words of the parser's errors about blocks and fields."""

from __future__ import annotations

import pytest

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.problems import strict_problem
from pycaffelite.schema.text import parse_text

LECTURE = """layers {
  name: "ip2"
  inner_product_param {
    num_output: 10
 }
}
layers {
  name: "loss"
}
}
"""

CASES = {
    "the stray brace of the lecture": (
        LECTURE,
        """error: net.prototxt:10:1: stray `}`: every block is already closed
  expected: the end of the file
  got:      one more `}` after the one on line 9, which closed `layers` (opened on line 7)

hint: delete line 10; then the file reads to its end""",
    ),
    "a stray brace before other layers": (
        "layer { } }\nlayer { }",
        """error: net.prototxt:1:11: stray `}`: every block is already closed
  expected: a field, or the end of the file
  got:      one more `}` after the one on line 1, which closed `layer` (opened on line 1)

hint: delete this `}`, or look for a block before it that is closed too early""",
    ),
    "nothing but a brace": (
        "\n}",
        """error: net.prototxt:2:1: stray `}`: every block is already closed
  expected: the end of the file
  got:      a `}` although no block was opened before it

hint: delete line 2; then the file reads to its end""",
    ),
    "a missing brace": (
        'name: "n"\nlayer {\n  pooling_param { pad: 1 }\n',
        """error: net.prototxt:2:1: the block `layer` that opens here is never closed
  expected: a `}` for it
  got:      the end of the file (line 4)

hint: the file may be cut off, or a closing brace is missing in this block or in one before it""",
    ),
    "the wrong brace": (
        'layer <\n  name: "a" }',
        """error: net.prototxt:2:13: no field can begin here
  expected: a field of `layer`, or its closing `>`
  got:      `}`

hint: `layer` was opened on line 1 and closes with `>`""",
    ),
    "a misspelt field": (
        "layer { pooling_param { kernal_size: 3 } }",
        """error: net.prototxt:1:25: unknown field `kernal_size` in `pooling_param` (PoolingParameter)

hint: did you mean `kernel_size`, `kernel_w` or `kernel_h`?""",
    ),
    "a field that only the block outside has": (
        'layer {\n  pooling_param {\n    pad: 1\n  bottom: "a"\n}',
        """error: net.prototxt:4:3: unknown field `bottom` in `pooling_param` (PoolingParameter)

hint: `bottom` is a field of `layer`; is the closing brace of `pooling_param`, opened on line 2, missing before it?""",
    ),
    "a layer in a layer": (
        "layer {\nlayer {",
        """error: net.prototxt:1:1: the block `layer` that opens here is not closed
  expected: a `}` for it before line 2
  got:      `layer` on line 2, which cannot stand inside it""",
    ),
    "a field that belongs further in": (
        "layer { dropout_ratio: 0.5 }",
        """error: net.prototxt:1:9: unknown field `dropout_ratio` in `layer` (LayerParameter)

hint: `dropout_ratio` belongs inside `dropout_param`""",
    ),
    "a field that belongs into many blocks": (
        "layer { num_output: 5 }",
        """error: net.prototxt:1:9: unknown field `num_output` in `layer` (LayerParameter)

hint: `num_output` belongs inside `convolution_param`, `inner_product_param`, `embed_param`, ...""",
    ),
    "a misspelt field that belongs further in": (
        "layer { dropout_ration: 0.5 }",
        """error: net.prototxt:1:9: unknown field `dropout_ration` in `layer` (LayerParameter)

hint: did you mean `dropout_param`?""",
    ),
    "a solver": (
        "base_lr: 0.01",
        """error: net.prototxt:1:1: unknown field `base_lr` in NetParameter

hint: `base_lr` is a field of a solver; is this file a solver?""",
    ),
    "a field twice": (
        'layer {\n  name: "a"\n  name: "b"\n}',
        """error: net.prototxt:3:3: `name` is given twice in one `layer`
  expected: one `name`
  got:      another one on line 2

hint: keep the one you mean; a second block of the same kind may lack its own opening line""",
    ),
    "a block twice": (
        "layer {\n  pooling_param { }\n  pooling_param { }\n}",
        """error: net.prototxt:3:3: `pooling_param` is given twice in one `layer`
  expected: one `pooling_param`
  got:      another one on line 2

hint: keep the one you mean; a second block of the same kind may lack its own opening line""",
    ),
    "no colon": (
        'layer { name "a" }',
        """error: net.prototxt:1:14: no colon after `name`
  expected: `name: VALUE`
  got:      `"a"`""",
    ),
    "two separators": (
        'bottom: "a"'.join(["layer { ", ",, }"]),
        """error: net.prototxt:1:21: no field can begin here
  expected: a field of `layer`, or its closing `}`
  got:      `,`

hint: one separator after a value is enough""",
    ),
    "an extension": (
        "[caffe.x]: 1",
        """error: net.prototxt:1:1: no field can begin here
  expected: a field of `NetParameter`
  got:      `[`

hint: protobuf extensions are not part of Caffe's schema""",
    ),
    "a nameless block": (
        "{ }",
        """error: net.prototxt:1:1: no field can begin here
  expected: a field of `NetParameter`
  got:      `{`

hint: a block needs the name of its field before it""",
    ),
    "a number first": (
        "3: 4",
        """error: net.prototxt:1:1: no field can begin here
  expected: a field of `NetParameter`
  got:      `3`

hint: field names begin with a letter""",
    ),
    "a comment of another language": (
        "// LeNet",
        """error: net.prototxt:1:1: this comment is of another language
  got:      `// LeNet`

hint: comments begin with #""",
    ),
    "a required field left out": (
        "layer {\n  clip_param { min: 1 }\n}",
        """error: net.prototxt:2:3: `clip_param` lacks `max`
  expected: a value for each of `min`, `max`""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_error(case):
    text, expected = CASES[case]
    with pytest.raises(PycaffeliteError) as caught:
        parse_text(text, messages.NetParameter, "net.prototxt", strict_problem)
    assert str(caught.value) == expected
    about_fields = ("unknown ", "lacks `")
    assert isinstance(caught.value, FieldError if any(sign in expected for sign in about_fields) else PrototxtError)
