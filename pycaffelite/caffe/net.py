"""`caffe.Net` as pycaffe spells it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.api import RunnableNet, load_net
from pycaffelite.blob import Array
from pycaffelite.caffe.mode import python_layers_allowed, random_seed
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.faces import Blob, Blobs, Layer
from pycaffelite.names import did_you_mean
from pycaffelite.net import NetLayer
from pycaffelite.snapshot import load_weights, save_weights

TRAIN, TEST = 0, 1

_PHASES = {TRAIN: "train", TEST: "test"}


def _layer(entry: NetLayer) -> Layer:
    """Return a layer with its `type`, and its parameters as `blobs`; of a Python layer the user's own object."""
    own: Layer | None = getattr(entry.layer, "user", None)
    if own is not None:
        return own
    layer = Layer()
    layer.type, layer.blobs = entry.node.type, Blobs(Blob(blob) for blob in entry.layer.params)
    return layer


class Net:
    """A net that runs: `Net(file, phase, weights=...)`, or the older `Net(file, weights, phase)`.

    Args:
        network_file: A prototxt of any dialect.
        arguments: The phase (`TRAIN`, `TEST`), or weights and the phase.
        phase: The phase, by keyword.
        level, stages: The state that include and exclude rules are held against.
        weights: A .caffemodel or .caffemodel.h5 file, by keyword.

    Attributes:
        blobs: Every blob by name, those of splits included.
        params: The parameter blobs by layer name.
        inputs, outputs: Names of the blobs that the user fills, and of those that no layer reads.
        layers, layer_dict: The layers in order, and by name.
        bottom_names, top_names: The blobs that each layer reads and writes.
        blob_loss_weights: The weight of each blob in the total loss.
    """

    def __init__(
        self,
        network_file: str,
        *arguments: Any,
        phase: int | None = None,
        level: int = 0,
        stages: Sequence[str] | None = None,
        weights: str | None = None,
    ) -> None:
        for argument in arguments:
            if isinstance(argument, int):
                phase = argument
            else:
                weights = argument
        if phase not in _PHASES:
            raise FieldError("a net needs a phase", expected="caffe.TRAIN or caffe.TEST", got=repr(phase))
        self._take(
            load_net(
                str(network_file),
                _PHASES[phase],
                None if weights is None else str(weights),
                level=level,
                stages=stages or (),
                seed=random_seed(),
                allow_python_layers=python_layers_allowed(),
            )
        )

    @classmethod
    def of(cls, runnable: RunnableNet) -> Net:
        """Give a net that was built before pycaffe's face."""
        net = cls.__new__(cls)
        net._take(runnable)
        return net

    def _take(self, runnable: RunnableNet) -> None:
        self._runnable = runnable
        self._net = net = runnable.net
        self.blobs = OrderedDict((name, Blob(blob)) for name, blob in net.blobs.items())
        self.params = OrderedDict((name, [Blob(blob) for blob in blobs]) for name, blobs in net.params.items())
        self.inputs = list(net.inputs)
        self.outputs = list(net.outputs)
        self.layers = [_layer(entry) for entry in net.layers]
        self._layer_names = [entry.node.name for entry in net.layers]
        self._blob_names = list(net.blobs)
        self.layer_dict = OrderedDict(zip(self._layer_names, self.layers, strict=True))
        self.bottom_names = OrderedDict((entry.node.name, list(entry.node.bottoms)) for entry in net.layers)
        self.top_names = OrderedDict((entry.node.name, list(entry.top_names)) for entry in net.layers)
        self.blob_loss_weights = OrderedDict((name, net.loss_weights.get(name, 0.0)) for name in net.blobs)

    def forward(
        self, blobs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **kwargs: Any
    ) -> dict[str, Array]:
        """Run the net, or the layers from `start` to `end`.

        Args:
            blobs: Names of blobs to return besides the outputs.
            start, end: Names of the first and the last layer to run.
            kwargs: Values of the input blobs.

        Returns:
            The outputs (of `end`, if it is given) by name.
        """
        if kwargs:
            self._fill(kwargs, self.inputs, "data")
        first, last = self._index(start, 0), self._index(end, len(self.layers) - 1)
        plan = self._runnable.plan
        whole = (first, last) == (0, len(self.layers) - 1)
        for step in (plan if whole else plan.naive).forward_steps:  # a naive step is of one layer
            if first <= self._index(step.layer.node.name, 0) <= last:
                step.run()
        names = {*(self.outputs if end is None else self.top_names[end][:1]), *(blobs or ())}
        return {name: self.blobs[name].data for name in names}

    def backward(
        self, diffs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **kwargs: Any
    ) -> dict[str, Array]:
        """Run the net backward, or the layers from `start` down to `end`; gradients of parameters add up.

        Args:
            diffs: Names of blobs whose diffs to return besides the inputs'.
            start, end: Names of the first and the last layer to run, from the top.
            kwargs: Diffs of the output blobs to start from.

        Returns:
            The diffs of the inputs (of the bottom of `end`, if it is given) by name.
        """
        if kwargs:
            self._fill(kwargs, self.outputs, "diff")
        first, last = self._index(start, len(self.layers) - 1), self._index(end, 0)
        plan = self._runnable.plan
        whole = (first, last) == (len(self.layers) - 1, 0)
        for step in (plan if whole else plan.naive).backward_steps:
            if last <= self._index(step.layer.node.name, 0) <= first:
                step.run()
        names = {*(self.inputs if end is None else self.bottom_names[end][:1]), *(diffs or ())}
        return {name: self.blobs[name].diff for name in names}

    def forward_all(self, blobs: Sequence[str] | None = None, **kwargs: Any) -> dict[str, Array]:
        """Run any number of records through the net, batch by batch; return the outputs of all."""
        collected: dict[str, list[Array]] = {}
        records = len(next(iter(kwargs.values())))
        for batch in self._batches(kwargs):
            self._fill(batch, self.inputs, "data")
            for name, values in self.forward(blobs=blobs).items():
                collected.setdefault(name, []).append(values.copy())
        return {name: np.concatenate(parts)[:records] for name, parts in collected.items()}

    def clear_param_diffs(self) -> None:
        """Set the gradients of all parameters to zero."""
        self._net.clear_param_diffs()

    def reshape(self) -> None:
        """Carry new shapes of the inputs through the net."""
        self._net.reshape()

    def copy_from(self, path: str) -> None:
        """Copy the weights of layers of the same name from a file."""
        load_weights(self._net, str(path))

    def save(self, path: str) -> None:
        """Write the weights to a .caffemodel file (or .h5, by its name)."""
        save_weights(self._net, str(path))

    load_hdf5 = copy_from
    save_hdf5 = save

    def share_with(self, other: Net) -> None:
        """Use the parameters of the layers of the same name in another net from now on."""
        for name, ours in self._net.params.items():
            for mine, theirs in zip(ours, other._net.params.get(name, ours), strict=True):
                if mine.shape != theirs.shape:
                    raise ShapeError(f"parameters of `{name}` cannot be shared", got=f"{mine} and {theirs}")
                mine.data = theirs.data

    def set_input_arrays(self, data: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """Let the MemoryData layer read from these arrays."""
        for entry in self._net.layers:
            if entry.node.type == "MemoryData":
                layer: Any = entry.layer
                layer.set_batches(data, labels)
                return
        raise FieldError("the net has no MemoryData layer", hint="fill an input blob instead: net.blobs[...].data[...]")

    def _fill(self, values: Mapping[str, Any], names: Sequence[str], part: str) -> None:
        """Write into the data or the diffs of the blobs of these names, all of which must be given."""
        if set(values) != set(names):
            raise ShapeError(
                "the arguments do not match the net",
                expected=", ".join(f"`{name}`" for name in names) or "none",
                got=", ".join(f"`{name}`" for name in values),
            )
        for name, value in values.items():
            target: Array = getattr(self.blobs[name], part)
            if np.shape(value)[:1] != target.shape[:1]:
                raise ShapeError(
                    f"`{name}` is not of the batch size",
                    expected=f"an array of shape {target.shape}",
                    got=f"shape {np.shape(value)}",
                    hint=f'net.blobs["{name}"].reshape(...) changes it',
                )
            target[...] = value

    def _batches(self, values: Mapping[str, Any]) -> Iterator[dict[str, Array]]:
        """Cut arrays into batches; the last one is filled up with zeros."""
        size = self.blobs[self.inputs[0]].shape[0]
        arrays = {name: np.asarray(value) for name, value in values.items()}
        for begin in range(0, len(next(iter(arrays.values()))), size):
            parts = {name: array[begin : begin + size] for name, array in arrays.items()}
            yield {
                name: np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), part.dtype)])
                for name, part in parts.items()
            }

    def _index(self, name: str | None, default: int) -> int:
        """Return the place of a layer."""
        if name is None:
            return default
        if name not in self.layer_dict:
            raise FieldError("unknown layer", got=f"`{name}`", hint=did_you_mean(name, self._layer_names))
        return self._layer_names.index(name)
