from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pycaffelite.data.datum import datum_array, make_datum, read_datum
from pycaffelite.errors import DataError
from pycaffelite.schema import messages

PLACE = (Path("db"), b"00000007")
COLOR = np.random.default_rng(1).integers(0, 256, (5, 4, 3), np.uint8)  # height x width x red, green, blue


def encoded(image, form="PNG"):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form)
    return messages.Datum(data=stream.getvalue(), encoded=True, label=3)


def test_round_trip():
    image = np.arange(30, dtype=np.uint8).reshape(2, 3, 5)
    datum = read_datum(*PLACE, make_datum(image, -4))
    assert datum.label == -4
    np.testing.assert_array_equal(datum_array(*PLACE, datum), image)
    assert read_datum(*PLACE, make_datum(image[0], 1)).channels == 1


def test_floats():
    datum = messages.Datum(channels=2, height=1, width=2, float_data=[1, -2, 3.5, 4])
    array = datum_array(*PLACE, datum)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [[[1, -2]], [[3.5, 4]]])


def test_encoded_images_come_as_blue_green_red():
    np.testing.assert_array_equal(datum_array(*PLACE, encoded(COLOR)), COLOR[:, :, ::-1].transpose(2, 0, 1))
    gray = COLOR[:, :, 0]
    np.testing.assert_array_equal(datum_array(*PLACE, encoded(gray)), gray[None])


def test_forced_color_and_gray():
    gray = COLOR[:, :, 0]
    np.testing.assert_array_equal(datum_array(*PLACE, encoded(gray), force_color=True), np.stack([gray] * 3))
    got = datum_array(*PLACE, encoded(COLOR), force_gray=True).astype(float)
    assert got.shape == (1, 5, 4)
    np.testing.assert_allclose(got[0], COLOR @ [0.299, 0.587, 0.114], atol=1)


def test_alpha_is_a_fourth_plane_unless_colours_are_forced():
    alpha = np.dstack([COLOR, 255 - COLOR[:, :, 0]])
    got = datum_array(*PLACE, encoded(alpha))
    np.testing.assert_array_equal(got, alpha[:, :, [2, 1, 0, 3]].transpose(2, 0, 1))
    np.testing.assert_array_equal(datum_array(*PLACE, encoded(alpha), force_color=True), got[:3])
    gray = alpha[:, :, [0, 3]]
    np.testing.assert_array_equal(datum_array(*PLACE, encoded(gray)), gray[:, :, [0, 0, 0, 1]].transpose(2, 0, 1))


def test_sixteen_bits_are_cut_to_eight_where_colours_are_forced():
    deep = COLOR[:, :, 0].astype(np.uint16) * 256 + 255
    np.testing.assert_array_equal(datum_array(*PLACE, encoded(deep), force_gray=True), COLOR[None, :, :, 0])
    assert datum_array(*PLACE, encoded(deep), force_color=True).shape == (3, 5, 4)
    with pytest.raises(DataError) as error:
        datum_array(*PLACE, encoded(deep))
    assert error.value.got == "an encoded image of 16 bits a pixel, which force_gray would cut to 8"


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (b"\xff\xff\xff", "3 bytes that are no Datum message"),
        (b"", "a Datum without data (0 bytes)"),
        (messages.Datum(channels=1, height=2, width=2, data=b"abc"), "3 values for channels x height x width 1x2x2"),
        (
            messages.Datum(channels=-1, height=-3, width=1, data=b"abc"),
            "3 values for channels x height x width -1x-3x1",
        ),
        (messages.Datum(channels=2**31 - 1, height=2**31 - 1, width=9, data=b"a"), "1 values for channels x height x"),
        (messages.Datum(encoded=True, data=b"\x89PNG\r\n\x1a\nrest"), "an encoded image that cannot be decoded"),
    ],
)
def test_bad_records(value, got):
    value = value if isinstance(value, bytes) else value.SerializeToString()
    with pytest.raises(DataError) as error:
        datum_array(*PLACE, read_datum(*PLACE, value))
    assert error.value.what == "record `00000007` of `db` cannot be used"
    assert error.value.got.startswith(got)


def test_huge_encoded_image_takes_no_memory():
    datum = encoded(np.zeros((1, 1), np.uint8))
    header = bytearray(datum.data)
    header[16:24] = (9000).to_bytes(4, "big") * 2  # width and height of the PNG
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    with pytest.raises(DataError, match=r"9000x9000 pixels"):
        datum_array(*PLACE, messages.Datum(data=bytes(header), encoded=True))
