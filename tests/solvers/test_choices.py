from __future__ import annotations

from pycaffelite.errors import Location
from pycaffelite.solvers.choices import unknown_choice


def test_a_name_that_is_like_another() -> None:
    error = unknown_choice("colour", "paint", "gren", ("red", "green"), Location("s", 3), "mix them")
    assert str(error) == (
        "error: s:3: unknown colour\n"
        '  expected: paint: one of "red", "green"\n'
        '  got:      paint: "gren"\n'
        "\n"
        "hint: did you mean `green`?"
    )


def test_no_name_at_all() -> None:
    error = unknown_choice("colour", "paint", "", ("red", "green"), None, "mix them")
    assert (error.what, error.got, error.hint) == ("no colour", "no paint", "mix them")
