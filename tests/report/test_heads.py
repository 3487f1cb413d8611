from __future__ import annotations

from pycaffelite.graph.graph import Graph
from pycaffelite.report.heads import Head, heads
from pycaffelite.solvers.events import OutputValue


def test_outputs_are_sorted_by_what_they_score(test_graph: Graph) -> None:
    outputs = [
        OutputValue("accuracy", (0.75,)),
        OutputValue("extra", (0.1, 0.9)),
        OutputValue("loss", (0.2,), 1.0),
        OutputValue("side_loss", (0.4,), 0.5),
    ]
    found, others = heads(test_graph, outputs)
    assert found == [
        Head("out", {"accuracy": 0.75}, {"loss": 0.2}, {"loss": 1.0}),
        Head("side", {}, {"side_loss": 0.4}, {"side_loss": 0.5}),
    ]
    assert [output.name for output in others] == ["extra"]
