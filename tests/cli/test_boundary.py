from __future__ import annotations

import errno
import io
import sys

import click
import pytest

from pycaffelite.cli.boundary import close, prepare_streams
from pycaffelite.errors import Location, ShapeError


def test_an_error_of_the_family(capsys: pytest.CaptureFixture[str]) -> None:
    error = ShapeError(
        "kernel does not fit its input",
        where=Location("nets/lenet.prototxt", 41),
        subject="layer `conv2` (Convolution)",
        expected="height and width of at least 5",
        got="4x4",
        hint="add `pad: 1`",
    )
    assert close(error) == 1
    assert capsys.readouterr().err == (
        "error: nets/lenet.prototxt:41: layer `conv2` (Convolution): kernel does not fit its input\n"
        "  expected: height and width of at least 5\n"
        "  got:      4x4\n"
        "\n"
        "hint: add `pad: 1`\n"
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "a.caffemodel"),
            "error: a.caffemodel: no space left on the device\n\nhint: free some space, or write to another disk\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            "error: x: permission denied\n\nhint: check who owns the file and its folder\n",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file", "y"), "error: y: no such file or folder\n"),
        (OSError(errno.EIO, "Input/output error", b"z"), "error: z: Input/output error\n"),
        (OSError("odd"), "error: odd\n"),
        (
            MemoryError("Unable to allocate 9 PiB"),
            "error: out of memory\n  got:      Unable to allocate 9 PiB\n\n"
            "hint: lower `batch_size`; `pycaffelite summary NET` shows how much memory each layer takes\n",
        ),
        (
            RecursionError(),
            "error: nested too deeply\n\nhint: is a message of the file nested thousands of levels deep?\n",
        ),
        (
            ValueError("what"),
            "error: this is a bug in pycaffelite\n  got:      ValueError: what\n\n"
            "hint: set PYCAFFELITE_DEBUG=1 to see where, and report it with the file that shows it\n",
        ),
        (click.FileError("a.txt", "gone"), "error: Could not open file 'a.txt': gone\n"),
    ],
)
def test_other_errors(error: Exception, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert close(error) == 1
    assert capsys.readouterr().err == text


def test_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    assert close(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_a_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert close(click.UsageError("no such thing")) == 2
    assert capsys.readouterr().err == (
        "error: pycaffelite: no such thing\n\nhint: `pycaffelite --help` shows what can be typed\n"
    )


@pytest.mark.parametrize(
    ("typed", "option", "says"),
    [
        (["train", "-solver", "s.prototxt"], "-s", "`pycaffelite train SOLVER` is Caffe's `train -solver SOLVER`"),
        (["train", "--gpu=0", "s.prototxt"], "--gpu", "pycaffelite runs on the CPU: leave this flag out"),
        (["train", "-phase", "test"], "-p", "options have two dashes: `--phase`"),
        (["train", "--phase", "test"], "--phase", "`pycaffelite --help` shows what can be typed"),
        (["test", "-weights", "w", "-odd"], "-o", "`pycaffelite --help` shows what can be typed"),
    ],
)
def test_flags_of_caffe_are_explained(
    typed: list[str], option: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pycaffelite", *typed])
    assert close(click.NoSuchOption(option)) == 2
    assert capsys.readouterr().err.endswith(f"hint: {says}\n")


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf-8", b"\xe2\x94\x80 \xe9"), ("ascii", b"\\u2500 \\udce9"), ("cp1252", b"\\u2500 \\udce9")],
)
def test_streams_take_any_text(encoding: str, written: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams()
    print("\u2500 \udce9", end="", flush=True)
    assert buffer.getvalue() == written


def test_a_traceback_is_shown_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    close(ValueError("what"))
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("PYCAFFELITE_DEBUG", "1")
    try:
        raise ValueError("what")
    except ValueError as error:
        close(error)
    assert "Traceback" in capsys.readouterr().err
