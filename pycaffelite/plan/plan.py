"""A plan: the flat tuples of steps that run a net. Every runner, whatever it measures or prints, loops over these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pycaffelite.blob import Blob
from pycaffelite.errors import PycaffeliteError, UnsupportedError
from pycaffelite.layers.base import Layer
from pycaffelite.net import Net, NetLayer


@dataclass(frozen=True)
class Step:
    """One call, with its blobs bound: of a layer, or of a layer that does the work of those after it in passing.

    Attributes:
        layers: Whose step it is, for those who observe; the first one is called.
        call: What it does.
    """

    layers: tuple[NetLayer, ...]
    call: Callable[[], None]

    def run(self) -> None:
        """Do it; an error of ours gets the layer and its line."""
        _run_all((self,))

    @property
    def layer(self) -> NetLayer:
        """The layer that is called."""
        return self.layers[0]


def _run_all(steps: Sequence[Step]) -> None:
    """Do steps; an error of ours gets the layer and its line."""
    try:
        for step in steps:
            step.call()
    except PycaffeliteError as error:
        error.within(step.layer.node.subject, step.layer.node.where)
        raise


class Plan:
    """Runs a net forward and backward. Made by `compile_plan`.

    Attributes:
        net: The net whose blobs the steps read and write.
        forward_steps, backward_steps: In the order in which they run.
        naive: The plan with a step for each layer, for those who look at blobs between layers; it may take turns with
            this one. Of a naive plan, itself.
        forward_only: Whether there is no backward pass even where layers could learn.
    """

    def __init__(
        self,
        net: Net,
        forward_steps: tuple[Step, ...],
        backward_steps: tuple[Step, ...],
        *,
        naive: Plan | None = None,
        forward_only: bool = False,
    ) -> None:
        self.net = net
        self.forward_steps = forward_steps
        self.backward_steps = backward_steps
        self.naive = naive or self
        self.forward_only = forward_only
        self._losses = [
            (blob, weight)
            for entry in net.layers
            for blob, weight in zip(entry.tops, entry.loss_weights, strict=True)
            if weight
        ]

    def replaced(
        self,
        *,
        forward_steps: tuple[Step, ...] | None = None,
        backward_steps: tuple[Step, ...] | None = None,
        forward_only: bool | None = None,
    ) -> Plan:
        """Return a plan of the same net with other steps."""
        return Plan(
            self.net,
            self.forward_steps if forward_steps is None else forward_steps,
            self.backward_steps if backward_steps is None else backward_steps,
            naive=self.naive,
            forward_only=self.forward_only if forward_only is None else forward_only,
        )

    def forward(self) -> float:
        """Fill every top; return the total loss, the sum of loss weight times top."""
        _run_all(self.forward_steps)
        return self.total_loss()

    def backward(self, *, anew: bool = False) -> None:
        """Fill the wanted diffs and add to those of the parameters; `forward` must have run before.

        Args:
            anew: Whether all diffs of parameters begin at zero, whatever they hold. That costs less than clearing them
                before: large ones are overwritten.

        Raises:
            UnsupportedError: The plan was compiled for the forward pass alone.
        """
        if self.forward_only:
            raise UnsupportedError(
                "this plan has no backward pass", hint="compile it without `forward_only`, or use `plan.naive`"
            )
        overwriting, left = self._anew if anew else ([], [])
        for blob in left:
            blob.diff.fill(0)
        for layer in overwriting:
            layer.anew = True
        try:
            _run_all(self.backward_steps)
        finally:
            for layer in overwriting:
                layer.anew = False

    @cached_property
    def _anew(self) -> tuple[list[Layer], list[Blob]]:
        """Return the layers that can overwrite the diffs of their parameters, and the diffs that must be cleared."""
        owners = Counter(blob for entry in self.net.layers for blob in entry.layer.params)
        layers = [step.layer.layer for step in self.backward_steps if step.layer.layer.overwrites_params]
        layers = [layer for layer in layers if all(owners[blob] == 1 for blob in layer.params)]
        written = {
            blob for layer in layers for blob, wanted in zip(layer.params, layer.wanted_params, strict=True) if wanted
        }
        return layers, [learnable.blob for learnable in self.net.learnables if learnable.blob not in written]

    def total_loss(self) -> float:
        """Return the loss that stands in the blobs now."""
        total = 0.0
        for blob, weight in self._losses:
            data = blob.data
            total += weight * (data.item() if data.size == 1 else float(data.sum()))
        return total
