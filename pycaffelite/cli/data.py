"""`pycaffelite data`: make databases, and look at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pycaffelite.data.download import Progress

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


def _say_made(path: Path, count: int) -> None:
    """Tell of a finished database."""
    click.echo(f"{path}: {count} records", err=True)


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


command = data
