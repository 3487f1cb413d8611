from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pycaffelite.data.images import ImageFolder, Kept, read_image, read_labels, resize, resize_labels
from pycaffelite.errors import DataError

RANDOM = np.random.default_rng(2)


def between(image, size):
    """Bilinear interpolation between pixel centres, in floats, from the definition."""
    out = image.astype(float)
    for axis, target in ((1, size[0]), (2, size[1])):
        length = out.shape[axis]
        places = np.clip((np.arange(target) + 0.5) * length / target - 0.5, 0, length - 1)
        first = np.floor(places).astype(int)
        weight = (places - first).reshape([-1 if a == axis else 1 for a in range(3)])
        behind = np.minimum(first + 1, length - 1)
        out = out.take(first, axis) * (1 - weight) + out.take(behind, axis) * weight
    return out


@pytest.mark.parametrize("size", [(7, 9), (25, 33), (5, 14), (20, 28), (1, 1), (10, 14)])
def test_resizing_is_bilinear_within_one_grey_level(size):
    image = RANDOM.integers(0, 256, (3, 10, 14)).astype(np.uint8)
    assert np.abs(resize(image, size) - between(image, size)).max() <= 1


def test_a_plain_image_stays_plain_in_every_size():
    for value in (0, 1, 128, 255):
        image = np.full((1, 5, 7), value, np.uint8)
        assert (resize(image, (13, 4)) == value).all()


def test_labels_are_picked_and_never_mixed():
    image = RANDOM.integers(0, 256, (1, 4, 6)).astype(np.uint8)
    rows, columns = [0, 0, 1, 2, 3], [0, 1, 3, 4]
    np.testing.assert_array_equal(resize_labels(image, (5, 4)), image[:, rows][:, :, columns])
    np.testing.assert_array_equal(resize_labels(image, (8, 12)), image.repeat(2, 1).repeat(2, 2))


def save(path: Path, array, mode=None):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


def test_colour_is_blue_green_red(tmp_path):
    pixels = RANDOM.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    path = save(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_image(path, color=True), pixels.transpose(2, 0, 1)[::-1])
    gray = read_image(path, color=False)
    assert gray.shape == (1, 4, 5)
    assert np.abs(gray[0] - pixels @ [0.299, 0.587, 0.114]).max() <= 1


def test_grey_and_transparent_images(tmp_path):
    gray = RANDOM.integers(0, 256, (4, 5)).astype(np.uint8)
    path = save(tmp_path / "g.png", gray)
    np.testing.assert_array_equal(read_image(path, color=True), np.stack([gray] * 3))
    np.testing.assert_array_equal(read_image(path, color=False), gray[None])
    pixels = RANDOM.integers(0, 256, (4, 5, 4)).astype(np.uint8)
    np.testing.assert_array_equal(
        read_image(save(tmp_path / "t.png", pixels), color=True), pixels.transpose(2, 0, 1)[2::-1]
    )


def test_jpeg_is_read_within_two_levels(tmp_path):
    pixels = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg", color=True).astype(int)
    assert np.abs(image - np.array([50, 100, 200])[:, None, None]).max() <= 2


def test_labels_with_a_palette_are_its_indices(tmp_path):
    indices = RANDOM.integers(0, 3, (4, 5)).astype(np.uint8)
    image = Image.new("P", (5, 4))
    image.putdata(indices.ravel().tolist())
    image.putpalette([10, 200, 30, 250, 0, 90, 7, 7, 7])
    image.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "p.png"), indices[None])
    np.testing.assert_array_equal(read_labels(save(tmp_path / "g.png", indices)), indices[None])


def test_names_follow_the_root(tmp_path, monkeypatch):
    (tmp_path / "set" / "images").mkdir(parents=True)
    path = save(tmp_path / "set" / "images" / "a.png", np.zeros((2, 2), np.uint8))
    monkeypatch.chdir(tmp_path)
    for root, name in (
        ("set", "/images/a.png"),
        ("set/", "images/a.png"),
        ("set", "images/a.png"),
        ("set/im", "ages/a.png"),
        ("", str(path)),
        ("set", str(path)),
    ):
        assert ImageFolder(root, Path("elsewhere")).locate(name).samefile(path)
    assert ImageFolder("images/", tmp_path / "set").locate("a.png").samefile(path)


def test_a_missing_image(tmp_path):
    with pytest.raises(DataError, match="an image does not exist") as caught:
        ImageFolder("x", tmp_path).locate("a.png")
    assert str(tmp_path / "x" / "a.png") in caught.value.expected


@pytest.mark.parametrize("read", [read_labels, lambda path: read_image(path, color=True)])
def test_what_is_no_image(tmp_path, read):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(DataError, match="an image cannot be read") as caught:
        read(tmp_path / "a.png")
    assert str(tmp_path / "a.png") in caught.value.got


def test_images_are_kept_as_long_as_they_fit(monkeypatch):
    monkeypatch.setattr("pycaffelite.data.images.MOST_BYTES", 25)
    kept, reads = Kept(), []

    def read(index):
        reads.append(index)
        return np.full((1, 2, 5), index, np.uint8)

    for index in (0, 1, 2, 2, 1, 0):
        assert kept.get(index, lambda index=index: read(index))[0, 0, 0] == index
    assert reads == [0, 1, 2, 2]


@pytest.mark.parametrize("into", [resize, resize_labels])
def test_no_image_becomes_too_large(into):
    with pytest.raises(DataError, match="images would become too large") as caught:
        into(np.zeros((1, 2, 2), np.uint8), (1 << 20, 1 << 12))
    assert caught.value.got == "1048576x4096"
