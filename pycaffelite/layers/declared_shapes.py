"""The family of layers that state the shapes of their tops in the prototxt."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.blob import Shape
from pycaffelite.errors import FieldError


def declared_shape(dims: Sequence[int]) -> Shape:
    """Return the lengths of the axes as a shape, or raise FieldError for one that is not positive."""
    for dim in dims:
        if dim < 1:
            raise FieldError(
                "a dimension is not positive",
                expected="dimensions of at least 1",
                got=f"{dim}, in {'x'.join(map(str, dims))}",
            )
    return tuple(int(dim) for dim in dims)


def per_top(what: str, given: int, tops: int, least: int = 1) -> None:
    """Raise FieldError unless a repeated field is given once, or once for each top, or `least` is 0 and it is not."""
    if given not in (1, tops) and not (given == 0 and least == 0):
        choices = ["1", *([str(tops)] if tops != 1 else [])]
        raise FieldError(
            f"the number of `{what}` does not fit the tops",
            expected=f"{' or '.join(choices)}, for {tops} top{'s' if tops != 1 else ''}",
            got=str(given),
        )
