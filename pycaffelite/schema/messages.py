"""The message classes of proto/caffe.proto: `messages.NetParameter()`, `messages.SolverParameter.FromString(...)`.

They are made from a serialized descriptor set in a pool of their own. So they work under protobuf 5, 6 and 7 alike,
and beside another `caffe_pb2` in the same process, whose package is called `caffe` too.
A class is made when it is first asked for: there are hundreds, with those of the forks.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_POOL = descriptor_pool.DescriptorPool()


def _load() -> Any:
    """Register the descriptor set, without its comments, and return the description of its only file."""
    content = resources.files("pycaffelite.schema").joinpath("caffe.desc").read_bytes()
    file = descriptor_pb2.FileDescriptorSet.FromString(content).file[0]
    file.ClearField("source_code_info")
    _POOL.Add(file)
    return _POOL.FindFileByName(file.name)


_FILE = _load()


def __getattr__(name: str) -> Any:
    """Return a message class, or the number of a value of a top-level enum."""
    if (message := _FILE.message_types_by_name.get(name)) is not None:
        found = message_factory.GetMessageClass(message)
    else:
        values = (enum.values_by_name.get(name) for enum in _FILE.enum_types_by_name.values())
        value = next((value for value in values if value is not None), None)
        if value is None:
            raise AttributeError(f"the schema has no message and no value called {name!r}")
        found = value.number
    globals()[name] = found
    return found
