"""Small files in the manners of Caffe's eras and forks, and with the slips that people make in them.

Each file says at its end what reading it must find: its status (ok, warnings, errors), every warning and error with its
line, and the layer types that it has from forks. Which fields of forks do nothing here changes with the layers that are
added: a file states what it was when it was written, and those lines are not compared.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycaffelite.errors import PycaffeliteError
from pycaffelite.report.check.files import Settings, check_files
from pycaffelite.schema.fork_types import known_types
from pycaffelite.schema.problems import Findings, strict_problem
from pycaffelite.schema.reader import kind_of, parse_net, read_net, read_solver
from pycaffelite.schema.text import format_text
from pycaffelite.schema.upgrade.types import TYPES, YOUNG_TYPES

FILES = sorted((Path(__file__).parent / "configs").glob("*.prototxt"))
EXPECT = re.compile(r"^# expect (.*)$", re.MULTILINE)


def stem(path):
    return path.stem


IDLE = "is known but does nothing here"


def expected(path):
    return EXPECT.findall(path.read_text(encoding="utf-8"))


def assert_as_expected(path, read, told):
    got = found(path, read)
    assert [line for line in got[1:] if IDLE not in line] == [line for line in told[1:] if IDLE not in line]
    assert got[0] == told[0] or any(IDLE in line for line in (*got, *told))


def found(path, read):
    findings = Findings()
    lines, types = [], []
    try:
        file = read(path, findings)
        lines += [f"error {problem.where.line}: {problem.what}" for problem in findings.of("error")]
        lines += [f"warning {note.where.line}: {note.what}" for note in file.notes if note.severity == "warning"]
        if read is read_net:
            types = sorted({layer.type for layer in file.net.layer} - set(YOUNG_TYPES) - set(TYPES.values()))
    except PycaffeliteError as problem:
        lines.append(f"error {problem.where.line}: {problem.what}")
    worst = {"e": "errors", "w": "warnings"}
    status = next((worst[sign] for sign in worst if any(line[0] == sign for line in lines)), "ok")
    return [f"status {status}", *([f"types of forks {' '.join(types)}"] if types else []), *lines]


def reader(path):
    return read_solver if "solver" in path.stem else read_net


def test_there_are_files_enough():
    assert len(FILES) >= 60


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_what_reading_finds(path):
    assert_as_expected(path, reader(path), expected(path))


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_types_of_forks_are_known(path):
    for line in expected(path):
        if line.startswith("types of forks "):
            assert set(line.removeprefix("types of forks ").split()) <= known_types().keys()


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_a_strict_reader_stops_at_the_first_warning(path):
    if found(path, reader(path))[0] == "status ok":
        reader(path)(path, strict_problem)
    else:
        with pytest.raises(PycaffeliteError) as caught:
            reader(path)(path, strict_problem)
        assert caught.value.severity == "error"


@pytest.mark.parametrize("path", [path for path in FILES if "error" not in path.stem], ids=stem)
def test_what_is_read_is_written_and_read_again(path):
    file = reader(path)(path)
    message = file.net if reader(path) is read_net else file.solver
    text = format_text(message)
    again = parse_net(text).net if reader(path) is read_net else None
    if again is not None:
        assert format_text(again) == text


def test_check_finds_errors_only_in_those_that_have_them():
    reports = list(check_files([str(path) for path in FILES], Settings()))
    wrong = {Path(report.file).stem for report in reports if report.status == "errors"}
    assert wrong == {path.stem for path in FILES if path.stem.startswith("error_")}
    assert not [problem for report in reports for problem in report.problems if "bug" in problem.message]


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_its_kind_is_told_by_content(path):
    assert kind_of(path) == ("solver" if "solver" in path.stem else "net")


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_the_bytes_around_the_text_make_no_difference(path, tmp_path):
    text = path.read_bytes()
    forms = {
        "windows": text.replace(b"\n", b"\r\n"),
        "old": text.replace(b"\n", b"\r"),
        "marked": b"\xef\xbb\xbf" + text,
        "open": text.rstrip(b"\n"),
        "latin": text + b"# \xe9t\xe9 'quoted \x80\n",
    }
    for name, content in forms.items():
        other = tmp_path / name
        other.write_bytes(content)
        assert found(other, reader(path)) == found(path, reader(path)), name
