"""Options that several commands share: one spelling, one help text."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Any, TextIO

import click

from pycaffelite.cli.boundary import echo
from pycaffelite.errors import PycaffeliteError, harmless

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _WholeNumber(click.ParamType):  # type: ignore[type-arg]  # older versions of click have none
    """A whole number within limits that nobody reaches by hand: the help does not print them."""

    name = "integer"

    def __init__(self, least: int, most: int) -> None:
        self.limits = click.IntRange(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self.limits.convert(value, param, ctx)


net_argument: Decorator = click.argument("net", type=click.Path(), metavar="NET")

weights_option: Decorator = click.option(
    "--weights",
    metavar="A,B",
    callback=lambda _context, _option, value: _files(value),
    help="Trained weights (.caffemodel or .h5), copied into the layers of the same names; of several files, separated "
    "by commas, later ones win.",
)

level_option: Decorator = click.option(
    "--level",
    type=_WholeNumber(-(2**31), 2**31 - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="What min_level and max_level in the include and exclude rules of layers are held against.",
)

stage_option: Decorator = click.option(
    "--stage",
    metavar="A,B",
    callback=lambda _context, _option, value: _names(value),
    help="The words that stage and not_stage in the include and exclude rules of layers ask for; several are separated "
    "by commas.",
)

threads_option: Decorator = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Compute with N threads; otherwise with every CPU that this process may use. Results are the same.",
)

seed_option: Decorator = click.option(
    "--seed",
    type=_WholeNumber(0, 2**63 - 1),
    metavar="N",
    help="The seed of all random numbers: the same one gives the same results. Otherwise another one each time, or the "
    "solver's random_seed.",
)

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")

layers_option: Decorator = click.option(
    "--layers",
    metavar="FILE,MODULE",
    is_eager=True,
    expose_value=False,
    callback=lambda _context, _option, value: _plug_in(_names(value)),
    help="Python files or modules with layer types of your own; several are separated by commas.",
)

input_shape_option: Decorator = click.option(
    "--input-shape",
    "input_shape",
    multiple=True,
    callback=lambda _context, _option, values: _shapes(values),
    metavar="TOP=SHAPE",
    help="The shape of a blob that nothing here tells, such as data whose source is missing: data=3x227x227 for one "
    "record, data=10x3x227x227 for a batch; repeatable.",
)

builtin_data_option: Decorator = click.option(
    "--no-builtin-data",
    "builtin_data",
    flag_value=False,
    default=True,
    help="Fail where a database of MNIST is missing, instead of using the built-in digits.",
)

strict_option: Decorator = click.option(
    "--strict",
    is_flag=True,
    help="Stop at whatever in a file is otherwise read with a warning: unknown fields, fields given twice.",
)

splits_option: Decorator = click.option(
    "--splits",
    is_flag=True,
    help="Show the Split layers, too, that a net inserts where several layers read one blob.",
)

python_layers_option: Decorator = click.option(
    "--allow-python-layers",
    is_flag=True,
    help="Run the Python code that Python layers name; it may do whatever you may do.",
)


def phase_option(default: str) -> Decorator:
    """Return `--phase` with this default."""
    return click.option(
        "--phase",
        type=click.Choice(["train", "test"], case_sensitive=False),
        default=default,
        show_default=True,
        help="Take the layers of this phase.",
    )


def _names(value: str | None) -> tuple[str, ...]:
    """Split "a,b" at its commas."""
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def _files(value: str | None) -> tuple[str, ...]:
    """Split "a,b" at its commas; refuse what names nothing, such as a variable of a script that is empty."""
    names = _names(value)
    if value is not None and not names:
        raise click.BadParameter("no file is named")
    return names


def _plug_in(sources: tuple[str, ...]) -> None:
    """Import the user's own layers, before anything is read."""
    if sources:
        from pycaffelite.layers.plugins import plug_in

        for source in sources:
            plug_in(source)


def _shapes(values: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Read "data=64x3x32x32"."""
    shapes = {}
    for value in values:
        name, _, lengths = value.partition("=")
        words = lengths.lower().replace(",", "x").split("x")
        if not name or not all(word.strip().isdigit() for word in words):
            raise click.BadParameter(f"'{value}' is not of the form data=64x3x32x32")
        shapes[name] = tuple(map(int, words))
    return shapes


def report_of(strict: bool) -> Callable[[PycaffeliteError], None]:
    """Return what takes the problems of a file that is read."""
    from pycaffelite.schema.problems import raise_problem, strict_problem

    return strict_problem if strict else raise_problem


def use_threads(count: int | None) -> int:
    """Set the number of threads that compute; return the number in force."""
    from pycaffelite.kernels import _jit

    return _jit.set_threads(count)


def notify(message: str) -> None:
    """Say something that the user should read now, on standard error."""
    echo(note(message, sys.stderr))


def note(message: str, stream: TextIO) -> str:
    """Write a notice: in colour and broken between words on a terminal, else on one line."""
    message = harmless(message)
    if not stream.isatty():
        return f"note: {message}"
    width = shutil.get_terminal_size().columns
    text = textwrap.fill(f"note: {message}", width, subsequent_indent="      ", break_on_hyphens=False)
    return click.style("note:", fg="yellow", bold=True) + text.removeprefix("note:")
