"""A training run as the command line makes it: find the solver, log, obey signals, report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pycaffelite.api import load_solver
from pycaffelite.cli.configuration import Configuration, configure
from pycaffelite.cli.loading import copy_weights
from pycaffelite.cli.options import notify, report_of, use_threads
from pycaffelite.cli.progress import TrainingProgress
from pycaffelite.cli.signals import SignalRequests
from pycaffelite.report import tables
from pycaffelite.report.json_text import to_json
from pycaffelite.report.log import Line, LogWriter
from pycaffelite.report.scoring import Pass, score
from pycaffelite.report.stand_ins import stand_ins
from pycaffelite.report.training import TrainingCollector, TrainingReport, render
from pycaffelite.schema import messages
from pycaffelite.schema.reader import SolverFile
from pycaffelite.schema.text import format_text
from pycaffelite.snapshot import load_weights, newest_snapshot, resume_seed, snapshot_prefix
from pycaffelite.solvers import events
from pycaffelite.solvers.base import Solver
from pycaffelite.solvers.lints import start_lints


@dataclass(frozen=True)
class TrainOptions:
    """What was typed, by the names of the options."""

    config: str
    solver_path: str | None = None
    weights: tuple[str, ...] = ()
    skip_mismatch: bool = False
    snapshot: str | None = None
    resume: str | None = None
    settings: tuple[str, ...] = ()
    iterations: int | None = None
    on_nan: str | None = None
    sigint_effect: str = "stop"
    sighup_effect: str = "snapshot"
    level: int = 0
    stage: tuple[str, ...] = ()
    threads: int | None = None
    seed: int | None = None
    builtin_data: bool = True
    allow_python_layers: bool = False
    strict: bool = False
    as_json: bool = False


def run_training(options: TrainOptions) -> None:
    """Train, and print what came of it."""
    use_threads(options.threads)
    settings = options.settings
    if options.iterations is not None:
        settings = (*settings, f"max_iter={options.iterations}")
    configuration = configure(options.config, options.solver_path, settings, report_of(options.strict))
    if options.level or options.stage:
        configuration.solver.solver.train_state.level = options.level
        configuration.solver.solver.train_state.stage.extend(options.stage)
    if options.on_nan is not None:
        configuration.solver.solver.on_nan = options.on_nan
    for remark in configuration.remarks:
        notify(remark)
    if _wants_gpu(configuration.solver):
        notify(f"{configuration.solver.source.where('solver_mode')}: solver_mode: GPU, computed on the CPU here")
    snapshot = _newest_of(configuration.solver) if options.resume else options.snapshot
    if options.resume and snapshot is None:
        notify("there is no snapshot to resume from: starting anew")
    elif options.resume and options.weights:
        notify(f"going on from {snapshot}: --weights counts only for a training that starts anew")
    weights = _weights(configuration.solver, options) if snapshot is None else ()
    del configuration.solver.solver.weights[:]
    progress = TrainingProgress()
    log = LogWriter(progress.write)
    _announce(log, configuration)
    solver = load_solver(
        configuration.solver,
        net=configuration.net,
        seed=_seed(options, snapshot),
        builtin_data=options.builtin_data,
        allow_python_layers=options.allow_python_layers,
        report=report_of(options.strict),
        notify=progress.note,
    )
    if snapshot is not None:
        _resume(log, solver, snapshot)
    else:
        _start_from(solver, weights, options)
    report = _run(solver, options, progress, log)
    if options.as_json:
        print(to_json(report))
    else:
        tables.show(render(report, _advice(report, configuration, options)))


def _newest_of(solver: SolverFile) -> str | None:
    """Return the newest solver state that a solver has written and that is whole."""
    return newest_snapshot(snapshot_prefix(solver.solver, solver.path), notify)


def _wants_gpu(file: SolverFile) -> bool:
    """Return whether a solver says so; it is also the field's default, which tells nothing."""
    return bool(file.solver.HasField("solver_mode") and file.solver.solver_mode == messages.SolverParameter.GPU)


def _weights(solver: SolverFile, options: TrainOptions) -> tuple[str, ...]:
    """Return the files to start from: those that were typed, else those that the solver names."""
    named = [name.strip() for value in solver.solver.weights for name in value.split(",")]
    return options.weights or tuple(name for name in named if name)


def _start_from(solver: Solver, weights: tuple[str, ...], options: TrainOptions) -> None:
    """Copy weights, and tell what looks wrong before the first iteration."""
    copy_weights(solver.net, weights, skip_mismatch=options.skip_mismatch)
    for test_net in solver.test_nets:
        if test_net.params.keys() - solver.net.params.keys():  # it has weights of its own
            for file in weights:
                load_weights(test_net, file, skip_mismatch=options.skip_mismatch)
    for lint in start_lints(solver.net):
        notify(str(lint))


def _announce(log: LogWriter, configuration: Configuration) -> None:
    """Write what stands at the head of Caffe's logs."""
    log.line(Line("Use CPU.", "caffe.cpp:197"))
    for note in configuration.solver.notes:
        log.line(Line(str(note), "upgrade_proto.cpp:55"))
    text = format_text(configuration.solver.solver).rstrip("\n")
    log.line(Line(f"Initializing solver from parameters: \n{text}", "solver.cpp:45"))
    if configuration.net_path is not None:
        log.line(Line(f"Creating training net from net file: {configuration.net_path}", "solver.cpp:102"))


def _resume(log: LogWriter, solver: Solver, snapshot: str) -> None:
    """Go on from a snapshot, and say if that cannot be exact."""
    log.line(Line(f"Resuming from {snapshot}", "caffe.cpp:241"))
    resumed = solver.restore(snapshot)
    if not resumed.exact:
        notify(f"the training does not go on bit for bit: {resumed.note}")
    if solver.iteration >= solver.parameter.max_iter:
        notify(
            f"nothing is left to train: the snapshot is of iteration {solver.iteration}, "
            f"max_iter is {solver.parameter.max_iter} (--iterations sets it)"
        )


def _seed(options: TrainOptions, snapshot: str | None) -> int | None:
    """Return the seed that was typed, else that of the training that is resumed."""
    return options.seed if options.seed is not None or snapshot is None else resume_seed(snapshot)


def _run(solver: Solver, options: TrainOptions, progress: TrainingProgress, log: LogWriter) -> TrainingReport:
    """Run the solver to its end, with everybody listening."""
    collector = TrainingCollector(
        solver.net.name,
        [net.graph for net in solver.test_nets],
        stand_ins([solver.net, *solver.test_nets]),
    )
    log.line(Line("Starting Optimization", "caffe.cpp:248"))
    requests = SignalRequests(
        solver, sigint=options.sigint_effect, sighup=options.sighup_effect, stopping=progress.stopping
    )
    with requests, progress:
        for event in _events(solver, collector):
            log.event(event)
            progress.take(event)
            collector.take(event)
            requests.remarks(progress.write)
            if isinstance(event, events.Diverged):
                progress.note(f"DIVERGED at iteration {event.iteration}: {event.trouble}; `--on-nan stop` tells why")
    log.line(Line("Optimization Done.", "caffe.cpp:250"))
    return collector.report()


def _events(solver: Solver, collector: TrainingCollector) -> Iterator[events.Event]:
    """Run the solver, then the tests that Caffe leaves out where max_iter is no multiple of test_interval."""
    yield from solver.run()
    report = collector.report()
    tested = {test.net_index for test in report.tests if test.iteration == report.iteration}
    if report.reason == "stopped":
        return
    for index, plan in enumerate(solver.test_plans):
        if index not in tested:
            batches = solver.parameter.test_iter[index]
            yield events.TestStarted(solver.iteration, index, batches)
            scores = score(plan, Pass(batches))
            done = events.TestDone(solver.iteration, index, scores.outputs, None, scores.seconds)
            yield done
            best = solver.judge(done)
            if best is not None:
                yield best


def _advice(report: TrainingReport, configuration: Configuration, options: TrainOptions) -> list[str]:
    """Return the commands that people want next."""
    if report.weights_path is None or report.state_path is None:
        return []
    advice = []
    allowed = ["--allow-python-layers"] if options.allow_python_layers else []
    solver: Any = configuration.solver.solver
    net = options.config if configuration.net is not None else configuration.net_path
    tested = solver.test_net[0] if solver.test_net else net
    if tested is not None and report.tests:
        advice.append(_command("test", tested, "--weights", report.weights_path, *allowed))
    if net is not None:
        advice.append(_command("inspect", net, "--weights", report.weights_path, "--backward", *allowed))
    again = [options.config, *(["--solver", options.solver_path] if options.solver_path else [])]
    more = [] if report.reason != "done" else ["--iterations", str(2 * report.iteration)]
    advice.append(_command("train", *again, "--snapshot", report.state_path, *more, *allowed))
    return advice


def _command(*words: str) -> str:
    """Write a command as one types it."""
    return shlex.join(["pycaffelite", *words])
