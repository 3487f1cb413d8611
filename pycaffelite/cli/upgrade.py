"""`pycaffelite upgrade`: any dialect to the current one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import click

from pycaffelite.cli.options import notify


@click.command()
@click.argument("source", type=click.Path(), metavar="IN")
@click.argument("target", type=click.Path(dir_okay=False), metavar="[OUT]", required=False)
def upgrade(source: str, target: str | None) -> None:
    """Write a net or solver of any age in the current form.

    Without OUT, or where it is `-`, it is written to standard output; what was changed is told on standard error.
    """
    from pycaffelite.errors import Location, PrototxtError
    from pycaffelite.schema.reader import kind_of, read_net, read_solver
    from pycaffelite.schema.text import format_text

    kind = kind_of(source)
    if kind == "other":
        raise PrototxtError("this is neither a net nor a solver", where=Location(source), expected="a prototxt")
    if kind == "net":
        net = read_net(source)
        message, notes = net.net, net.notes
    else:
        solver = read_solver(source)
        message, notes = solver.solver, solver.notes
    for note in notes:
        notify(str(note))
    if not notes:
        notify(f"{source} is in the current form already")
    text = format_text(message)
    if target in (None, "-"):
        click.echo(text, nl=False)
    else:
        _write(Path(target), text)


def _write(path: Path, text: str) -> None:
    """Put the whole text in place at once: a full disk must not leave half a file."""
    if path.exists() and not path.is_file():  # /dev/stdout, a named pipe: nothing that a file may replace
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # the name that the user knows
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
