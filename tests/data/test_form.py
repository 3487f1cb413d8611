from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.data.datum import make_datum
from pycaffelite.data.form import Form
from pycaffelite.data.records import Records
from pycaffelite.schema import messages

RANDOM = np.random.default_rng(3)


def image(*shape):
    return RANDOM.integers(0, 256, shape, np.uint8)


def form(value):
    return Form.of(value, messages.Datum.FromString(value))


def read(form, *values):
    """Return the images and labels of records in two pieces, or None."""
    pieces = [Records.of([(b"key", value)]) for value in values[:1]]
    pieces += [Records.of([(b"key", value) for value in values[1:]])] if len(values) > 1 else []
    images, labels = np.zeros((len(values), *form.shape), np.uint8), np.zeros(len(values), np.int32)
    return (images, labels) if form.read(pieces, images, labels) else None


@pytest.mark.parametrize("ending", [b"", b"\x38\x00"])
@pytest.mark.parametrize("shape", [(1, 2, 3), (3, 16, 16), (1, 1, 1)])
def test_it_reads_what_the_parser_reads(shape, ending):
    values = [make_datum(image(*shape), label) + ending for label in (0, 5, 127)]
    images, labels = read(form(values[0]), *values)
    assert labels.tolist() == [0, 5, 127]
    for n, value in enumerate(values):
        assert messages.Datum.FromString(value).data == images[n].tobytes()
    assert images.shape[1:] == shape


@pytest.mark.parametrize(
    "value",
    [
        make_datum(image(1, 2, 2), 128),
        make_datum(image(1, 2, 2), -1),
        make_datum(image(1, 2, 2), 1) + b"\x28\x02",  # a second label, which is the one that counts
        make_datum(image(1, 2, 2), 1) + b"\x38\x01",
        make_datum(image(1, 2, 2), 1) + b"\x48\x01",  # a field that nobody knows
        b"\x28\x01" + make_datum(image(1, 2, 2), 1),
        messages.Datum(channels=1, height=2, width=2, data=b"abcd").SerializeToString(),
        messages.Datum(channels=1, height=2, width=3, data=b"abcd", label=1).SerializeToString(),
        messages.Datum(channels=-1, height=-2, width=2, data=b"abcd", label=1).SerializeToString(),
        messages.Datum(channels=1, height=1, width=1, float_data=[1], label=1).SerializeToString(),
        messages.Datum(height=2, width=2, data=b"abcd", label=1).SerializeToString(),
    ],
)
def test_what_has_no_form(value):
    assert form(value) is None


@pytest.mark.parametrize(
    "other",
    [
        make_datum(image(1, 3, 2), 1),
        make_datum(image(1, 2, 3), 1)[:-1] + b"\x80",
        make_datum(image(1, 2, 3), 1)[:-1],
        make_datum(image(1, 2, 3), 1)[:-2] + b"\x30\x01",
        make_datum(image(1, 2, 3), 300),
        b"\x08\x02" + make_datum(image(1, 2, 3), 1)[2:],
        b"",
    ],
)
def test_a_record_of_another_form(other):
    value = make_datum(image(1, 2, 3), 1)
    assert read(form(value), value, value) is not None
    assert read(form(value), value, other) is None
    assert read(form(value), other) is None


def test_every_byte_that_is_not_a_pixel_counts():
    value = make_datum(image(1, 2, 3), 1) + b"\x38\x00"
    made = form(value)
    start = value.index(b"\x22\x06") + 2
    for place in {*range(len(value))} - {*range(start, start + 6), len(value) - 3}:
        other = bytearray(value)
        other[place] ^= 0x40
        assert read(made, bytes(other)) is None, place
