"""`pycaffelite test`: score trained weights."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from pycaffelite.solvers.events import OutputValue


@click.command()
@net_argument
@weights_option
@phase_option("test")
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    metavar="N",
    help="Batches to run; otherwise as many as read all records once.",
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
def test(net: str, weights: tuple[str, ...], **given: Any) -> None:
    """Score a net with trained weights on its test data.

    --weights is needed. The log goes to standard error in Caffe's form, the averages to standard output.
    """
    if not weights:
        raise click.UsageError("--weights is missing: there is nothing to test in weights that were never trained")
    from pycaffelite.cli.loading import load
    from pycaffelite.report import scoring, tables
    from pycaffelite.report.json_text import to_json
    from pycaffelite.report.log import LogWriter, batch_lines, mean_lines

    use_threads(given["threads"])
    plan = load(net, weights, given, outputs_only=True).plan
    batches = scoring.whole_pass(plan, given["iterations"])
    notify(f"running {batches}")
    log = LogWriter(lambda text: print(text, file=sys.stderr))

    def log_batch(index: int, outputs: tuple[OutputValue, ...]) -> None:
        for line in batch_lines(index, outputs):
            log.line(line)

    scores = scoring.score(plan, batches, log_batch)
    for line in mean_lines(scores.loss, scores.outputs):
        log.line(line)
    if given["as_json"]:
        click.echo(to_json(scores))
    else:
        title = f"{scores.net or net}: {', '.join(weights)} on {batches}"
        tables.show(scoring.render(scores, title))
