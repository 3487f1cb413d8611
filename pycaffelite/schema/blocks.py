"""What is open while a text is parsed."""

from __future__ import annotations

from typing import Any

from pycaffelite.schema.fields import MessagePlan
from pycaffelite.schema.sourcemap import Mark


class Block:
    """A message that is being read.

    Attributes:
        name: The field that it stands in, as the text calls it.
        plan: Its fields.
        message: What they go into.
        mark: Where it stands.
        foreign: Whether it, or a block around it, is only in the schema so that files of forks read.
    """

    __slots__ = ("foreign", "mark", "message", "name", "plan")

    def __init__(self, name: str, plan: MessagePlan, message: Any, mark: Mark, foreign: bool = False) -> None:
        self.name = name
        self.plan = plan
        self.message = message
        self.mark = mark
        self.foreign = foreign
