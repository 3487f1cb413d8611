"""Which layers belong to a phase, a level and a set of stages: the `include` and `exclude` rules."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pycaffelite.errors import FieldError, Location
from pycaffelite.schema import messages

PHASES = {"TRAIN": messages.TRAIN, "TEST": messages.TEST}


@dataclass(frozen=True)
class State:
    """What the rules are held against.

    Args:
        phase: "TRAIN" or "TEST".
        level: A number that rules compare with min_level and max_level.
        stages: Names that rules ask for with stage and not_stage.
    """

    phase: str = "TRAIN"
    level: int = 0
    stages: Collection[str] = ()

    def meets(self, rule: Any) -> bool:
        """Tell whether every condition that a NetStateRule states holds."""
        return (
            (not rule.HasField("phase") or rule.phase == PHASES[self.phase])
            and (not rule.HasField("min_level") or self.level >= rule.min_level)
            and (not rule.HasField("max_level") or self.level <= rule.max_level)
            and all(stage in self.stages for stage in rule.stage)
            and not any(stage in self.stages for stage in rule.not_stage)
        )


def belongs(layer: Any, state: State, where: Location | None) -> bool:
    """Tell whether a layer is part of the net in this state.

    A layer without rules always is. With `include` rules, one of them must hold; with `exclude` rules, none may.

    Raises:
        FieldError: A layer has both kinds, as Caffe refuses too.
    """
    if layer.include and layer.exclude:
        raise FieldError(
            "a layer cannot have both include and exclude rules",
            where=where,
            subject=f"layer `{layer.name}` ({layer.type})",
            expected="only `include` or only `exclude`",
            got=f"{len(layer.include)} include and {len(layer.exclude)} exclude",
            hint="state the cases in which the layer is wanted as `include` rules alone",
        )
    if layer.include:
        return any(state.meets(rule) for rule in layer.include)
    return not any(state.meets(rule) for rule in layer.exclude)
