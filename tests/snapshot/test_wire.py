import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pycaffelite.schema import messages
from pycaffelite.snapshot import wire

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
FLOATS = hnp.arrays(np.float32, SHAPES) | hnp.arrays(np.float64, SHAPES)


@given(FLOATS, st.booleans())
def test_blobs_are_what_the_message_class_would_write(array, with_diff):
    encoded = b"".join(bytes(chunk) for chunk in wire.blob_chunks(array, array if with_diff else None))
    message = messages.BlobProto.FromString(encoded)
    assert message.SerializeToString() == encoded
    assert wire.blob_shape(message) == array.shape
    values = wire.blob_values(message)
    np.testing.assert_array_equal(values, array.reshape(-1))
    assert not array.size or values.dtype == array.dtype


@given(st.text(max_size=5), st.integers(0, 3), st.booleans())
def test_blobs_go_between_the_fields(name, count, late_field):
    layer = messages.LayerParameter(name=name, type="Scale")
    if late_field:
        layer.phase = messages.TEST
        layer.scale_param.bias_term = True
    blob = wire.blob_chunks(np.arange(3, dtype=np.float32))
    encoded = b"".join(bytes(c) for c in wire.insert_blobs(layer.SerializeToString(), 7, [blob] * count))
    layer.blobs.extend([messages.BlobProto(data=[0, 1, 2], shape=messages.BlobShape(dim=[3]))] * count)
    assert encoded == layer.SerializeToString()


def test_legacy_shape():
    blob = messages.BlobProto(num=1, channels=2)
    assert wire.is_legacy(blob)
    assert wire.blob_shape(blob) == (1, 2, 0, 0)
    assert not wire.is_legacy(messages.BlobProto(shape=messages.BlobShape(dim=[2])))
