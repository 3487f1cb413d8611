"""Whether a weights file fits a layer: the one judge, for loading it and for telling beforehand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pycaffelite.blob import Shape
from pycaffelite.errors import SnapshotError
from pycaffelite.layers.base import shape_text
from pycaffelite.snapshot.stored import StoredBlob

Fate = Literal["empty", "left", "copied"]


def fate_of(shapes: Sequence[Shape], owned: Collection[int], blobs: Mapping[int, StoredBlob], path: Path) -> Fate:
    """Tell what becomes of a layer.

    Args:
        shapes: Of its parameters.
        owned: The indices of those that no earlier layer owns.
        blobs: What the file holds under its name, by index.
        path: The file.

    Returns:
        "empty": no parameters on either side; "left": the file has none for it; "copied".

    Raises:
        SnapshotError: They do not fit; the caller knows the layer and its line.
    """
    if not shapes and not blobs:
        return "empty"
    if not blobs and owned:
        return "left"
    # A parameter that another layer owns may be missing: HDF5 files hold it once.
    if any(index not in blobs for index in owned) or any(index >= len(shapes) for index in blobs):
        raise SnapshotError(
            f"another number of parameters in {path}",
            expected=f"{len(shapes)}, as the net has them",
            got=f"{len(blobs)} in the file",
            hint="another bias_term, or another type of layer? Rename the layer to train it from scratch",
        )
    for index, blob in blobs.items():
        if not blob.fits(shapes[index]):
            raise SnapshotError(
                f"parameter {index} has another shape in {path}",
                expected=f"shape {shape_text(shapes[index])}, as the net has it",
                got=f"shape {shape_text(blob.shape)} in the file",
                hint="rename the layer, or skip such layers with `--skip-mismatch`, to train it from scratch",
            )
    return "copied"
