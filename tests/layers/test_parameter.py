from __future__ import annotations

import numpy as np

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net
from pycaffelite.testing import Case, ErrorCase, LayerContract


class TestParameter(LayerContract):
    type_name = "Parameter"
    cases = {
        "matrix": Case("parameter_param { shape { dim: 2 dim: 3 } }", [], oracle=lambda b, p: p[0]),
        "number": Case("parameter_param { shape { } }", [], oracle=lambda b, p: p[0]),
    }
    errors = {
        "no_shape": ErrorCase(
            bottoms=[],
            message="""
            error: a parameter has no shape
              expected: `parameter_param { shape { dim: ... } }`
              got:      no shape
            """,
        ),
    }


def test_it_learns_in_a_net():
    text = """
    layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 3 } } }
    layer { name: "r" type: "Reduction" bottom: "p" top: "r" loss_weight: 2 }
    """
    net = build(build_graph(parse_net(text)))
    plan = compile_plan(net)
    net.params["p"][0].data[...] = [1, 2, 3]
    assert plan.forward() == 12
    plan.backward()
    np.testing.assert_array_equal(net.params["p"][0].diff, [2, 2, 2])
