"""Samples that a list names: in order or shuffled anew each epoch, over and over, with a state to go on from."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import DataError

Array = npt.NDArray[Any]
State = dict[str, Any]
RowShapes = list[tuple[int, ...]]


@dataclass
class ArrayBatch:
    """One batch: an array for each top, and the reader's state behind it."""

    dtype: npt.DTypeLike
    arrays: list[Array] = field(default_factory=list)
    state: State = field(default_factory=dict)


class Samples(ABC):
    """What a list names. All random numbers come from `generator`, in the order of `read` and `write`.

    Args:
        generator: Where random numbers come from.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples; at least 1."""

    @abstractmethod
    def read(self, index: int) -> Any:
        """Read a sample."""

    @abstractmethod
    def shapes(self, sample: Any) -> RowShapes:
        """Return the shape of its row in each top."""

    @abstractmethod
    def write(self, sample: Any, rows: Sequence[Array]) -> None:
        """Write it into its row of each top; the rows are arrays, also where they hold one number."""

    def name(self, index: int) -> str:
        """Return how errors name a sample."""
        return f"line {index + 1} of the list"


class ListReader:
    """Makes batches of samples.

    Args:
        samples: The samples.
        batch_size: How many make a batch.
        key: Seeds the orders of the epochs; None keeps the order of the list.
        rand_skip: Less than so many samples are passed over at the very beginning, at random.
    """

    def __init__(self, samples: Samples, batch_size: int, *, key: int | None = None, rand_skip: int = 0) -> None:
        self.samples = samples
        self.batch_size = batch_size
        self._key = key
        self._epoch = 0
        self._position = int(samples.generator.integers(rand_skip)) if rand_skip else 0
        self._order: Array | None = None
        if self._position >= len(samples):
            raise DataError(
                "rand_skip passes over the whole list",
                expected=f"rand_skip of at most {len(samples)}, as many as there are samples",
                got=str(rand_skip),
            )

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of a batch, from the first sample."""
        before = self.samples.generator.bit_generator.state
        shapes = self.samples.shapes(self.samples.read(self._index(self._position)))
        self.samples.generator.bit_generator.state = before
        return [(self.batch_size, *shape) for shape in shapes]

    def fill(self, batch: ArrayBatch) -> None:
        """Read the next batch, in the shapes of its first sample; another batch may have others."""
        for n in range(self.batch_size):
            index = self._next()
            sample = self.samples.read(index)
            shapes = self.samples.shapes(sample)
            if n == 0:
                self._make_room(batch, shapes)
            self._check(batch, shapes, index)
            self.samples.write(sample, [array[n : n + 1].reshape(array.shape[1:]) for array in batch.arrays])
        batch.state = self.state()

    def state(self) -> State:
        """Return the epoch, the position in it, and the state of the random generator."""
        random = dict(self.samples.generator.bit_generator.state)
        return {"epoch": self._epoch, "position": self._position, "random": random}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self.samples.generator.bit_generator.state = state["random"]
        self._order = None

    def _next(self) -> int:
        if self._position >= len(self.samples):
            self._epoch, self._position, self._order = self._epoch + 1, 0, None
        self._position += 1
        return self._index(self._position - 1)

    def _index(self, position: int) -> int:
        """Return which sample stands at a position of this epoch."""
        if self._key is None:
            return position % len(self.samples)
        if self._order is None:
            # Made of the seed and the epoch alone: a state need not hold it.
            generator = np.random.Generator(np.random.PCG64([self._key, self._epoch]))
            self._order = generator.permutation(len(self.samples))
        return int(self._order[position % len(self.samples)])

    def _make_room(self, batch: ArrayBatch, shapes: RowShapes) -> None:
        wanted = [(self.batch_size, *shape) for shape in shapes]
        if [array.shape for array in batch.arrays] != wanted:
            batch.arrays = [np.zeros(shape, batch.dtype) for shape in wanted]

    def _check(self, batch: ArrayBatch, shapes: RowShapes, index: int) -> None:
        for array, shape in zip(batch.arrays, shapes, strict=True):
            if array.shape[1:] != shape:
                raise DataError(
                    f"{self.samples.name(index)} has another shape than the first sample of its batch",
                    expected="x".join(map(str, array.shape[1:])),
                    got="x".join(map(str, shape)),
                    hint="set new_height and new_width, crop_size, or batch_size: 1",
                )


def read_lines(path: Path) -> list[str]:
    """Return the lines of a list that hold something, without the space around them.

    Names of files that are no UTF-8 pass as they are.
    """
    try:
        lines = [line.strip() for line in os.fsdecode(path.read_bytes()).splitlines()]
    except OSError as error:
        raise DataError("the list cannot be read", got=f"`{path}`: {error.strerror or error}") from error
    lines = [line for line in lines if line]
    if not lines:
        raise DataError("the list is empty", expected="one sample a line", got=f"`{path}`")
    return lines


def name_and_label(line: str) -> tuple[str, int]:
    """Split a line at its last space or tab; as in the reference, what is no number counts as label 0."""
    end = max(line.rfind(" "), line.rfind("\t"))
    if end < 0:
        return line, 0
    name, label = line[:end], line[end + 1 :]
    digits = label.lstrip("+-")
    leading = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    sign = -1 if label.startswith("-") else 1
    return name.rstrip(), sign * int(leading) if leading else 0


def two_names(line: str, path: Path) -> tuple[str, str]:
    """Split a line into two names; DataError where there are not two."""
    words = line.split()
    if len(words) < 2:
        raise DataError(
            "a line does not hold two names", expected="an image and its label map", got=f"`{path}`: {line}"
        )
    return words[0], words[1]
