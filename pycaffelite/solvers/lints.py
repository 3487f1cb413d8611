"""What looks wrong before a training begins: labels, data and weights that cannot lead far.

The data layers are run for some batches and then put back to where they were, so that training sees the same records
as without this look.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.errors import PycaffeliteError
from pycaffelite.net import Net, NetLayer
from pycaffelite.schema.notes import Note
from pycaffelite.schema.problems import WARNING

_RECORDS = 1000  # looked at, at most
_SECONDS = 0.3
_TELLING_RUN = 256  # records of one label before that says something
_SORTED = 0.1  # of the changes of label that a shuffled order has

# Losses whose second bottom holds class numbers, and what names the axis of the classes in the first one.
_CLASS_LOSSES = {
    "SoftmaxWithLoss": "softmax_param",
    "SoftmaxWithLossOHEM": "softmax_param",
    "MultinomialLogisticLoss": None,
    "InfogainLoss": "infogain_loss_param",
    "HingeLoss": None,
}
_WITHOUT_IGNORE = ("MultinomialLogisticLoss", "HingeLoss")  # they know no `ignore_label`
_BENDS = ("ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "BNLL", "ReLU6", "Swish")
_MADE_UP = ("DummyData", "Input", "MemoryData", "Parameter")


@dataclass
class _Sample:
    """What some batches of a source's top held.

    Attributes:
        entry: The source.
        values: Of tops with one value a record, all of them in order.
        least, most: Over all values.
    """

    entry: NetLayer
    values: list[Array] = field(default_factory=list)
    least: float = np.inf
    most: float = -np.inf


def start_lints(net: Net) -> list[Note]:
    """Return what looks wrong in a net that is about to be trained, each with its line."""
    samples = _look(net)
    labels = set()
    notes: list[Note] = []
    for entry, name in _class_labels(net):
        labels.add(name)
        if name in samples:
            notes += _label_notes(entry, samples[name])
    notes += [note for name, sample in samples.items() if name not in labels for note in _constant(name, sample)]
    notes += _zero_weights(net)
    return notes


def _look(net: Net) -> dict[str, _Sample]:
    """Run the sources for some batches; put them back."""
    samples: dict[str, _Sample] = {}
    for entry in net.layers:
        state = {} if entry.bottoms or entry.node.type in _MADE_UP or entry.layer.measures else entry.layer.state()
        if not state or not entry.tops:  # no source, or one that could not be put back
            continue
        samples |= {name: _Sample(entry) for name in entry.top_names}
        end = time.perf_counter() + _SECONDS
        records = min(_RECORDS, entry.layer.records() or _RECORDS)
        with suppress(PycaffeliteError):  # a record that cannot be read counts when training comes to it
            for _batch in range(max(1, records // max(1, entry.tops[0].shape[0]))):
                entry.layer.forward(entry.bottoms, entry.tops)
                for name, blob in zip(entry.top_names, entry.tops, strict=True):
                    _take(samples[name], blob.data)
                if time.perf_counter() > end:
                    break
        entry.layer.restore(state)
    return samples


def _take(sample: _Sample, data: Array) -> None:
    if data.size:
        sample.least, sample.most = min(sample.least, float(data.min())), max(sample.most, float(data.max()))
        if data.size == data.shape[0]:
            sample.values.append(data.reshape(-1).copy())


def _class_labels(net: Net) -> Iterator[tuple[NetLayer, str]]:
    """Yield each loss that takes class numbers, and the top of a source that they come from."""
    origin = {name: name for entry in net.layers if not entry.bottoms for name in entry.top_names}
    for entry in net.layers:
        if entry.node.type == "Split" and entry.node.bottoms[0] in origin:
            origin |= dict.fromkeys(entry.top_names, origin[entry.node.bottoms[0]])
        if entry.node.type in _CLASS_LOSSES and len(entry.bottoms) > 1 and entry.node.bottoms[1] in origin:
            yield entry, origin[entry.node.bottoms[1]]


def _label_notes(entry: NetLayer, sample: _Sample) -> Iterator[Note]:
    options = _CLASS_LOSSES[entry.node.type]
    axis = getattr(entry.node.message, options).axis if options else 1
    shape = entry.bottoms[0].shape
    classes = shape[axis] if -len(shape) <= axis < len(shape) else 0
    ignored = entry.node.message.loss_param
    where, subject = entry.node.where, entry.node.subject
    # Of a label for each place of an image, say, only the range is known.
    values = np.concatenate(sample.values) if sample.values else np.array([sample.least, sample.most])
    can_ignore = entry.node.type not in _WITHOUT_IGNORE
    if can_ignore and ignored.HasField("ignore_label"):
        values = values[values != ignored.ignore_label]
    if not values.size:
        return
    if (values != np.floor(values)).any():
        fraction = float(values[values != np.floor(values)][0])
        hint = "a label is the number of a class; for a number to be predicted use EuclideanLoss"
        yield Note(f"{subject}: labels are not whole numbers, {fraction:g} for example", where, WARNING, hint)
    elif values.min() < 0 or values.max() >= classes:
        wrong = float(values.min() if values.min() < 0 else values.max())
        more = f"; give the layer before it {wrong + 1:g} outputs, or correct the labels" if wrong >= 0 else ""
        hint = f"labels count from 0{more}{'; see also `ignore_label`' if can_ignore else ''}"
        what = f"{subject}: label {wrong:g} is out of range, for {classes} classes labels are 0 to {classes - 1}"
        yield Note(what, where, WARNING, hint)
    if sample.values:
        yield from _order_notes(sample.entry, values)


def _order_notes(source: NetLayer, labels: Array) -> Iterator[Note]:
    """Tell of labels that come sorted: each batch then pulls the weights another way."""
    count = len(labels)
    if count < _TELLING_RUN:
        return
    changes = int((labels[1:] != labels[:-1]).sum())
    shares = np.unique(labels, return_counts=True)[1] / count
    if changes == 0:
        what = f"the first {count} records all have label {labels[0]:g}"
    elif changes < _SORTED * (count - 1) * (1.0 - float(np.square(shares).sum())):
        what = f"the first {count} records change their label {changes} times only"
    else:
        return
    hint = "shuffle the records when the database is made"
    yield Note(f"{source.node.subject}: {what}: they seem to be sorted", source.node.where, WARNING, hint)


def _constant(name: str, sample: _Sample) -> Iterator[Note]:
    node = sample.entry.node
    if sample.least == sample.most and sample.entry.tops[0].count > 1:
        what = f"{node.subject}: every value of `{name}` is {sample.least:g}"
        yield Note(what, node.where, WARNING, "is it the right source, and the right scale and mean?")


def _zero_weights(net: Net) -> Iterator[Note]:
    """Tell of weights that are all zero below a bend and other weights: a rectifier lets nothing pass then, ever.

    Without a bend the weights above do let a gradient pass, and nets start from zero on purpose.
    """
    feeding: set[str] = set()  # blobs whose values reach weights further up
    bent: set[str] = set()  # those that a bend lies in between
    for entry in reversed(net.layers):
        weights = entry.layer.params[:1]
        weighty = bool(weights) and len(weights[0].shape) >= 2
        reaches = any(name in feeding for name in entry.top_names)
        through_bend = any(name in bent for name in entry.top_names)
        if weighty and through_bend and entry.layer.wanted_params[0] and not weights[0].data.any():
            what = f"{entry.node.subject}: all its weights are 0, and no gradient will pass them"
            hint = 'add `weight_filler { type: "xavier" }`; without one, weights are constant 0'
            yield Note(what, entry.node.where, WARNING, hint)
        if weighty or reaches:
            feeding.update(entry.node.bottoms)
        if (entry.node.type in _BENDS and reaches) or (through_bend and not weighty and entry.node.type != "Eltwise"):
            bent.update(entry.node.bottoms)
        elif weighty:
            bent.difference_update(entry.node.bottoms)
