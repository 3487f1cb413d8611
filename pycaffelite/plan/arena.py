"""A pass for those who want the outputs alone: blobs that are never needed at the same time share memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pycaffelite.blob import Array, Blob, aligned_zeros
from pycaffelite.plan.plan import Plan

_LINE = 64  # bytes: where a piece may begin


@dataclass
class _Piece:
    """Memory that some blobs have in common already: a split's, a view's, the parts of a join.

    Attributes:
        blobs: Those that lie in it.
        first, last: The layers between which it is needed, by their place in the net.
        begin: Where it will begin in the arena.
    """

    first: int
    last: int
    blobs: dict[Blob, None] = field(default_factory=dict)
    begin: int = 0

    @property
    def address(self) -> int:
        """Where it begins now."""
        return min(blob.data.ctypes.data for blob in self.blobs)

    @property
    def end(self) -> int:
        """Where it will end in the arena."""
        return self.begin + max(blob.data.ctypes.data + blob.data.nbytes for blob in self.blobs) - self.address

    def meets(self, other: _Piece) -> bool:
        """Return whether both are needed at some time."""
        return self.first <= other.last and other.first <= self.last


def share_memory(plan: Plan) -> Plan:
    """Put the blobs between sources and outputs into one arena, for as long as the shapes stay.

    Every layer writes the whole of its tops, so what a blob holds from before does not matter. What has its own memory
    still: the tops of sources, which a source may fill once or ahead of time, outputs, and losses. Layers whose data
    decides shapes would make new arrays anyway: a net with one of them is left as it is.
    """
    if not any(entry.layer.measures for entry in plan.net.layers):
        pieces = _shareable(plan)
        size = _place(pieces)
        _move(pieces, aligned_zeros((size,), np.uint8))
    return plan


def _shareable(plan: Plan) -> list[_Piece]:
    """Return the pieces whose contents nobody asks for after a pass, or before it."""
    net, spans = plan.net, _spans(plan)
    pieces: dict[int, _Piece] = {}
    kept = {_owner(net.blobs[name].data) for name in (*net.inputs, *net.outputs)}
    for entry, (first, last) in zip(net.layers, spans, strict=True):
        for blob in (*entry.bottoms, *entry.tops):
            piece = pieces.setdefault(_owner(blob.data), _Piece(first, last))
            piece.blobs[blob] = None
            piece.first, piece.last = min(piece.first, first), max(piece.last, last)
        kept |= {
            _owner(blob.data)
            for blob, weight in zip(entry.tops, entry.loss_weights, strict=True)
            if weight or not entry.bottoms
        }
    return [piece for owner, piece in pieces.items() if owner not in kept]


def _spans(plan: Plan) -> list[tuple[int, int]]:
    """Return for each layer between which layers of the net it may run: those that share its step, whoever is called.

    So the places hold for the naive plan too, where each runs in its turn.
    """
    index = {id(entry): number for number, entry in enumerate(plan.net.layers)}
    spans = [(number, number) for number in index.values()]
    for step in plan.forward_steps:
        together = [index[id(entry)] for entry in step.layers]
        for number in together:
            spans[number] = (min(together), max(together))
    return spans


def _owner(array: Array) -> int:
    """Return what tells apart the memory that arrays are views of."""
    owner: object = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    return id(owner)


def _place(pieces: list[_Piece]) -> int:
    """Choose where pieces begin, the largest first, each as low as those allow that it meets; return the bytes."""
    placed: list[_Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.end):
        for other in sorted(filter(piece.meets, placed), key=lambda other: other.begin):
            length = piece.end - piece.begin
            if piece.begin + length > other.begin and piece.begin < other.end:
                piece.begin = -(-other.end // _LINE) * _LINE
        placed.append(piece)
    return max((piece.end for piece in placed), default=0)


def _move(pieces: list[_Piece], arena: Array) -> None:
    """Give the blobs their places in the arena; those of one piece lie in it as they did."""
    for piece in pieces:
        address = piece.address
        moved = {}
        for blob in piece.blobs:
            begin = piece.begin + blob.data.ctypes.data - address
            moved[blob] = arena[begin : begin + blob.data.nbytes].view(blob.dtype).reshape(blob.shape)
        for blob, array in moved.items():
            blob.data = array
