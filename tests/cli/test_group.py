from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

import pycaffelite
from pycaffelite.cli.group import COMMANDS, command_line


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, list(arguments))


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name, sentence in COMMANDS.items():
        assert f"  {name}" in result.stdout
        assert sentence in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert COMMANDS[name] in result.stdout.replace("\n ", "")


@pytest.mark.parametrize("name", ["train", "test", "inspect"])
def test_no_help_prints_a_limit_that_nobody_reaches(name: str) -> None:
    assert "2147483648" not in run(name, "--help").stdout
    for option, value in (("--level", str(2**31)), ("--seed", "-1"), ("--seed", "x")):
        result = run(name, "net.prototxt", option, value)
        assert result.exit_code == 2
        assert f"invalid value for '{option}'" in result.stderr


def test_version() -> None:
    assert run("--version").stdout == f"pycaffelite {pycaffelite.__version__}\n"


def test_a_misspelt_command() -> None:
    result = run("trian", "x")
    assert result.exit_code == 2
    assert "no such command 'trian'; did you mean `train`?" in result.stderr


@pytest.mark.parametrize("arguments", [["train"], ["train", "a", "--nonsense"], ["test", "a", "--iterations", "x"]])
def test_wrong_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "hint: " in result.stderr


def test_a_missing_file() -> None:
    result = run("train", "does/not/exist.prototxt")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: does/not/exist.prototxt: no such file")


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m pycaffelite layers | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
