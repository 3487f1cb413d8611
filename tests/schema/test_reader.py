"""Files: what can be wrong with them before anything is parsed, and telling nets from solvers."""

from __future__ import annotations

import pytest

from pycaffelite.errors import PrototxtError
from pycaffelite.schema.problems import strict_problem
from pycaffelite.schema.reader import kind_of, read_net, read_solver


def error_of(read, path):
    with pytest.raises(PrototxtError) as caught:
        read(path)
    return str(caught.value)


def test_a_missing_file_names_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet.prototxt").touch()
    assert error_of(read_net, "lent.prototxt") == (
        "error: lent.prototxt: no such file\n  expected: a file with a net\n\nhint: did you mean `lenet.prototxt`?"
    )
    assert error_of(read_solver, "nets/lenet.prototxt") == (
        "error: nets/lenet.prototxt: no such file\n  expected: a file with a solver\n\nhint: there is no folder nets"
    )
    assert error_of(read_net, "zzz") == "error: zzz: no such file\n  expected: a file with a net"
    assert error_of(read_net, "a\0b") == (
        "error: a\\x00b: the file cannot be read: embedded null byte\n  expected: a file with a net"
    )


def test_a_folder_names_its_nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    assert error_of(read_net, "nets") == "error: nets: this is a folder\n  expected: a file with a net"
    (tmp_path / "nets" / "a.prototxt").touch()
    assert error_of(read_net, "nets").endswith("hint: it holds `nets/a.prototxt`")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"",
            "error: n: the file is empty\n  expected: a net: `name`, and a `layer { ... }` for each layer",
        ),
        (
            b"# nothing\n# here",
            "error: n: the file holds nothing but comments\n"
            "  expected: a net: `name`, and a `layer { ... }` for each layer",
        ),
        (
            b'net: "a" base_lr: 1 max_iter: 1 lr_policy: "fixed" display: 1',
            "error: n: none of the fields belongs here: this is another kind of file\n"
            "  expected: a net: `name`, and a `layer { ... }` for each layer\n"
            "  got:      `base_lr`, `display`, `lr_policy`, `max_iter`, ...",
        ),
        (
            b"# \xe9\nname: \xe9",
            "error: n:2:7: the file is not UTF-8 text\n  expected: UTF-8 text\n  got:      the byte 0xe9\n\n"
            "hint: save it as UTF-8 in your editor",
        ),
        (
            b"\x0a\x05\xff\0",
            "error: n:2:2: the file is not UTF-8 text\n  expected: UTF-8 text\n  got:      the byte 0xff\n\n"
            "hint: a .caffemodel is given with --weights, a .solverstate with --snapshot",
        ),
        (
            b"\n\0abc",
            "error: n:2: the file holds a zero byte: it is binary, or damaged\n\n"
            "hint: a .caffemodel is given with --weights, a .solverstate with --snapshot",
        ),
        (
            "name: 'a'".encode("utf-16"),
            "error: n: the file is UTF-16 text\n  expected: UTF-8\n\nhint: save it as UTF-8 in your editor",
        ),
        (
            b"\x89HDF\r\n\x1a\n",
            "error: n: the file is binary (HDF5), not a prototxt\n\n"
            "hint: a .caffemodel is given with --weights, a .solverstate with --snapshot",
        ),
    ],
)
def test_content_that_is_no_prototxt(tmp_path, monkeypatch, content, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n").write_bytes(content)
    assert error_of(read_net, "n") == expected


def test_texts_in_quotes_may_be_in_another_encoding(tmp_path):
    path = tmp_path / "n.prototxt"
    path.write_bytes(b"\xef\xbb\xbf# \xe9\nname: '\xe9t\xc3\xa9'")
    net = read_net(path)
    assert net.net.name == "\xe9t\xe9"
    assert [str(note) for note in net.notes] == [
        f"{path}:2:8: warning: the file is not UTF-8 text; read as Latin-1 (save it as UTF-8 in your editor)"
    ]
    with pytest.raises(PrototxtError, match="not UTF-8"):
        read_net(path, strict_problem)


def test_line_ends_of_every_system_and_a_byte_order_mark(tmp_path):
    for end in (b"\n", b"\r\n", b"\r"):
        path = tmp_path / "n.prototxt"
        path.write_bytes(b"\xef\xbb\xbfname: 'a' # b" + end + b"layer {" + end + b"  name: 'x' }")
        net = read_net(path)
        assert net.net.layer[0].name == "x"
        where = net.source.where("layer", 0, "name")
        assert (where.path, where.line, where.column) == (str(path), 3, 3)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"name: 'n' layer { name: 'a' } }", "net"),
        (b"layers {", "net"),
        (b"input: 'data' debug_info: true colour: 3", "net"),
        (b"net: 'n' base_lr: 1", "solver"),
        (b"type: 'SGD'", "solver"),
        (b"net_param { layer { } }", "solver"),
        (b"debug_info: true net: 'x'", "solver"),
        (b"once upon a time: there was", "other"),
        (b"", "other"),
        (b"\0\xff", "other"),
    ],
)
def test_kind_by_content(tmp_path, content, kind):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert kind_of(path) == kind


def test_kind_of_a_missing_file(tmp_path):
    assert error_of(kind_of, tmp_path / "x").endswith("no such file\n  expected: a file with a net or a solver")
