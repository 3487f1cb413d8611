"""`pycaffelite check`: the first thing to do with an old file."""

from __future__ import annotations

from typing import Any

import click

from pycaffelite.cli.boundary import FAILURE
from pycaffelite.cli.options import (
    input_shape_option,
    json_option,
    layers_option,
    level_option,
    python_layers_option,
    splits_option,
    stage_option,
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE [WEIGHTS] ...")
@click.option(
    "--phase",
    type=click.Choice(["train", "test"], case_sensitive=False),
    help="Look at this phase alone; otherwise at both.",
)
@input_shape_option
@click.option("--skip-unknown", is_flag=True, help="Let layers of unknown types pass with a warning.")
@click.option("--strict", is_flag=True, help="Count every warning as an error.")
@click.option(
    "--table/--no-table",
    "table",
    default=None,
    help="Show the net layer by layer; on unless there are more than two files.",
)
@splits_option
@level_option
@stage_option
@layers_option
@python_layers_option
@json_option
def check(files: tuple[str, ...], table: bool | None, **given: Any) -> None:
    """Tell what a file is, what is wrong with it, and what it makes.

    Nets, solvers and weights of any age may be named, and nothing is run; weights are held against the net before
    them. With --json each file is one line. The exit status is 1 where a file has errors or cannot run here.
    """
    from pycaffelite.report import tables
    from pycaffelite.report.check import Settings, check_files
    from pycaffelite.report.check.text import render, to_record
    from pycaffelite.report.json_text import to_json

    settings = Settings(
        level=given["level"],
        stages=given["stage"],
        shapes=given["input_shape"],
        skip_unknown=given["skip_unknown"],
        strict=given["strict"],
        allow_python_layers=given["allow_python_layers"],
        phases=(given["phase"].upper(),) if given["phase"] else ("TRAIN", "TEST"),
    )
    with_table = len(files) <= 2 if table is None else table
    failed = False
    for report in check_files(files, settings):
        failed |= report.status in ("errors", "unsupported")
        if given["as_json"]:
            click.echo(to_json(to_record(report), indent=None))
        else:
            tables.show(render(report, with_table=with_table, with_splits=given["splits"]))
    if failed:
        click.get_current_context().exit(FAILURE)
