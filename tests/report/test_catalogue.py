from __future__ import annotations

from pathlib import Path

import pytest

from pycaffelite.errors import FieldError
from pycaffelite.layers.registry import layer_types
from pycaffelite.report.catalogue import catalogue, describe, known_besides
from pycaffelite.report.layers_page import page


def test_every_type_is_described() -> None:
    entries = catalogue()
    assert [entry.type for entry in entries] == layer_types()
    for entry in entries:
        assert entry.summary.endswith("."), entry.type
        assert entry.documentation.startswith(entry.summary.split()[0])


def test_fields_and_defaults() -> None:
    entry = describe("Pooling")
    fields = {field.name: field for field in entry.fields["pooling_param"]}
    assert (fields["pool"].kind, fields["pool"].default) == ("MAX | AVE | STOCHASTIC", "MAX")
    assert (fields["kernel_size"].kind, fields["kernel_size"].default) == ("uint32", "")
    assert fields["global_pooling"].default == "false"
    assert fields["stride"].comment
    assert (entry.bottoms, entry.tops, entry.in_place) == ("1", "1 or 2", False)


def test_inherited_fields() -> None:
    assert "loss_param" in describe("SoftmaxWithLoss").fields


def test_where_types_come_from() -> None:
    assert describe("Pooling").forks == ()
    assert "hszhao/PSPNet" in describe("Interp").forks
    assert "CTCLoss" in known_besides(catalogue())
    assert "Interp" not in known_besides(catalogue())


def test_which_types_have_a_backward_pass() -> None:
    assert {name: describe(name).backward for name in ("Tile", "ArgMax", "Input", "PriorBox")} == {
        "Tile": True,
        "ArgMax": False,
        "Input": False,
        "PriorBox": False,
    }


def test_the_page_of_the_documentation() -> None:
    path = Path(__file__).parents[2] / "docs" / "layers.md"
    assert path.read_text(encoding="utf-8") == page(), "write it anew: pycaffelite layers --markdown > docs/layers.md"


def test_an_unknown_type() -> None:
    with pytest.raises(FieldError, match="did you mean `Pooling`"):
        describe("Poling")
