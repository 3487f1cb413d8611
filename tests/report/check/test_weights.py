"""Weights held against a net."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycaffelite.api import load_net
from pycaffelite.report.check import Settings, check_files
from pycaffelite.report.check.text import render
from pycaffelite.report.tables import plain
from pycaffelite.snapshot import load_weights, save_weights


def test_weights_are_held_against_the_net_before_them() -> None:
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 2 } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c" inner_product_param { num_output: 2 } }
"""
    Path("old.prototxt").write_text(text)
    save_weights(load_net("old.prototxt").net, "old.caffemodel")
    Path("new.prototxt").write_text(
        text.replace('name: "c"', 'name: "new_c"').replace("output: 2 } }", "output: 5 } }", 1)
    )
    _, same, _, other = check_files(["old.prototxt", "old.caffemodel", "new.prototxt", "old.caffemodel"], Settings())
    assert same.status == "ok"
    assert same.fit is not None
    assert same.fit.copied == ["a", "b", "c"]
    assert other.fit is not None
    assert (other.fit.copied, other.fit.ignored) == (["a"], ["c"])
    assert (other.fit.left, other.fit.mismatched) == (["new_c"], ["b"])
    assert other.status == "errors"
    text = plain(render(other, with_table=False))
    assert (
        "layer `b` (InnerProduct): parameter 0 has another shape in old.caffemodel; "
        "expected shape 5x3, as the net has it; got shape 2x3 in the file\n"
    ) in text
    assert "left as filled, not in the file  1: new_c" in text


@pytest.mark.parametrize(("name", "form"), [("w.caffemodel", "binary"), ("w.caffemodel.h5", "HDF5")])
def test_a_layer_that_shares_its_parameters_gets_them_from_their_owner(name: str, form: str) -> None:
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" } inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" } param { name: "c" }
  inner_product_param { num_output: 3 } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c" param { name: "w" } param { name: "c" }
  inner_product_param { num_output: 3 } }
"""
    Path("net.prototxt").write_text(text)
    net = load_net("net.prototxt").net
    save_weights(net, name)
    Path(name).rename("weights.caffemodel")  # the form is told by the content
    name = "weights.caffemodel"
    _, report = check_files(["net.prototxt", name], Settings())
    assert report.fit is not None
    assert report.dialect == form
    loaded = load_weights(net, name)
    assert (tuple(report.fit.copied), tuple(report.fit.left)) == (loaded.copied, loaded.left) == (("a", "b", "c"), ())


def test_weights_of_layers_whose_shapes_are_not_known() -> None:
    Path("net.prototxt").write_text(
        """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 3 } }
"""
    )
    save_weights(load_net("net.prototxt").net, "w.caffemodel")
    Path("net.prototxt").write_text(
        Path("net.prototxt").read_text().replace('name: "a" type: "Inner', 'name: "a" type: "My')
    )
    _, report = check_files(["net.prototxt", "w.caffemodel"], Settings())
    assert report.fit is not None
    assert (report.fit.untold, report.fit.copied, report.fit.ignored) == (["a", "b"], [], [])
    assert report.problems == ()
    assert "of layers whose shapes are not known  2: a, b" in plain(render(report, with_table=False))
