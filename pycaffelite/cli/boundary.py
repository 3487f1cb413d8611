"""The single error boundary: every way in which a command can end, as one message and one exit status."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback

import click

from pycaffelite.errors import Location, PycaffeliteError, render

DONE, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130

DEBUG_VARIABLE = "PYCAFFELITE_DEBUG"

_REASONS = {
    errno.ENOSPC: ("no space left on the device", "free some space, or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write to another disk"),
    errno.EACCES: ("permission denied", "check who owns the file and its folder"),
    errno.EROFS: ("the file system is read-only", "write to another folder"),
    errno.ENOENT: ("no such file or folder", None),
    errno.EISDIR: ("a folder, where a file is needed", None),
    errno.ENOTDIR: ("a part of the path is not a folder", None),
    errno.EMFILE: ("too many open files", "raise the limit with `ulimit -n`"),
}


# What people type who know Caffe's program, whose flags may have one dash.
_OF_CAFFE = {
    "solver": "`pycaffelite train SOLVER` is Caffe's `train -solver SOLVER`",
    "model": "the net is named without a flag: `pycaffelite test NET --weights W`, `pycaffelite time NET`",
    "weights": "options have two dashes: `--weights`",
    "snapshot": "options have two dashes: `--snapshot`",
    "iterations": "options have two dashes: `--iterations`",
    "phase": "options have two dashes: `--phase`",
    "level": "options have two dashes: `--level`",
    "stage": "options have two dashes: `--stage`",
    "sigint_effect": "it is spelt `--sigint-effect`",
    "sighup_effect": "it is spelt `--sighup-effect`",
    "gpu": "pycaffelite runs on the CPU: leave this flag out",
}


def prepare_streams() -> None:
    """Let both streams take any text, whatever the locale: no result is worth losing over a sign in it.

    File names that are no UTF-8 pass as they are; where the encoding is not UTF-8, signs that it lacks are escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape" if _is_utf8(stream.encoding) else "backslashreplace")


def _is_utf8(encoding: str | None) -> bool:
    """Tell whether an encoding has every sign; a stream that names none is taken to."""
    return encoding is None or encoding.lower().replace("-", "").replace("_", "") == "utf8"


def close(error: BaseException) -> int:
    """Tell the user what ended the command, on standard error; return the exit status."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return USAGE
        case click.UsageError():
            show(_of_usage(error))
            return USAGE
        case click.ClickException():
            show(PycaffeliteError(error.format_message()))
        case KeyboardInterrupt():
            echo("\ninterrupted")
            return INTERRUPTED
        case click.Abort():  # click has ended the line
            echo("interrupted")
            return INTERRUPTED
        case BrokenPipeError():
            _silence_stdout()
        case _:
            show(typed(error))
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exception(error)
    return FAILURE


def typed(error: BaseException) -> PycaffeliteError:
    """Return the error in the family's form: what Python raises for full disks, missing memory and bugs too."""
    match error:
        case PycaffeliteError():
            return error
        case OSError():
            return _of_system(error)
        case MemoryError():
            return PycaffeliteError(
                "out of memory",
                got=str(error) or None,
                hint="lower `batch_size`; `pycaffelite summary NET` shows how much memory each layer takes",
            )
        case RecursionError():
            return PycaffeliteError(
                "nested too deeply", hint="is a message of the file nested thousands of levels deep?"
            )
        case _:
            return PycaffeliteError(
                "this is a bug in pycaffelite",
                got=f"{type(error).__name__}: {error}".rstrip(": "),
                hint=f"set {DEBUG_VARIABLE}=1 to see where, and report it with the file that shows it",
            )


def show(error: PycaffeliteError) -> None:
    """Print an error on standard error, in colour where that is a terminal."""
    colours = {"error:": "red", "expected:": "green", "got:": "yellow", "hint:": "cyan"}
    lines = []
    for line in render(error).split("\n"):
        label, rest = _split_label(line)
        lines.append(
            click.style(label, fg=colours[label.strip()], bold=True) + rest if label.strip() in colours else line
        )
    echo("\n".join(lines))


def echo(text: str) -> None:
    """Write on standard error; colours only on a terminal, and where NO_COLOR (no-color.org) does not forbid them."""
    click.echo(text, err=True, color=False if os.environ.get("NO_COLOR") else None)


def _of_usage(error: click.UsageError) -> PycaffeliteError:
    """Put click's complaint into the one form, and say where the right spelling is found."""
    command = error.ctx.command_path if error.ctx else "pycaffelite"
    said = error.format_message()
    hint = _caffe_spelling(error) or f"`{command} --help` shows what can be typed"
    return PycaffeliteError(f"{said[:1].lower()}{said[1:]}".rstrip("."), subject=command, hint=hint)


def _caffe_spelling(error: click.UsageError) -> str | None:
    """Explain a flag of Caffe's own command line; None where there was none.

    Click takes `-solver` for seven short options and complains of the first, so the flag is looked for in what was
    typed.
    """
    if not isinstance(error, click.NoSuchOption):
        return None
    for word in sys.argv[1:]:
        name = word.lstrip("-").partition("=")[0]
        ours = word.startswith(f"--{name}") and _OF_CAFFE.get(name, "").endswith(f"`--{name}`")
        if word.startswith("-") and not ours and name.startswith(error.option_name.lstrip("-")) and name in _OF_CAFFE:
            return _OF_CAFFE[name]
    return None


def _split_label(line: str) -> tuple[str, str]:
    """Split "  got:      a" after the colon."""
    head, colon, rest = line.partition(":")
    return head + colon, rest


def _of_system(error: OSError) -> PycaffeliteError:
    """Say what the operating system refused, and for which file."""
    what, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error) or type(error).__name__, None))
    path = error.filename2 or error.filename
    return PycaffeliteError(
        what, where=Location(os.fsdecode(path)) if isinstance(path, str | bytes) else None, hint=hint
    )


def _silence_stdout() -> None:
    """Nobody reads the output any more (`| head`): keep the interpreter from complaining when it flushes at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
