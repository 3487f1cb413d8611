"""The command `pycaffelite`: a group whose commands are imported only when they are run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from pycaffelite.cli.boundary import DONE, close
from pycaffelite.names import did_you_mean

# What `--help` says of each command stands here, so that `--help` imports none. The command `x` is the function `x` of
# the module `pycaffelite.cli.x`.
COMMANDS: dict[str, str] = {
    "check": "Tell what a file is, what is wrong with it, and what it makes.",
    "train": "Train a net, from a solver or from a net alone.",
    "test": "Score a net with trained weights on its test data.",
    "time": "Measure each layer's forward and backward time.",
    "summary": "Show shapes, parameters, work and memory without building the net.",
    "inspect": "Show what is in every blob when real records run through the net.",
    "upgrade": "Write a net or solver of any age in the current form.",
    "layers": "List the layer types, or explain one.",
    "data": "Make databases of images, and look at them.",
    "warmup": "Compile what a net needs before its first run.",
}


class CommandLine(click.Group):
    """A lazy group, and the boundary at which every error becomes a message and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"pycaffelite.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name near commands when there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            meant = did_you_mean(args[0], COMMANDS)
            ctx.fail(f"No such command '{args[0]}'" + (f"; {meant}" if meant else "."))
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run the command that `args` name; leave the process with its exit status."""
        extra["standalone_mode"] = False
        try:
            status = super().main(args, prog_name, **extra)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            sys.exit(close(error))
        sys.exit(status if isinstance(status, int) else DONE)


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    """Print the version and leave."""
    if asked and not ctx.resilient_parsing:
        from pycaffelite import __version__

        click.echo(f"pycaffelite {__version__}")
        ctx.exit()


@click.group(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with:  pycaffelite train nets/lenet_dsn.prototxt",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and leave.",
)
def command_line() -> None:
    """Read, run, train and inspect Caffe prototxt nets."""
