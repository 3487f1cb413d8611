"""`pycaffelite inspect`: look into every blob."""

from __future__ import annotations

from typing import Any

import click

from pycaffelite.cli.options import (
    builtin_data_option,
    json_option,
    layers_option,
    level_option,
    net_argument,
    notify,
    phase_option,
    python_layers_option,
    seed_option,
    stage_option,
    strict_option,
    threads_option,
    use_threads,
    weights_option,
)


@click.command()
@net_argument
@weights_option
@phase_option("train")
@click.option("--backward", is_flag=True, help="Run the backward pass too and show the diffs (gradients).")
@click.option("--layer", metavar="NAME", help="Show one layer in depth: quantiles, histogram, channels, first values.")
@click.option("--npz", type=click.Path(dir_okay=False), metavar="FILE", help="Write every array to a NumPy .npz file.")
@level_option
@stage_option
@threads_option
@seed_option
@builtin_data_option
@layers_option
@strict_option
@python_layers_option
@json_option
def inspect(net: str, weights: tuple[str, ...], layer: str | None, npz: str | None, **given: Any) -> None:
    """Show what is in every blob when real records run through the net.

    One batch runs through the net; each blob is described right after the layer that wrote it has run. Without
    --weights the parameters are those that the fillers make.
    """
    from pycaffelite.cli.loading import load
    from pycaffelite.report import inspect as report
    from pycaffelite.report import tables
    from pycaffelite.report.inspect_text import render
    from pycaffelite.report.json_text import to_json
    from pycaffelite.report.npz import NpzWriter

    use_threads(given["threads"])
    runnable = load(net, weights, given)
    backward = given["backward"]
    if npz is None:
        found = report.inspect(runnable.plan, backward=backward, depth=layer)
    else:
        with NpzWriter(npz) as file:
            found = report.inspect(runnable.plan, backward=backward, depth=layer, keep=file.add)
        notify(f"{file.count} arrays are in {npz}")
    if given["as_json"]:
        click.echo(to_json(found))
    else:
        tables.show(render(found, depth=layer))
