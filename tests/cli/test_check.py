from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from pycaffelite.layers import registry

Run = Callable[..., Result]

OWN = '''
from pycaffelite.layers.base import Layer, Layout
from pycaffelite.layers.registry import register


@register("Wobble")
class Wobble(Layer):
    """Copy."""

    def layout(self, bottom_shapes):
        return Layout([bottom_shapes[0]])

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data

    def backward(self, top, wanted, bottom):
        bottom[0].diff[...] = top[0].diff
'''

NET = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "a" type: "Wobble" bottom: "x" top: "a" }
"""


def test_one_file_in_full(run: Run) -> None:
    result = run("check", "nets/tiny.prototxt")
    assert result.exit_code == 0
    assert result.stdout.startswith("nets/tiny.prototxt: net, current: ok\n")
    assert "InnerProduct" in result.stdout


def test_many_files_in_short(run: Run) -> None:
    result = run("check", "nets/tiny.prototxt", "solvers/tiny_solver.prototxt", "gone.prototxt")
    assert result.exit_code == 1
    heads = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert heads == [
        "nets/tiny.prototxt: net, current: ok",
        "solvers/tiny_solver.prototxt: solver, current: ok",
        "gone.prototxt: other: errors",
    ]


def test_json_is_a_line_a_file(run: Run) -> None:
    result = run("check", "--json", "nets/tiny.prototxt", "solvers/tiny_solver.prototxt")
    net, solver = map(json.loads, result.stdout.splitlines())
    assert (net["kind"], net["status"]) == ("net", "ok")
    assert (solver["kind"], solver["status"]) == ("solver", "ok")
    assert "phases" not in solver


def test_shapes_of_data_that_is_not_here(run: Run, project: Path) -> None:
    (project / "n.prototxt").write_text(
        'layer { name: "d" type: "Data" top: "x" data_param { source: "gone" batch_size: 3 } }'
    )
    assert "3x1x5x6 (assumed)" in run("check", "n.prototxt", "--input-shape", "x=1x5x6").stdout


def test_layers_of_ones_own(run: Run, project: Path) -> None:
    (project / "n.prototxt").write_text(NET)
    result = run("check", "n.prototxt")
    assert result.exit_code == 1
    assert "unknown layer type" in result.stdout
    assert "--layers my_layers.py" in result.stdout
    (project / "own.py").write_text(OWN)
    try:
        assert run("check", "n.prototxt", "--layers", "own.py").exit_code == 0
        assert "Copy." in run("layers", "Wobble").stdout
        assert run("time", "n.prototxt", "--layers", "own.py", "--iterations", "1").exit_code == 0
    finally:
        registry._CLASSES.pop("Wobble", None)


def test_layers_that_cannot_be_imported(run: Run, project: Path) -> None:
    (project / "n.prototxt").write_text(NET)
    result = run("check", "n.prototxt", "--layers", "gone.py")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: gone.py: no such file of layers\n  expected: a Python file\n",
    )
    (project / "bad.py").write_text("x = 1\ny = nothing\n")
    assert run("check", "n.prototxt", "--layers", "bad.py").stderr == (
        "error: bad.py:2: importing the layers failed\n"
        "  got:      NameError: name 'nothing' is not defined\n\n"
        "hint: a module of layers needs no more than classes under `@register(...)`; "
        "`pycaffelite.testing.LayerContract` tests them\n"
    )


def test_warnings_are_told_and_strict_stops_at_them(run: Run, project: Path) -> None:
    net = project / "nets" / "tiny.prototxt"
    net.write_text("wobble: 3\n" + net.read_text())
    told = "nets/tiny.prototxt:1:1: warning: unknown field `wobble` in NetParameter"
    for command in (["train"], ["time", "--iterations", "1"], ["summary"], ["inspect"]):
        result = run(*command, "nets/tiny.prototxt")
        assert result.exit_code == 0, result.stderr
        assert result.stderr.count(told) == 1, command
        strict = run(*command, "nets/tiny.prototxt", "--strict")
        assert (strict.exit_code, strict.stderr.count("error: nets/tiny.prototxt:1:1: unknown field `wobble`")) == (
            1,
            1,
        )
