"""What a layer is: fields, shapes, and which kernels run forward and backward.

Two laws make `iter_size` and shared weights come free: *the diff of a bottom is overwritten, the diff of a parameter
is added to*.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError

Phase = Literal["TRAIN", "TEST"]


@dataclass(frozen=True)
class Arity:
    """How many bottoms and tops a layer takes, each as (least, most); most is None where there is no limit.

    Args:
        bottoms: Least and most bottoms.
        tops: Least and most tops.
        in_place: Whether the first top may be the first bottom.
        pairs: Whether there are exactly as many tops as bottoms.
    """

    bottoms: tuple[int, int | None] = (1, 1)
    tops: tuple[int, int | None] = (1, 1)
    in_place: bool = False
    pairs: bool = False


@dataclass(frozen=True)
class ParamLayout:
    """A parameter blob to come: its shape, the FillerParameter message that fills it (None: zeros), its multipliers.

    `initial` holds what the blob starts with where no filler makes that.
    """

    shape: Shape
    filler: Any = None
    lr_mult: float = 1.0
    decay_mult: float = 1.0
    initial: Array | None = None


@dataclass(frozen=True)
class Layout:
    """What a layer needs for given bottom shapes: the shapes of its tops, its parameters, its private buffers.

    `buffers` maps a name to (shape, dtype); the dtype None is the net's own.
    """

    tops: Sequence[Shape]
    params: Sequence[ParamLayout] = ()
    buffers: Mapping[str, tuple[Shape, npt.DTypeLike | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class DataOptions:
    """What layers that read data, or run code, must know beyond their message.

    Args:
        folder: The folder of the prototxt; sources are looked for in the working folder first, then here.
        builtin: Whether the embedded digits stand in for a missing MNIST source.
        notify: Takes a sentence that the user should read now.
        python_layers: Whether Python layers may run the code that the prototxt names.
    """

    folder: Path = Path()
    builtin: bool = True
    notify: Callable[[str], None] = lambda _message: None
    python_layers: bool = False


@dataclass(frozen=True)
class Context:
    """The circumstances of a layer: the phase, the seed of the net, and the options of data layers."""

    phase: Phase = "TRAIN"
    seed: int = 0
    data: DataOptions = field(default_factory=DataOptions)

    def generator(self, layer_name: str) -> np.random.Generator:
        """Return the random generator of the layer of this name: adding a layer does not change the others' numbers."""
        return np.random.Generator(np.random.PCG64(self.key(layer_name)))

    def key(self, layer_name: str) -> int:
        """Return a 64-bit number made from the seed and the layer's name, for counter-based random kernels."""
        words = np.random.SeedSequence([self.seed, zlib.crc32(layer_name.encode())]).generate_state(2)
        return int(words[0]) << 32 | int(words[1])


@dataclass(frozen=True)
class Epilogue:
    """What a layer does in place to each element, so that the layer that makes the element can do it in passing.

    y[c] = rectify(scale[c] x[c] + shift[c]), rectify(v) = v where v > 0, else slope v

    Args:
        fold: Runs before each forward pass of the maker, in place of this layer's `forward`. Takes the scale and shift
            of the layers before this one, and changes both in place to those that include it, by its parameters as
            they are then. A layer with no axis leaves them alone.
        axis: The axis that c counts; None for a layer that does the same to all elements.
        slope: That of a rectifier; None for a layer without. Nothing is folded behind a rectifier.
        reversible: Whether `backward` works after `fold` as it does after `forward`, given that no other layer works
            in place on the same blob afterwards.
    """

    fold: Callable[[Array, Array], None]
    axis: int | None = None
    slope: float | None = None
    reversible: bool = False


class Tally(Protocol):
    """What makes one number of a layer's first top over many batches, where a mean says nothing."""

    def add(self, top: Array) -> None:
        """Take the top of one more batch."""

    def value(self) -> float:
        """Return the number."""


class Layer:
    """Base of all layers.

    A subclass states its `arity`, reads and validates its own fields in `__init__` (no shapes there), infers shapes
    in `layout`, and writes `top.data` in `forward` and `bottom.diff` and `params[i].diff` in `backward`.

    Attributes:
        message: The LayerParameter message in current form.
        name: The layer's name.
        context: The circumstances it was made in.
        params: Its parameter blobs; set by the net before the first forward pass.
        buffers: The arrays asked for in `Layout.buffers`; set by the net.
        wanted_params: For each parameter, whether `backward` must add to its diff; set by the net.
        anew: Whether the diffs of its parameters hold nothing, so that `backward` must overwrite them instead; set by
            the plan, where the class `overwrites_params` and no other layer has the same parameters.
    """

    type: ClassVar[str]  # set by @register
    arity: ClassVar[Arity] = Arity()
    default_loss_weight: ClassVar[float] = 0.0  # of the first top, unless the prototxt says otherwise
    automatic_tops: ClassVar[bool] = False  # whether the net makes the tops that the prototxt leaves out
    no_gradient_to: ClassVar[frozenset[int]] = frozenset()  # bottoms that never get one: labels
    takes_as_given: ClassVar[bool] = False  # whether those may come from what learns, which then learns nothing by them
    keeps_elements: ClassVar[bool] = False  # whether top and diff are those of the bottom in another shape, no more
    constant: ClassVar[bool] = False  # whether tops do not hang on what learns: no gradient is asked for below
    measures: ClassVar[bool] = False  # whether shapes of tops hang on the data: `layout` guesses, `measure` tells
    overwrites_params: ClassVar[bool] = False  # whether `backward` heeds `anew`
    joins: ClassVar[bool] = False  # whether `forward` only copies each bottom to its place in the top, see `parts`

    def __init__(self, message: Any, context: Context) -> None:
        self.message = message
        self.name: str = message.name
        self.context = context
        self.params: list[Blob] = []
        self.buffers: dict[str, Array] = {}
        self.wanted_params: list[bool] = []
        self.anew = False

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of everything this layer owns; pure, allocates nothing, raises ShapeError."""
        raise NotImplementedError

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Return the multiply-accumulate operations of a forward pass; 0 for a layer that multiplies no matrices."""
        return 0

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Derive what the hot loop needs; called after `layout` and allocation, whenever shapes change."""

    def begin(self, top: Sequence[Blob]) -> None:
        """Write what tops hold before the first forward pass, where that is not zeros; a net calls it once."""

    def measure(self, bottom: Sequence[Blob]) -> Sequence[Shape]:
        """Return the shapes that the tops take in the coming forward pass: for a layer that `measures`."""
        raise NotImplementedError

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the data of every top."""
        raise NotImplementedError

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Overwrite the diff of each bottom that is `wanted`, and add to the diffs of the parameters."""
        raise NotImplementedError

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the data of every top where no `backward` will follow, so that nothing has to be kept for it."""
        self.forward(bottom, top)

    def epilogue(self) -> Epilogue | None:
        """Return how the maker of the bottom can do the forward pass of this layer, in place; None: it cannot."""
        return None

    def can_fuse(self, axis: int | None) -> bool:
        """Return whether `forward_fused` takes a scale and a shift along this axis of the top; None: a slope alone."""
        return False

    def own_shift(self) -> Array:
        """Return the bias that `forward` adds along the axis of `can_fuse`; empty for none."""
        return np.zeros(0)

    def forward_fused(
        self, bottom: Sequence[Blob], top: Sequence[Blob], scale: Array, shift: Array, slope: float | None = None
    ) -> None:
        """Write rectify(scale[c] y[c] + shift[c]), y being what `forward` would write without `own_shift`.

        Args:
            bottom, top: As in `forward`.
            scale, shift: One number for each c; empty: 1, and 0.
            slope: That of the rectifier, see `Epilogue`; None for none.
        """
        raise NotImplementedError

    def parts(self, top: Sequence[Blob]) -> Sequence[Array]:
        """Return, for a layer that `joins`, where in the top each bottom goes; nothing where places are not contiguous.

        Each part is as large as its bottom; its shape does not matter.
        """
        return ()

    def leaves_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> bool:
        """Return whether `forward` on these blobs does nothing, whatever they hold."""
        return False

    def records(self) -> int | None:
        """Return how many records one pass over the layer's source takes; None for a layer without such an end."""
        return None

    def tally(self, ap_version: str) -> Tally | None:
        """Return what sums the first top up over batches; None where that is a mean.

        Args:
            ap_version: How precisions are averaged, see `ap_version` of a solver.
        """
        return None

    def state(self) -> dict[str, Any]:
        """Return what an exact resume needs beyond parameters, as JSON values: a data cursor, a random counter."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state that `state` returned."""

    def forgets(self) -> bool:
        """Return whether there may be more to resume than `state` tells, so that a resume may not be exact."""
        return False


def canonical_axis(axis: int, shape: Shape, *, what: str = "axis") -> int:
    """Return `axis` counted from the front, where negative values count from the back as in Caffe."""
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(
            f"{what} is out of range",
            expected=f"{what} from {-len(shape)} to {len(shape) - 1}, for {len(shape)} axes",
            got=f"{what} {axis}, bottom of shape {shape_text(shape)}",
        )
    return axis % len(shape)


def shape_text(shape: Shape) -> str:
    """Write a shape as users read it: 64x20x4x4."""
    return "x".join(map(str, shape)) or "() (a single number)"
