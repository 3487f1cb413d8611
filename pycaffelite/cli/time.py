"""`pycaffelite time`: where the time goes."""

from __future__ import annotations

from typing import Any

import click

from pycaffelite.cli.options import (
    builtin_data_option,
    json_option,
    layers_option,
    level_option,
    net_argument,
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
@click.option(
    "--iterations", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Passes to measure."
)
@level_option
@stage_option
@threads_option
@seed_option
@builtin_data_option
@layers_option
@strict_option
@python_layers_option
@json_option
def time(net: str, weights: tuple[str, ...], iterations: int, **given: Any) -> None:
    """Measure each layer's forward and backward time.

    The net runs on its own data. One pass before, in which kernels are compiled, is not counted; medians
    are shown.
    """
    from pycaffelite.cli.loading import load
    from pycaffelite.report import tables, timing
    from pycaffelite.report.json_text import to_json

    threads = use_threads(given["threads"])
    runnable = load(net, weights, given)
    found = timing.measure(runnable.plan, iterations, threads)
    if given["as_json"]:
        click.echo(to_json(found))
    else:
        tables.show(timing.render(found))
