"""`pycaffelite summary`: a net on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pycaffelite.cli.options import (
    builtin_data_option,
    json_option,
    level_option,
    net_argument,
    notify,
    phase_option,
    stage_option,
)


def _shapes(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Read "data=64x3x32x32"."""
    shapes = {}
    for value in values:
        name, _, lengths = value.partition("=")
        words = lengths.lower().replace(",", "x").split("x")
        if not name or not all(word.strip().isdigit() for word in words):
            raise click.BadParameter(f"'{value}' is not of the form data=64x3x32x32")
        shapes[name] = tuple(map(int, words))
    return shapes


@click.command()
@net_argument
@phase_option("train")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=_shapes,
    metavar="TOP=SHAPE",
    help="The shape of a data layer's top whose source is not here: data=64x3x32x32; repeatable.",
)
@click.option("--splits", is_flag=True, help="Show the splits that the net inserts.")
@level_option
@stage_option
@builtin_data_option
@json_option
def summary(net: str, inputs: dict[str, tuple[int, ...]], **given: Any) -> None:
    """Show shapes, parameters, work and memory without building the net.

    MACs are the multiply-accumulate operations of a forward pass over the batch, in layers that multiply matrices.
    """
    from pycaffelite.graph.wiring import build_graph
    from pycaffelite.layers.base import DataOptions
    from pycaffelite.net import infer_shapes
    from pycaffelite.report import summary as report
    from pycaffelite.report import tables
    from pycaffelite.report.json_text import to_json
    from pycaffelite.schema.reader import read_net

    graph = build_graph(
        report.with_inputs(read_net(net), inputs), given["phase"].upper(), given["level"], given["stage"]
    )
    options = DataOptions(Path(net).parent, given["builtin_data"], notify)
    found = report.summarize(graph.name, graph.phase, infer_shapes(graph, data=options))
    if given["as_json"]:
        click.echo(to_json(report.with_totals(found)))
    else:
        tables.show(report.render(found, with_splits=given["splits"]))
