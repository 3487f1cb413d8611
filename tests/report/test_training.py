from __future__ import annotations

from collections.abc import Iterator

from pycaffelite.graph.graph import Graph
from pycaffelite.report.tables import plain
from pycaffelite.report.training import TrainingCollector, TrainingReport, render
from pycaffelite.solvers import events
from pycaffelite.solvers.events import Event, OutputValue

LOSS = (OutputValue("loss", (0.25,), 1.0),)
SCORES = (
    OutputValue("accuracy", (0.9915,)),
    OutputValue("extra", (0.5, 0.5)),
    OutputValue("loss", (0.029035,), 1.0),
    OutputValue("side_loss", (0.14664,), 0.5),
)


def run() -> Iterator[tuple[float, Event]]:
    """Yield times and events: a first iteration of 10 s, 0.5 s each for three more, a test of 3 s between."""
    yield 0.0, events.TrainingStarted(0, "two", "inv", 4)
    yield 10.0, events.IterationDone(0, 0.7, 0.7, 0.01, LOSS, True, 10.0, 1)
    yield 10.5, events.IterationDone(1, 0.6, 0.6, 0.01, LOSS, False, 0.5, 1)
    yield 10.5, events.TestStarted(2, 0, 5)
    yield 13.5, events.TestDone(2, 0, SCORES, None, 3.0)
    yield 14.0, events.IterationDone(2, 0.5, 0.5, 0.01, LOSS, False, 1.0, 2)
    yield 14.5, events.IterationDone(3, 0.4, 0.4, 0.01, LOSS, False, 1.5, 3)
    yield 15.0, events.SnapshotWritten(4, "a.caffemodel", "a.solverstate", False)
    yield 15.0, events.TrainingFinished(4, "done", 0.4, LOSS, 15.0)


def collect(graph: Graph, most: int = 99) -> TrainingReport:
    times = []
    collector = TrainingCollector("two", [graph], ("mnist-train-leveldb",), lambda: times[-1])
    for time, event in list(run())[:most]:
        times.append(time)
        collector.take(event)
    return collector.report()


def test_the_speed_leaves_out_compilation_and_tests(test_graph: Graph) -> None:
    report = collect(test_graph)
    assert report.rate == 2.0
    assert (report.iterations, report.iteration, report.seconds, report.reason) == (4, 4, 15.0, "done")


def test_the_last_scores_of_each_head(test_graph: Graph) -> None:
    (test,) = collect(test_graph).tests
    assert [head.name for head in test.heads] == ["out", "side"]
    assert test.heads[0].accuracies == {"accuracy": 0.9915}


def test_an_interrupted_run_has_a_report_too(test_graph: Graph) -> None:
    report = collect(test_graph, most=3)
    assert (report.reason, report.iteration, report.weights_path, report.tests) == ("interrupted", 2, None, ())


def test_text(test_graph: Graph) -> None:
    text = plain(render(collect(test_graph), ["pycaffelite test n.prototxt --weights a.caffemodel"]))
    assert text.splitlines() == [
        "",
        "two: test after 2 iterations",
        "",
        "head  outputs         accuracy      loss  weight",
        "────────────────────────────────────────────────",
        "out   accuracy, loss   99.15 %  0.029035       1",
        "side  side_loss              -   0.14664     0.5",
        "",
        "output    value",
        "───────────────",
        "extra   0.5 0.5",
        "",
        "data         pycaffelite's own digits, NOT MNIST, in place of mnist-train-leveldb",
        "iterations   4 in 15.0 s",
        "speed        2.0 iterations per second, compilation and tests left out",
        "train loss   0.4",
        "snapshot     a.caffemodel",
        "             a.solverstate",
        "",
        "next:",
        "  pycaffelite test n.prototxt --weights a.caffemodel",
    ]


def test_text_without_a_test_net(test_graph: Graph) -> None:
    lines = plain(render(collect(test_graph, most=3))).splitlines()
    assert lines[1].split() == ["training", "output", "value"]
    assert lines[3].split() == ["loss", "0.25"]
    assert lines[-1] == "snapshot     none written"
