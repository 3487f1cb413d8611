"""The comments of proto/caffe.proto, which are the user documentation of messages, fields and enum values."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2


def message_comment(message_name: str) -> str:
    """Return what the schema says about a message or enum; "" where it says nothing."""
    return _comments().get(message_name, "")


def field_comment(message_name: str, field_name: str) -> str:
    """Return what the schema says about a field, or about a value of an enum: `("PoolingParameter", "pad")`.

    Enums inside messages are named with them: `field_comment("PoolingParameter.PoolMethod", "AVE")`.
    """
    return _comments().get(f"{message_name}.{field_name}", "")


@cache
def _comments() -> dict[str, str]:
    """Read all comments, by the full name of what they describe, as paragraphs of one line each."""
    files = descriptor_pb2.FileDescriptorSet.FromString(
        resources.files("pycaffelite.schema").joinpath("caffe.desc").read_bytes()
    )
    return {
        _name_at(file, location.path): _flow(location.leading_comments + location.trailing_comments)
        for file in files.file
        for location in file.source_code_info.location
    }


def _name_at(file: Any, path: Any) -> str:
    """Turn a path of field numbers and indices into names."""
    names, here = [], file
    for number, index in zip(path[::2], path[1::2], strict=True):
        here = getattr(here, here.DESCRIPTOR.fields_by_number[number].name)[index]
        names.append(here.name)
    return ".".join(names)


def _flow(comment: str) -> str:
    """Join the lines of a comment; an empty comment line begins a new paragraph."""
    paragraphs = "\n".join(line.strip() for line in comment.split("\n")).strip().split("\n\n")
    return "\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
