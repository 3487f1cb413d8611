"""`pycaffelite data`: make databases, and look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pycaffelite.cli.options import json_option, notify

if TYPE_CHECKING:
    from pycaffelite.data.describe import DatabaseInfo
    from pycaffelite.data.download import Progress

_MOST_LABELS = 30  # lines of the histogram

FOLDER = click.Path(file_okay=False, path_type=Path)

backend_option = click.option(
    "--backend",
    type=click.Choice(["leveldb", "lmdb"], case_sensitive=False),
    default="leveldb",
    show_default=True,
    help="The form of the databases.",
)
out_option = click.option(
    "--out", type=FOLDER, default=Path(), metavar="FOLDER", help="Where they go; the current folder unless given."
)
force_option = click.option("--force", is_flag=True, help="Replace databases that exist.")


@click.group()
def data() -> None:
    """Make databases of images, and look at them."""


@data.command()
@backend_option
@click.option("--from", "folder", type=FOLDER, metavar="FOLDER", help="Take the IDX files (raw or .gz) from there.")
@out_option
@force_option
def mnist(backend: str, folder: Path | None, out: Path, force: bool) -> None:
    """Make mnist-train-leveldb and mnist-test-leveldb (or -lmdb).

    From the IDX files in a folder, or downloaded from public mirrors of MNIST and checked.
    """
    from pycaffelite.data.mnist import make_mnist

    with _progress() as progress:
        paths = make_mnist(out, backend=backend, folder=folder, force=force, progress=progress, made=_say_made)
    for path in paths:
        click.echo(path)


@data.command()
@backend_option
@out_option
@force_option
@click.option(
    "--train", type=click.IntRange(min=1), default=20_000, show_default=True, metavar="N", help="Training images."
)
@click.option("--test", type=click.IntRange(min=1), default=4_000, show_default=True, metavar="N", help="Test images.")
def digits(backend: str, out: Path, force: bool, train: int, test: int) -> None:
    """Make digits-train-leveldb and digits-test-leveldb (or -lmdb).

    Handwritten digits that are rendered here, the same on every machine: they stand in for MNIST where it is missing.
    """
    from pycaffelite.data.digits import make_digit_databases

    counts = {"train": train, "test": test}
    for path in make_digit_databases(out, backend=backend, counts=counts, force=force, made=_say_made):
        click.echo(path)


@data.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--records", type=click.IntRange(min=0), default=2, show_default=True, metavar="N", help="Records to show."
)
@json_option
def info(source: Path, records: int, as_json: bool) -> None:
    """Describe a LevelDB or LMDB database, an IDX file or an HDF5 file.

    Every record is read, so a damaged database is found out.
    """
    from pycaffelite.data.describe import DatabaseInfo, describe

    found = describe(source, records)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    elif isinstance(found, DatabaseInfo):
        _print_database(found)
    else:
        click.echo(f"{found.path}: {found.format}")
        for array in found.arrays:
            shape = "x".join(map(str, array.shape))
            click.echo(
                f"  {array.name}: {shape} {array.dtype}, from {array.least:g} to {array.most:g}, mean {array.mean:g}"
            )


def _print_database(found: DatabaseInfo) -> None:
    """Print what a database holds."""
    shapes = ", ".join(f"{shape} ({count:,})" for shape, count in found.shapes.items())
    click.echo(f"{found.path}: {found.backend}, {found.records:,} records")
    click.echo(f"  channels x height x width: {shapes}; {found.kind}")
    click.echo(f"  {len(found.labels)} labels; at most {found.longest_run} records of one label in a row")
    most = max(found.labels.values())
    for label, count in list(found.labels.items())[:_MOST_LABELS]:
        click.echo(f"    {label:6d}  {count:8d}  {'#' * round(40 * count / most)}")
    if len(found.labels) > _MOST_LABELS:
        click.echo(f"    ... {len(found.labels) - _MOST_LABELS} more labels (--json lists them)")
    for record in found.first:
        shape = "x".join(map(str, record.shape))
        click.echo(f"\nrecord {record.key}: label {record.label}, {shape}\n{record.picture}")
    for warning in found.warnings:
        notify(warning)


def _say_made(path: Path, count: int) -> None:
    """Tell of a finished database."""
    click.echo(f"{path}: {count:,} records", err=True)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Yield what shows the progress of downloads: a bar on a terminal, nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, size: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=size)
            bars.update(tasks[name], completed=done)

        yield show
