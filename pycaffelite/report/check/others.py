"""Files that are no nets, solvers or weights: what they are instead."""

from __future__ import annotations

from pathlib import Path

from pycaffelite.errors import Location, PrototxtError, PycaffeliteError
from pycaffelite.report.check.findings import Findings
from pycaffelite.schema import messages
from pycaffelite.schema.files import decode_text, read_bytes
from pycaffelite.schema.problems import ERROR
from pycaffelite.schema.reader import top_level_names
from pycaffelite.schema.text import parse_text

# What people keep beside nets and solvers, the likeliest first.
_MESSAGES = (
    "LabelMap",
    "BlobProto",
    "LayerParameter",
    "TransformationParameter",
    "Datum",
    "NetState",
    "FillerParameter",
)


def describe_other(path: str, findings: Findings) -> str:
    """Return what a file is that is neither a net nor a solver; read it where it is text of a known kind.

    Raises:
        PrototxtError: It is no text, or it is empty.
    """
    if ".solverstate" in Path(path).name:
        return "solver state"
    if path.endswith(".binaryproto"):
        return "binary blob"
    text = decode_text(read_bytes(path, "a net or a solver"), path)
    names = top_level_names(text)
    if not names:
        raise PrototxtError(
            "the file is empty" if not text.strip() else "this is neither a net nor a solver",
            where=Location(path),
            expected="a prototxt",
            got=None if not text.strip() else "a text without a field",
        )
    for kind in _MESSAGES:
        message = getattr(messages, kind, None)
        if message is not None and names <= set(message.DESCRIPTOR.fields_by_name):
            parse_text(text, message, path, lambda problem: _keep_error(problem, findings))
            findings.say("note", f"this is a {kind}, neither a net nor a solver", Location(path))
            return kind
    shown = ", ".join(f"`{name}`" for name in sorted(names)[:4])
    findings.say("note", f"this is neither a net nor a solver; its fields are {shown}", Location(path))
    return "unknown"


def _keep_error(problem: PycaffeliteError, findings: Findings) -> None:
    """Keep what keeps the file from being read; that nothing here uses its fields is no news."""
    if problem.severity == ERROR:
        findings.report(problem)
