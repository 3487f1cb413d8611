"""Which kernels compute a convolution over two spatial axes: by its geometry alone, so that nothing has to be measured.

Each of the modules has `Plan(geometry, dtype)`, `forward`, `weight_gradient` and `data_gradient`, with the same
arguments and, up to rounding, the same results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels import convolution, depthwise, winograd, winograd_tiles
from pycaffelite.kernels.convolution_plan import Geometry


def choose(geometry: Geometry, dtype: npt.DTypeLike) -> tuple[Any, Any]:
    """Return the module for a geometry and float type, and its plan."""
    module: Any = convolution
    for special in (depthwise, winograd, winograd_tiles):
        if special.suits(geometry, np.dtype(dtype)):
            module = special
    return module, module.Plan(geometry, dtype)
