from __future__ import annotations

import numpy as np

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net
from pycaffelite.testing import Case, ErrorCase, LayerContract

CHOICE = np.array([0, 1, 0, -2.0])


def oracle(bottoms, params):
    return [x[bottoms[-1].ravel() != 0] for x in bottoms[:-1]]


class TestFilter(LayerContract):
    type_name = "Filter"
    cases = {
        "one": Case(bottoms=[(4, 2, 3), CHOICE], oracle=oracle),
        "two": Case(bottoms=[(4, 2), (4,), CHOICE.reshape(4, 1, 1)], tops=2, oracle=oracle),
        "all": Case(bottoms=[(4, 2), np.ones(4)], oracle=oracle),
        "none": Case(bottoms=[(4, 2), np.zeros(4)], oracle=oracle),
    }
    errors = {
        "tops": ErrorCase(
            bottoms=[(4, 2), (4, 2), CHOICE],
            message="""
            error: there are not as many tops as bottoms before the selector
              expected: 2
              got:      1
            """,
        ),
        "selector": ErrorCase(
            bottoms=[(4, 2), (4, 2)],
            message="""
            error: the selector has not one number for each record
              expected: a last bottom of shape N, or Nx1...
              got:      shape 4x2
            """,
        ),
        "records": ErrorCase(
            bottoms=[(3, 2), CHOICE],
            message="""
            error: the numbers of records differ
              expected: 4 records, as the selector has
              got:      a bottom of shape 3x2
            """,
        ),
    }


def test_a_net_follows_the_number_of_records():
    text = """
    layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 3 dim: 2 } } }
    layer { name: "s" type: "Input" top: "s" input_param { shape { dim: 3 } } }
    layer { name: "f" type: "Filter" bottom: "x" bottom: "s" top: "f" }
    layer { name: "r" type: "ReLU" bottom: "f" top: "r" }
    layer { name: "t" type: "Reduction" bottom: "r" top: "t" loss_weight: 1 }
    force_backward: true
    """
    net = build(build_graph(parse_net(text)))
    plan = compile_plan(net)
    net.blobs["x"].data[...] = [[1, 2], [3, 4], [5, 6]]
    for choice, total in (([1, 0, 1], 14), ([0, 0, 0], 0), ([0, 1, 0], 7), ([1, 1, 1], 21)):
        net.blobs["s"].data[...] = choice
        assert plan.forward() == total
        assert net.blobs["r"].shape == (sum(choice), 2)
        plan.backward()
        np.testing.assert_array_equal(net.blobs["x"].diff, np.repeat(np.array(choice)[:, None], 2, 1))
