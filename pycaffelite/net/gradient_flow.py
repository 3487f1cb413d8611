"""Which layers and bottoms take part in the backward pass, decided as Caffe decides it."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.net.net import NetLayer


def mark(layers: Sequence[NetLayer], *, force: bool) -> None:
    """Set `needs_backward` and `wanted` of every layer.

    A gradient is computed where something below can learn from it and something above leads to a loss.

    Args:
        layers: In the order of the forward pass.
        force: The net's `force_backward`: gradients run down to the inputs, whatever learns.
    """
    _mark_what_learns(layers)
    _unmark_what_leads_to_no_loss(layers)
    if force:
        for entry in layers:
            entry.needs_backward = True
            refused = entry.layer.no_gradient_to
            entry.wanted = [wanted or i not in refused for i, wanted in enumerate(entry.wanted)]
            entry.layer.wanted_params = [True] * len(entry.layer.params)


def _mark_what_learns(layers: Sequence[NetLayer]) -> None:
    """Forward: a layer needs a gradient when it learns itself, or when something below it does."""
    learns: set[str] = set()
    for entry in layers:
        given = entry.layer.no_gradient_to if entry.layer.takes_as_given else ()
        below = [
            name in learns and i not in given and not entry.layer.constant for i, name in enumerate(entry.node.bottoms)
        ]
        stated = [wanted and i not in given for i, wanted in enumerate(entry.node.message.propagate_down)]
        entry.wanted = stated if stated else below
        entry.needs_backward = any(below) or any(entry.layer.wanted_params)
        if entry.needs_backward:
            learns.update(entry.top_names)


def _unmark_what_leads_to_no_loss(layers: Sequence[NetLayer]) -> None:
    """Backward: a layer that no loss lies above has nothing to propagate."""
    under_loss: set[str] = set()
    cut_off: set[str] = set()
    for entry in reversed(layers):
        tops = list(zip(entry.top_names, entry.loss_weights, strict=True))
        contributes = any(weight or name in under_loss for name, weight in tops)
        if entry.needs_backward and all(name in cut_off for name, _weight in tops):
            entry.wanted = [False] * len(entry.wanted)
            entry.needs_backward = False
        entry.needs_backward = entry.needs_backward and contributes
        if not contributes:
            entry.wanted = [False] * len(entry.wanted)
        else:
            under_loss.update(entry.node.bottoms)
        cut_off.update(name for name, wanted in zip(entry.node.bottoms, entry.wanted, strict=True) if not wanted)
