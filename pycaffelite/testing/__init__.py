"""The contract that every layer must pass, for ours and for yours.

`LayerContract` is a base class for pytest: state the cases of a layer, and every law is checked for each. `LayerRunner`
runs one layer without a net, and `check_gradients` compares its gradients with central differences.
"""

from __future__ import annotations

from pycaffelite.testing.cases import Case, ErrorCase
from pycaffelite.testing.contract import LayerContract
from pycaffelite.testing.equality import close, same_bits
from pycaffelite.testing.gradients import check_gradients
from pycaffelite.testing.runner import LayerRunner, layer_text

__all__ = ["Case", "ErrorCase", "LayerContract", "LayerRunner", "check_gradients", "close", "layer_text", "same_bits"]
