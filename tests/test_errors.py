from __future__ import annotations

import pytest

from pycaffelite import errors
from pycaffelite.errors import Location, PycaffeliteError, ShapeError, render


def test_an_error_reads_as_the_documentation_shows() -> None:
    error = ShapeError(
        "kernel does not fit its input",
        expected="height and width of at least 5 (kernel_size 5, pad 0)",
        got="bottom `pool1` of shape 64x20x4x4",
        hint="add `pad: 1` to `convolution_param`, or lower the stride of `pool1` (line 27)",
    ).within("layer `conv2` (Convolution)", Location("nets/lenet.prototxt", 41))
    assert render(error) == (
        "error: nets/lenet.prototxt:41: layer `conv2` (Convolution): kernel does not fit its input\n"
        "  expected: height and width of at least 5 (kernel_size 5, pad 0)\n"
        "  got:      bottom `pool1` of shape 64x20x4x4\n"
        "\n"
        "hint: add `pad: 1` to `convolution_param`, or lower the stride of `pool1` (line 27)"
    )
    assert str(error) == render(error)


def test_what_is_not_known_is_left_out() -> None:
    assert render(PycaffeliteError("the disk is full")) == "error: the disk is full"


def test_the_place_nearest_to_the_problem_stays() -> None:
    error = PycaffeliteError("wrong", where=Location("a", 1), subject="field `x`")
    error.within("layer `l` (ReLU)", Location("b", 2))
    assert (error.where, error.subject) == (Location("a", 1), "field `x`")


@pytest.mark.parametrize(
    ("location", "text"), [(Location("f"), "f"), (Location("f", 3), "f:3"), (Location("f", 3, 7), "f:3:7")]
)
def test_locations(location: Location, text: str) -> None:
    assert str(location) == text


def test_every_error_is_of_the_family() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(classes) >= 9
    assert all(issubclass(cls, PycaffeliteError) for cls in classes)
