"""`pycaffelite layers`: the catalogue of layer types."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pycaffelite.cli.options import json_option, layers_option

if TYPE_CHECKING:
    from pycaffelite.report.catalogue import LayerEntry


@click.command()
@click.argument("type_name", metavar="[TYPE]", required=False)
@click.option("--markdown", is_flag=True, help="Print the page docs/layers.md: the types that come with pycaffelite.")
@layers_option
@json_option
def layers(type_name: str | None, markdown: bool, as_json: bool) -> None:
    """List the layer types, or explain one.

    TYPE is spelt as in a prototxt: `pycaffelite layers Pooling`.
    """
    from pycaffelite.report import catalogue

    if markdown:
        from pycaffelite.report.layers_page import page

        click.echo(page(), nl=False)
    elif type_name is None:
        entries = catalogue.catalogue()
        others = catalogue.known_besides(entries)
        if as_json:
            runnable = [asdict(entry) | {"runs": True} for entry in entries]
            known = [{"type": name, "forks": forks, "runs": False} for name, forks in others.items()]
            click.echo(json.dumps(runnable + known, indent=2))
        else:
            _list(entries)
            _list_others(others)
    else:
        entry = catalogue.describe(type_name)
        if as_json:
            click.echo(json.dumps(asdict(entry), indent=2))
        else:
            _explain(entry)


def _list(entries: list[LayerEntry]) -> None:
    """Print one line per type."""
    from pycaffelite.report import tables

    rows = [(entry.type, entry.summary) for entry in entries]
    tables.show(tables.table(("type", "what it does"), rows, left=2))
    click.echo("`pycaffelite layers TYPE` explains one.")


def _list_others(others: dict[str, tuple[str, ...]]) -> None:
    """Print the types that are known and do not run here."""
    from pycaffelite.report import tables

    rows = [(name, ", ".join(forks)) for name, forks in others.items()]
    click.echo()
    tables.show(tables.table(("known, not implemented", "from"), rows, left=2))


def _explain(entry: LayerEntry) -> None:
    """Print the documentation of one type and the fields that it reads."""
    from pycaffelite.report import tables

    click.echo(click.style(entry.type, bold=True))
    click.echo(f"\n{_folded(entry.documentation)}\n")
    click.echo(f"bottoms: {entry.bottoms}; tops: {entry.tops}; in place: {'yes' if entry.in_place else 'no'}")
    for message, fields in entry.fields.items():
        rows = [(field.name, field.kind, field.default, field.comment) for field in fields]
        click.echo()
        tables.show(tables.table((message, "kind", "default", "meaning"), rows, left=4))


def _folded(text: str) -> str:
    """Break the lines of a docstring between words on a terminal; what goes on is indented."""
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent=" " * (len(line) - len(line.lstrip()) + 4), break_on_hyphens=False)
        for line in text.splitlines()
    )
