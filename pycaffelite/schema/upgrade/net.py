"""A net of any era in the current form: the steps in the reference's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pycaffelite.schema import messages
from pycaffelite.schema.notes import Note, Notes
from pycaffelite.schema.problems import Report, raise_problem
from pycaffelite.schema.sourcemap import Mark, SourceMap
from pycaffelite.schema.upgrade.current import (
    fix_batch_norm,
    inputs_to_layer,
    move_to_3d,
    note_ignored_transforms,
    read_old_habits,
)
from pycaffelite.schema.upgrade.traced import Circumstances, Traced
from pycaffelite.schema.upgrade.v0 import connections_to_v1
from pycaffelite.schema.upgrade.v1 import layer_to_current, move_transforms, read_type_texts

_V0_NOTE = 'layers of the V0 form, `layers { layer { type: "name" } }`, became `layer { type: "Name" }`'
_V1_NOTE = 'layers of the V1 form, `layers { type: NAME }`, became `layer { type: "Name" }`'


@dataclass(frozen=True)
class UpgradedNet:
    """A net in the current form.

    Attributes:
        net: The NetParameter.
        source: Where its fields were written.
        notes: What changed.
        dialect: The form it was written in: "V0", "V1" or "current".
    """

    net: Any
    source: SourceMap
    notes: tuple[Note, ...]
    dialect: str


def dialect_of(net: Any) -> str:
    """Name the era of a NetParameter's layers: "V0", "V1" or "current"."""
    if any(layer.HasField("layer") for layer in net.layers):
        return "V0"
    return "V1" if net.layers else "current"


def upgrade_net(net: Any, source: SourceMap, report: Report = raise_problem, notes: Notes | None = None) -> UpgradedNet:
    """Bring a NetParameter to the current form.

    Args:
        net: The message as read; it may be used up.
        source: Where its fields stand; it may be used up.
        report: Takes problems; when it returns, the piece is passed over.
        notes: Takes what changes; those of the reader who calls.
    """
    about = Circumstances(source, report, notes)
    dialect = dialect_of(net)
    traced = Traced(net, source.root)
    if dialect != "current":
        traced = _upgrade_layers(traced, dialect, about)
    read_old_habits(traced, about)
    move_to_3d(traced, about)
    note_ignored_transforms(traced, about)
    inputs_to_layer(traced, about)
    fix_batch_norm(traced, about)
    return UpgradedNet(traced.message, SourceMap(source.path, source.text, traced.mark), about.notes.summary(), dialect)


def _upgrade_layers(old: Traced, dialect: str, about: Circumstances) -> Traced:
    """Turn `layers` into `layer`, by way of V1 when they are V0."""
    new = Traced(messages.NetParameter(), Mark(old.mark.offset))
    new.take_all(old, but=("layers", "layer"))
    connections = old.parts("layers")
    for connection in connections:
        about.note(_V0_NOTE if connection.has("layer") else _V1_NOTE, connection.mark.offset)
    read_type_texts(connections, about)
    if dialect == "V0":
        connections = connections_to_v1(connections, list(old.message.input), old.has("layer"), about)
    move_transforms(connections, about)
    layers = old.parts("layer")
    if layers:
        _note_mixed(old, about)
    carrier = Traced(messages.NetParameter(), Mark())
    for connection in connections:
        layer = carrier.grow("layer", connection.mark.offset)
        layer_to_current(connection, layer, about)
        layers.append(layer)
    for layer in sorted(layers, key=lambda layer: layer.mark.offset or 0):
        new.message.layer.append(layer.message)
        new.mark.add("layer", layer.mark)
    return new


def _note_mixed(net: Traced, about: Circumstances) -> None:
    old, new = net.offset("layers"), net.offset("layer")
    about.note(
        "the net mixes `layers` of the old form with `layer` of the current one; they stand in the order of the file",
        max(old or 0, new or 0),
    )
