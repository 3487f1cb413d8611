"""`pycaffelite upgrade`: any dialect to the current one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pycaffelite.cli.options import notify, report_of, strict_option

_BINARY = (".binaryproto", ".caffemodel", ".pb")


@click.command()
@click.argument("source", type=click.Path(), metavar="IN")
@click.argument("target", type=click.Path(dir_okay=False), metavar="[OUT]", required=False)
@click.option(
    "--form",
    type=click.Choice(["text", "binary"]),
    help="The form of OUT; otherwise its ending tells (.caffemodel, .pb, .binaryproto: binary), or the form of IN.",
)
@strict_option
def upgrade(source: str, target: str | None, form: str | None, strict: bool) -> None:
    """Write a net or solver of any age in the current form.

    Nets may be texts or binary, weights included. Without OUT, or where it is `-`, the result is written to standard
    output; what was changed is told on standard error.
    """
    message, notes, is_binary, leftovers = _read(source, strict)
    for note in notes:
        notify(str(note))
    if not notes:
        notify(f"{source} is in the current form already")
    suffix = Path(target or "").suffix
    binary = form == "binary" if form else suffix in _BINARY or (is_binary and suffix != ".prototxt")
    content = _encode(message, leftovers, binary=binary)
    if target in (None, "-"):
        click.echo(content, nl=False)
    else:
        _write(Path(target), content)


def _read(source: str, strict: bool) -> tuple[Any, Sequence[object], bool, str]:
    """Return the message of a file in current form, what was changed, whether it is binary, what no schema has."""
    from pycaffelite.errors import Location, PrototxtError
    from pycaffelite.schema.binary import read_weights_message
    from pycaffelite.schema.files import is_binary
    from pycaffelite.schema.printer import format_skipped
    from pycaffelite.schema.reader import kind_of, read_net, read_solver

    if is_binary(source):
        return read_weights_message(source), (f"{source} is binary, and written in the current form",), True, ""
    report = report_of(strict)
    match kind_of(source):
        case "net":
            net = read_net(source, report)
            return net.net, net.notes, False, format_skipped(net.skipped)
        case "solver":
            solver = read_solver(source, report)
            return solver.solver, solver.notes, False, format_skipped(solver.skipped)
    raise PrototxtError("this is neither a net nor a solver", where=Location(source), expected="a prototxt")


def _encode(message: Any, leftovers: str, *, binary: bool) -> bytes:
    from pycaffelite.schema.text import format_text

    return message.SerializeToString() if binary else (format_text(message) + leftovers).encode()


def _write(path: Path, content: bytes) -> None:
    """Put the whole file in place at once: a full disk must not leave half of it."""
    if path.exists() and not path.is_file():  # /dev/stdout, a named pipe: nothing that a file may replace
        path.write_bytes(content)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # the name that the user knows
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
