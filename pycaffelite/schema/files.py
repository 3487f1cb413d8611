"""Read files, with errors that say what is there instead."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pycaffelite.errors import Location, PrototxtError, PycaffeliteError
from pycaffelite.names import close_matches
from pycaffelite.schema.problems import Report, raise_problem, warning

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def read_bytes(path: str | Path, wanted: str, error: type[PycaffeliteError] = PrototxtError) -> bytes:
    """Read a whole file.

    Args:
        path: The file, as the user named it.
        wanted: What it should hold, "a net".
        error: The class of the errors.
    """
    file, where = Path(path), Location(str(path))
    if not str(path):
        raise error("the name of the file is empty", expected=f"a file with {wanted}")
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise error("no such file", where=where, expected=f"a file with {wanted}", hint=_similar(file)) from None
    except IsADirectoryError:
        hint = _inside(file) if error is PrototxtError else None
        raise error("this is a folder", where=where, expected=f"a file with {wanted}", hint=hint) from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise error(f"the file cannot be read: {reason}", where=where, expected=f"a file with {wanted}") from None


def is_binary(path: str | Path) -> bool:
    """Tell whether a file begins with bytes that no text has; of a file that cannot be read: no."""
    try:
        with Path(path).open("rb") as file:
            return _CONTROL.search(file.read(1 << 16)) is not None
    except (OSError, ValueError):
        return False


def decode_text(content: bytes, path: str, report: Report = raise_problem) -> str:
    """Turn the bytes of a prototxt into text; line ends of every system become newlines.

    Comments may be in any encoding: what of them is not UTF-8 is replaced. Caffe takes any bytes in texts in quotes,
    too; what of those is not UTF-8 is read as Latin-1, with a warning.
    """
    where = Location(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PrototxtError(
            "the file is UTF-16 text", where=where, expected="UTF-8", hint="save it as UTF-8 in your editor"
        )
    if content.startswith(b"\x89HDF"):
        raise PrototxtError("the file is binary (HDF5), not a prototxt", where=where, hint=_WEIGHTS_HINT)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _decode_other(content, path, report)
    if "\0" in text:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise PrototxtError(
            "the file holds a zero byte: it is binary, or damaged", where=Location(path, line), hint=_WEIGHTS_HINT
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_other(content: bytes, path: str, report: Report) -> str:
    """Decode a text that is not all UTF-8."""
    raw = content.decode("utf-8", "surrogateescape")
    text = _PIECES.sub(_replaced_comment, raw)
    strange = _STRANGE.search(text)
    if strange is not None:
        problem = _undecodable(content, path, len(raw[: strange.start()].encode("utf-8", "surrogateescape")))
        text = _PIECES.sub(_latin_text, text)
        if _STRANGE.search(text) is not None:
            raise problem
        report(warning(problem, "read as Latin-1"))
    return text.removeprefix("\ufeff")


_PIECES = re.compile(r"""(?P<text>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')|(?:\#|//)[^\n]*+""")
_STRANGE = re.compile("[\udc80-\udcff]")


def _replaced_comment(match: re.Match[str]) -> str:
    """Replace, in a comment, the bytes that are not UTF-8; texts in quotes stay as they are."""
    return match.group() if match["text"] else _STRANGE.sub("\N{REPLACEMENT CHARACTER}", match.group())


def _latin_text(match: re.Match[str]) -> str:
    """Read, in a text in quotes, the bytes that are not UTF-8 as Latin-1."""
    return _STRANGE.sub(lambda byte: chr(ord(byte.group()) - 0xDC00), match.group())


_WEIGHTS_HINT = "a .caffemodel is given with --weights, a .solverstate with --snapshot"


def _undecodable(content: bytes, path: str, position: int) -> PrototxtError:
    start = content.rfind(b"\n", 0, position) + 1
    line = content.count(b"\n", 0, position) + 1
    column = len(content[start:position].decode("utf-8", "replace")) + 1
    return PrototxtError(
        "the file is not UTF-8 text",
        where=Location(path, line, column),
        expected="UTF-8 text",
        got=f"the byte 0x{content[position]:02x}",
        hint=_WEIGHTS_HINT if b"\0" in content else "save it as UTF-8 in your editor",
    )


def _similar(file: Path) -> str | None:
    """Name files of the same folder that the user may have meant."""
    try:
        names = [entry.name for entry in os.scandir(file.parent)]
    except OSError:
        return f"there is no folder {file.parent}" if not file.parent.is_dir() else None
    matches = [f"`{file.parent / name}`" for name in close_matches(file.name, names)]
    return f"did you mean {' or '.join(matches)}?" if matches else None


def _inside(folder: Path) -> str | None:
    """Name the prototxt files of a folder."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".prototxt"))
    except OSError:
        return None
    return f"it holds {', '.join(f'`{folder / name}`' for name in names[:3])}" if names else None
