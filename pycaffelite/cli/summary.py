"""`pycaffelite summary`: a net on paper."""

from __future__ import annotations

from typing import Any

import click

from pycaffelite.cli.options import (
    builtin_data_option,
    input_shape_option,
    json_option,
    layers_option,
    level_option,
    net_argument,
    notify,
    phase_option,
    python_layers_option,
    report_of,
    splits_option,
    stage_option,
    strict_option,
)


@click.command()
@net_argument
@phase_option("train")
@input_shape_option
@splits_option
@level_option
@stage_option
@builtin_data_option
@layers_option
@strict_option
@python_layers_option
@json_option
def summary(net: str, input_shape: dict[str, tuple[int, ...]], **given: Any) -> None:
    """Show shapes, parameters, work and memory without building the net.

    MACs are the multiply-accumulate operations of a forward pass over the batch, in layers that multiply matrices.
    """
    from pycaffelite.api import data_options, told
    from pycaffelite.graph.wiring import build_graph
    from pycaffelite.net import infer_shapes
    from pycaffelite.report import summary as report
    from pycaffelite.report import tables
    from pycaffelite.report.inputs import with_inputs
    from pycaffelite.report.json_text import to_json
    from pycaffelite.schema.reader import read_net

    file = told(read_net(net, report_of(given["strict"])), notify)
    graph = build_graph(with_inputs(file, input_shape), given["phase"].upper(), given["level"], given["stage"])
    options = data_options(net, given["builtin_data"], notify, given["allow_python_layers"])
    found = report.summarize(graph.name, graph.phase, infer_shapes(graph, data=options))
    if given["as_json"]:
        click.echo(to_json(report.with_totals(found)))
    else:
        tables.show(report.render(found, with_splits=given["splits"]))
