"""The message classes of proto/caffe.proto: `messages.NetParameter()`, `messages.SolverParameter.FromString(...)`.

They are made from a serialized descriptor set in a pool of their own. So they work under protobuf 5, 6 and 7 alike,
and beside another `caffe_pb2` in the same process, whose package is called `caffe` too.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_POOL = descriptor_pool.DescriptorPool()


def _load() -> dict[str, Any]:
    """Register the descriptor set and return every top-level message class and enum by name."""
    files = descriptor_pb2.FileDescriptorSet.FromString(
        resources.files("pycaffelite.schema").joinpath("caffe.desc").read_bytes()
    )
    names: dict[str, Any] = {}
    for file in files.file:
        _POOL.Add(file)
        for message in file.message_type:
            descriptor = _POOL.FindMessageTypeByName(f"{file.package}.{message.name}")
            names[message.name] = message_factory.GetMessageClass(descriptor)
        for enum in file.enum_type:
            names.update({value.name: value.number for value in enum.value})
    return names


globals().update(_load())
