"""Parameters: made and filled, shared within a net by name, shared with another net by layer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from pycaffelite import fillers
from pycaffelite.blob import Blob
from pycaffelite.errors import ShapeError, WiringError
from pycaffelite.layers.base import ParamLayout, shape_text
from pycaffelite.net.net import LayerShapes, Learnable, Net


class ParameterMaker:
    """Makes the parameters of one layer after the other and lists them in `net.learnables`.

    Args:
        net: The net under construction.
        share: A net whose parameters are used, by layer name, instead of new ones.
    """

    def __init__(self, net: Net, share: Net | None) -> None:
        self.net = net
        self.share = share
        self.owners: dict[str, tuple[int, Any]] = {}  # name of a parameter -> index of the learnable, its ParamSpec

    def make(self, shapes: LayerShapes) -> list[Blob]:
        """Return the parameters of a layer; also tells the layer which of them need gradients."""
        specs = shapes.node.message.param
        layouts = shapes.layout.params
        if len(specs) > len(layouts):
            raise WiringError(
                "too many `param { }` entries",
                expected=f"at most {len(layouts)}, one for each parameter blob",
                got=f"{len(specs)}",
            )
        shared = self._of_other_net(shapes)
        generator = shapes.layer.context.generator(shapes.node.name)
        params = []
        for index, layout in enumerate(layouts):
            spec = specs[index] if index < len(specs) else None
            if spec is not None and spec.name in self.owners:
                params.append(self._share_within(spec, layout))
            else:
                blob = Blob(layout.shape, self.net.dtype) if shared is None else shared[index]
                if shared is None and layout.initial is not None:
                    blob.data[...] = layout.initial
                elif shared is None and layout.filler is not None:
                    fillers.fill(blob.data, layout.filler, generator)
                if spec is not None and spec.name:
                    self.owners[spec.name] = (len(self.net.learnables), spec)
                self._list(shapes, index, blob, spec)
                params.append(blob)
            # What the prototxt freezes needs no gradient. As in Caffe, what a layer itself freezes counts as learned.
            shapes.layer.wanted_params.append(spec is None or spec.lr_mult != 0)
        return params

    def _list(self, shapes: LayerShapes, index: int, blob: Blob, spec: Any) -> None:
        layout = shapes.layout.params[index]
        lr_mult, decay_mult = (layout.lr_mult, layout.decay_mult) if spec is None else (spec.lr_mult, spec.decay_mult)
        if layout.lr_mult == 0:  # no business of the solver's, whatever the prototxt says
            lr_mult = 0
        name = f"{shapes.node.name}/{index}"
        self.net.learnables.append(Learnable(name, blob, lr_mult, decay_mult, shapes.node.where))

    def _of_other_net(self, shapes: LayerShapes) -> list[Blob] | None:
        """Return the parameters of the layer of the same name in the other net, or None where it has none."""
        blobs = self.share.params.get(shapes.node.name) if self.share is not None else None
        if blobs is None or not shapes.layout.params:
            return None
        ours = [layout.shape for layout in shapes.layout.params]
        theirs = [blob.shape for blob in blobs]
        if ours != theirs:
            raise ShapeError(
                "parameters cannot be shared with the training net",
                expected=", ".join(map(shape_text, theirs)) + ", as in the training net",
                got=", ".join(map(shape_text, ours)),
                hint="the layer must be of the same size in both phases, or have another name",
            )
        return blobs

    def _share_within(self, spec: Any, layout: ParamLayout) -> Blob:
        """Use a parameter that an earlier layer of this net owns under the same name."""
        index, owner_spec = self.owners[spec.name]
        owner = self.net.learnables[index]
        blob = owner.blob
        permissive = spec.share_mode == type(spec).PERMISSIVE
        if not (math.prod(layout.shape) == blob.count if permissive else layout.shape == blob.shape):
            raise ShapeError(
                f"parameter `{spec.name}` cannot be shared",
                expected=f"shape {shape_text(blob.shape)}, as `{owner.name}` has it",
                got=shape_text(layout.shape),
                hint=None if permissive else "`share_mode: PERMISSIVE` shares blobs of equal count",
            )
        for field in ("lr_mult", "decay_mult"):
            self._agree(spec, owner_spec, field, index)
        if layout.shape == blob.shape:
            return blob
        return Blob(layout.shape, data=blob.data.reshape(layout.shape), diff=blob.diff.reshape(layout.shape))

    def _agree(self, spec: Any, owner_spec: Any, field: str, index: int) -> None:
        """Sharers may leave a multiplier out, or state the same; the first one that is stated counts."""
        if not spec.HasField(field):
            return
        owner, value = self.net.learnables[index], getattr(spec, field)
        if owner_spec.HasField(field) and getattr(owner_spec, field) != value:
            raise WiringError(
                f"parameter `{spec.name}` is shared with another {field}",
                expected=f"{getattr(owner_spec, field):g}, as `{owner.name}` has it, or none",
                got=f"{value:g}",
            )
        self.net.learnables[index] = replace(owner, **{field: value})
        if not owner_spec.HasField(field):
            merged = type(owner_spec)()
            merged.CopyFrom(owner_spec)
            setattr(merged, field, value)
            self.owners[spec.name] = (index, merged)
