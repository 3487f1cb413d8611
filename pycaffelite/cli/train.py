"""`pycaffelite train`: from a solver, or a net, to a trained net."""

from __future__ import annotations

from typing import Any

import click

from pycaffelite.cli.options import (
    builtin_data_option,
    json_option,
    layers_option,
    level_option,
    python_layers_option,
    seed_option,
    stage_option,
    strict_option,
    threads_option,
    weights_option,
)

_EFFECT = click.Choice(["snapshot", "stop", "none"])


@click.command()
@click.argument("config", type=click.Path(), metavar="CONFIG", required=False)
@click.option("--solver", "solver_path", type=click.Path(), metavar="FILE", help="The solver, if CONFIG is a net.")
@weights_option
@click.option(
    "--skip-mismatch",
    is_flag=True,
    help="Pass over weights of another shape, instead of stopping: such layers begin anew.",
)
@click.option("--snapshot", type=click.Path(), metavar="FILE", help="The .solverstate file to go on from.")
@click.option(
    "--resume",
    metavar="auto",
    help="`--resume auto`: go on from the newest whole snapshot of this solver; start anew if there is none.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a field of the solver, as in `--set base_lr=0.02`; repeatable.",
)
@click.option(
    "--iterations", type=click.IntRange(min=0), metavar="N", help="Train up to iteration N, instead of max_iter."
)
@click.option(
    "--on-nan",
    type=click.Choice(["stop", "warn", "ignore"]),
    help="What to do when the loss or a gradient is no finite number; otherwise as the solver says, else stop.",
)
@click.option(
    "--sigint-effect",
    type=_EFFECT,
    default="stop",
    show_default=True,
    help="What Ctrl-C does: write a snapshot and go on, or stop with a snapshot, or nothing.",
)
@click.option(
    "--sighup-effect",
    type=_EFFECT,
    default="snapshot",
    show_default=True,
    help="What the signal SIGHUP does, which comes when the terminal is closed.",
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
def train(**given: Any) -> None:
    """Train a net, from a solver or from a net alone.

    CONFIG is a solver, or a net. The solver of a net is the one that --solver names, or one in its folder or in the
    folder `solvers` beside that which names this net, or LeNet's classic recipe of 1000 iterations.

    The log goes to standard error in Caffe's form, the result to standard output. Weights are written where the
    solver's snapshot_prefix says.
    """
    if given["config"] is None:
        # As Caffe's users type it: `train --solver=S`.
        given["config"], given["solver_path"] = given["solver_path"], None
    if given["config"] is None:
        raise click.UsageError("missing argument CONFIG: a solver or a net")
    if given["resume"] not in (None, "auto"):
        raise click.UsageError("--resume takes `auto`; --snapshot takes a file")
    if given["resume"] and given["snapshot"]:
        raise click.UsageError("give --snapshot or --resume auto, not both")
    if given["snapshot"] and given["weights"]:
        raise click.UsageError("give --snapshot to go on or --weights to start from, not both")
    from pycaffelite.cli.training import TrainOptions, run_training

    run_training(TrainOptions(**given))
