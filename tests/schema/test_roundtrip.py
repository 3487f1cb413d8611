"""Whatever is printed reads back, and whatever is broken is refused in the one form of error."""

from __future__ import annotations

from contextlib import suppress

from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycaffelite.errors import PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.fields import message_plan
from pycaffelite.schema.reader import parse_net, parse_solver
from pycaffelite.schema.text import format_text, parse_text

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

SCALARS = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    "bytes": st.binary(max_size=6),
    "bool": st.booleans(),
    "float": st.floats(width=32, allow_nan=False),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
}


@st.composite
def message_of(draw, kind, depth=3):
    plan = message_plan(kind.DESCRIPTOR)
    message = kind()
    fields = [field for field in plan.fields.values() if depth or field.kind != "message"]
    chosen = draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda field: field.name)) if fields else []
    chosen += [plan.fields[name] for name in plan.required if plan.fields[name] not in chosen]
    for field in chosen:
        for _ in range(draw(st.integers(1, 2)) if field.repeated else 1):
            if field.kind == "message":
                inner = draw(message_of(getattr(messages, field.message.name), depth - 1))
                target = getattr(message, field.name)
                (target.add() if field.repeated else target).CopyFrom(inner)
                continue
            if field.kind == "enum":
                value = draw(st.sampled_from([item.number for item in field.descriptor.enum_type.values]))
            else:
                value = draw(SCALARS[field.kind])
            if field.repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message


ROOTS = st.sampled_from([messages.NetParameter, messages.LayerParameter, messages.SolverParameter, messages.Datum])


@QUICK
@given(ROOTS.flatmap(message_of))
def test_what_is_printed_reads_back(message):
    kind = type(message)
    assert parse_text(format_text(message), kind)[0] == message
    assert text_format.Parse(format_text(message), kind()) == message
    for one_line in (False, True):
        other = text_format.MessageToString(message, as_one_line=one_line)
        assert parse_text(other, kind)[0] == message


SEED = """name: "n" # c
layers { name: 'a' type: CONVOLUTION blobs_lr: [1, 2.5e-1] convolution_param < num_output: 0x1F pad: 1; > }
layers { layer { type: "conv" kernelsize: 3 } bottom: "\\303\\251" include: { phase: TEST } }
input: "x" input_dim: -1
"""
PIECES = ["{", "}", "<", ">", "[", "]", ":", ",", ";", "-", '"', "'", "#", "\\", "\n", "\0", "1e", "0x", "layer", "é"]


@QUICK
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SEED)), st.integers(0, 12), st.one_of(st.sampled_from(PIECES), st.text(max_size=3))
        ),
        min_size=1,
        max_size=4,
    )
)
def test_mutated_texts_are_read_or_refused(mutations):
    text = SEED
    for position, length, piece in mutations:
        text = text[:position] + piece + text[position + length :]
    for parse in (parse_net, parse_solver):
        with suppress(PycaffeliteError):
            parse(text)
        with suppress(PycaffeliteError):
            parse(text, "n", lambda problem: None)


@QUICK
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with suppress(PycaffeliteError):
        parse_net(text)
