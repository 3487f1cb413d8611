"""The exact words of the parser's errors about values."""

from __future__ import annotations

import pytest

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.problems import strict_problem
from pycaffelite.schema.text import parse_text

CASES = {
    "a misspelt enum value": (
        "layer { data_param { backend: LEVELBD } }",
        """error: net.prototxt:1:31: unknown value of DB for `backend`
  expected: LEVELDB, LMDB
  got:      LEVELBD

hint: did you mean `LEVELDB`?""",
    ),
    "a number that is no enum value": (
        "layer { pooling_param { pool: 99 } }",
        """error: net.prototxt:1:31: unknown value of PoolMethod for `pool`
  expected: MAX, AVE, STOCHASTIC
  got:      99""",
    ),
    "an enum value in quotes": (
        'layer { pooling_param { pool: "AVE" } }',
        """error: net.prototxt:1:31: `pool` has a value of the wrong kind
  expected: MAX, AVE, STOCHASTIC
  got:      "AVE"

hint: write AVE without the quotes""",
    ),
    "a text without quotes": (
        "layer { type: Convolution }",
        """error: net.prototxt:1:15: `type` has a value of the wrong kind
  expected: a text in quotes
  got:      Convolution

hint: write it in quotes: "Convolution\"""",
    ),
    "a number in quotes": (
        'layer { loss_weight: "1" }',
        """error: net.prototxt:1:22: `loss_weight` has a value of the wrong kind
  expected: a number
  got:      "1"

hint: write it without the quotes""",
    ),
    "a number with a unit": (
        "layer { loss_weight: 1px }",
        """error: net.prototxt:1:22: `loss_weight` has a value of the wrong kind
  expected: a number
  got:      1px""",
    ),
    "a fraction of a pixel": (
        "layer { lrn_param { local_size: 1.5 } }",
        """error: net.prototxt:1:33: `local_size` has a value of the wrong kind
  expected: a whole number from 0 to 4294967295
  got:      1.5

hint: write it without a decimal point or exponent""",
    ),
    "more than an unsigned number holds": (
        "layer { inner_product_param { num_output: 4294967296 } }",
        """error: net.prototxt:1:43: number out of range for `num_output`
  expected: a whole number from 0 to 4294967295
  got:      4294967296""",
    ),
    "less than an unsigned number holds": (
        "layer { inner_product_param { num_output: -1 } }",
        """error: net.prototxt:1:43: number out of range for `num_output`
  expected: a whole number from 0 to 4294967295
  got:      -1""",
    ),
    "more than a number holds": (
        "layer { concat_param { axis: 2147483648 } }",
        """error: net.prototxt:1:30: number out of range for `axis`
  expected: a whole number from -2147483648 to 2147483647
  got:      2147483648""",
    ),
    "a wrong truth": (
        "force_backward: TRUE",
        """error: net.prototxt:1:17: `force_backward` has a value of the wrong kind
  expected: true or false
  got:      TRUE

hint: write true""",
    ),
    "a bad escape": (
        r'name: "C:\dir"',
        r"""error: net.prototxt:1:7: `name` has a value of the wrong kind
  expected: an escape that text format knows
  got:      "C:\dir"

hint: write \\ for a backslash""",
    ),
    "bytes that are no text": (
        r'name: "\377"',
        r"""error: net.prototxt:1:7: `name` has a value of the wrong kind
  expected: a text whose escapes make valid UTF-8
  got:      "\377" """.rstrip(),
    ),
    "an open text": (
        'name: "a\nlayer { }',
        """error: net.prototxt:1:7: this text is not closed on its line
  got:      `"a`

hint: write the closing \"""",
    ),
    "no value": (
        "layer { name: }",
        """error: net.prototxt:1:15: `name` has no value
  expected: a text in quotes
  got:      `}`""",
    ),
    "the end instead of a value": (
        "layer { name:",
        """error: net.prototxt:1:14: `name` has no value
  expected: a text in quotes
  got:      the end of the file""",
    ),
    "a list for a single field": (
        'layer { name: ["a"] }',
        """error: net.prototxt:1:15: `name` takes one value, not a list
  expected: a text in quotes
  got:      `[`""",
    ),
    "a list without commas": (
        "layer { loss_weight: [1 2] }",
        """error: net.prototxt:1:25: a list goes on without a comma
  expected: `,` or `]`
  got:      `2`""",
    ),
    "a value for a block": (
        "layer { pooling_param: 3 }",
        """error: net.prototxt:1:24: `pooling_param` is a block of fields
  expected: `pooling_param { ... }`
  got:      `3`""",
    ),
    "a block for a value": (
        "layer { name { } }",
        """error: net.prototxt:1:14: no colon after `name`
  expected: `name: VALUE`
  got:      `{`""",
    ),
    "a block after a colon for a value": (
        "layer { name: { } }",
        """error: net.prototxt:1:15: `name` takes a value, not a block
  expected: a text in quotes
  got:      `{`""",
    ),
    "curly quotes": (
        "name: \u201cLeNet\u201d",
        """error: net.prototxt:1:7: curly quotation marks stand around this text
  got:      `\u201cLeNet\u201d`

hint: a word processor put them there; use the plain ones""",
    ),
    "a zero byte": (
        "name\0",
        """error: net.prototxt:1:5: unreadable character
  expected: `name: VALUE`
  got:      the character U+0000

hint: the file looks binary; a prototxt is plain UTF-8 text""",
    ),
    "half a character": (
        'name: "\ud800"',
        """error: net.prototxt:1:8: the text holds half a character
  got:      '\\ud800'""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_error(case):
    text, expected = CASES[case]
    with pytest.raises(PycaffeliteError) as caught:
        parse_text(text, messages.NetParameter, "net.prototxt", strict_problem)
    assert str(caught.value) == expected
    about_fields = ("unknown ", "`pool` has")
    assert isinstance(caught.value, FieldError if any(sign in expected for sign in about_fields) else PrototxtError)


def test_a_long_value_is_shortened():
    with pytest.raises(PrototxtError) as caught:
        parse_text(f'force_backward: "{"x" * 500}"', messages.NetParameter)
    assert len(caught.value.got or "") == 63
