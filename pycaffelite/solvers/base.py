"""The solver: the training loop, as a stream of events."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Literal

from pycaffelite.blob import Array
from pycaffelite.errors import PycaffeliteError
from pycaffelite.net import Net
from pycaffelite.plan import Plan
from pycaffelite.snapshot import (
    Progress,
    Resumed,
    best_path,
    check_writable,
    damaged_side_file,
    restore_snapshot,
    save_weights,
    write_snapshot,
)
from pycaffelite.solvers import checks, debug, events
from pycaffelite.solvers.best import BestKeeper
from pycaffelite.solvers.info import InfoBlocks
from pycaffelite.solvers.losses import LossWindow
from pycaffelite.solvers.outputs import OutputReader
from pycaffelite.solvers.rates import check_policy, nowhere
from pycaffelite.solvers.rules import find_rule
from pycaffelite.solvers.schedule import Schedule
from pycaffelite.solvers.sentinel import Sentinel
from pycaffelite.solvers.updater import Update, Updater

Request = Literal["snapshot", "stop"]


class Solver:
    """Trains a net, in Caffe's order: test if due, clear gradients, iter_size passes, update, snapshot if due.

    It yields events and prints nothing: `for event in solver.run(): ...`.

    Args:
        parameter: The SolverParameter message.
        train: The plan of the train net.
        tests: Plans of the test nets, whose nets share the train net's parameters.
        source: The SourceMap of the message, for the lines in errors.

    Attributes:
        parameter: The SolverParameter message; what is changed in it counts from the next run on.
        net: The train net.
        test_nets: The test nets.
        iteration: How many updates the parameters have had.
        updaters: The history of each learnable parameter.

    Raises:
        FieldError: A field is missing or makes no sense.
        WiringError: The net has no loss, or nothing to learn.
        DivergenceError: While it runs, unless `on_nan` says otherwise: the loss or a gradient is no finite number.
    """

    def __init__(self, parameter: Any, train: Plan, tests: Sequence[Plan] = (), *, source: Any = None) -> None:
        self.parameter = parameter
        self._where = nowhere if source is None else source.where
        checks.check_fields(parameter, self._where)
        check_policy(parameter, self._where)
        checks.check_tests(parameter, len(tests), self._where)
        checks.check_net(train.net)
        self.plan, self.test_plans = train, tuple(tests)
        self.net: Net = train.net
        self.test_nets = tuple(plan.net for plan in tests)
        self.iteration = 0
        self._real: Any = self.net.dtype.type
        self._rule = find_rule(parameter, self._where)
        self.updaters = [Updater(self._rule, param.blob.data, param.blob.diff) for param in self.net.learnables]
        self._update = Update(self._rule, self.updaters)
        self._losses = LossWindow(parameter.average_loss)
        self._schedule = Schedule(parameter, self.net, self._where)
        self._info = InfoBlocks(parameter, train, self._where)
        self._best = BestKeeper(parameter, self.test_nets, self._where)
        self._watcher = Sentinel(train, self.updaters)
        self._sentinel: Sentinel | None = None
        self._outputs = OutputReader(self.net)
        self._requests: deque[Request] = deque()
        self._ended: events.Reason = "done"
        self._resumed = False
        self._shown, self._shown_at = 0, 0.0

    @property
    def current_step(self) -> int:
        """Steps taken by the learning-rate policy, as a solver state keeps it."""
        return self._schedule.current_step

    def run(self, n: int | None = None) -> Iterator[events.Event]:
        """Train; yield what happens.

        Args:
            n: How many iterations; None trains up to `max_iter`, with the snapshot, loss and test at its end.
        """
        return self._solve() if n is None else self._iterate(self.iteration + n)

    def step(self, n: int) -> None:
        """Train n iterations and tell nobody."""
        for _event in self.run(n):
            pass

    def solve(self) -> None:
        """Train up to `max_iter` and tell nobody."""
        for _event in self.run():
            pass

    def request(self, what: Request) -> None:
        """Ask for a snapshot or a stop after the present iteration; safe in a signal handler."""
        self._requests.append(what)

    def snapshot(self) -> events.SnapshotWritten:
        """Write weights and solver state under `snapshot_prefix`, all or nothing.

        Raises:
            SnapshotError: They cannot be written; files that were there before are unharmed.
        """
        states = {name: part.state() for name, part in self._parts().items()}
        progress = Progress(
            self.iteration, self.current_step, self._history(), self._losses.state(), list(self.test_nets), states
        )
        paths = write_snapshot(self.net, progress, self.parameter, self._solver_path())
        return events.SnapshotWritten(self.iteration, paths.weights, paths.state, paths.hdf5)

    def restore(self, path: str) -> Resumed:
        """Go on from a .solverstate or .solverstate.h5 file, and from the weights that it names.

        Returns:
            Whether it is exact: a bare file of Caffe's knows no data cursor, random numbers or loss window.

        Raises:
            SnapshotError: It cannot be read or does not fit the net.
        """
        progress = Progress(0, 0, self._history(), {}, list(self.test_nets))
        resumed = restore_snapshot(path, self.net, progress, self.parameter.type)
        self.iteration, self._schedule.current_step = progress.iteration, progress.current_step
        with damaged_side_file(path):
            self._losses.restore(progress.losses)
            for name, part in self._parts().items():
                part.restore(progress.parts.get(name, {}))
        self._resumed = bool(progress.losses)
        return resumed

    def judge(self, test: events.TestDone) -> events.BestSaved | None:
        """Hold a test against those before, and write the weights where it is the best: `keep_best`.

        The tests of `run` are judged by it; this is for one that was made beside it.
        """
        if not self._best.judge(test):
            return None
        path = best_path(self.parameter, self._solver_path())
        save_weights(self.net, path)
        return events.BestSaved(self.iteration, self._best.name, self._best.value or 0.0, path)

    def _solve(self) -> Iterator[events.Event]:
        """Train to the end, and do what Caffe does before and after."""
        p = self.parameter
        checks.check_max_iter(p, self._where)
        if p.snapshot or p.snapshot_after_train:
            check_writable(p, self._solver_path())
        begin = time.perf_counter()
        yield events.TrainingStarted(self.iteration, self.net.name, p.lr_policy, p.max_iter)
        yield from self._iterate(p.max_iter)
        if p.snapshot_after_train and not (p.snapshot and self.iteration % p.snapshot == 0):
            yield self.snapshot()
        if self._ended == "done":
            if p.display and self.iteration % p.display == 0:
                self._losses.add(self.plan.forward())
                yield events.FinalLoss(self.iteration, self._losses.smoothed, self._outputs.read(in_full=True))
            if p.test_interval and self.iteration % p.test_interval == 0:
                yield from self._test_all()
        outputs = self._outputs.read(in_full=True)
        loss = self._losses.smoothed if self._losses.values else None
        yield events.TrainingFinished(self.iteration, self._ended, loss, outputs, time.perf_counter() - begin)

    def _iterate(self, end: int) -> Iterator[events.Event]:
        """Train until the iteration `end`, a requested stop, or the end of patience."""
        p = self.parameter
        self._ended = "done"
        if not self._resumed:
            self._losses.reset()
        self._resumed = False
        self._shown, self._shown_at = self.iteration, time.perf_counter()
        self._configure(end)
        test_interval, display, snapshot = p.test_interval, p.display, p.snapshot
        while self.iteration < end:
            due = test_interval and self.iteration % test_interval == 0
            if due and (self.iteration > 0 or p.test_initialization):
                yield from self._test_all()
                if self._is_over():
                    break
            yield from self._one_iteration(display=bool(display) and self.iteration % display == 0)
            wanted = self._requested() if self._requests else ()
            if (snapshot and self.iteration % snapshot == 0) or "snapshot" in wanted:
                yield self.snapshot()
            if "stop" in wanted:
                self._ended = "stopped"
                break

    def _one_iteration(self, *, display: bool) -> Iterator[events.Event]:
        iteration = self.iteration
        debugging = display and self.parameter.debug_info
        if self._sentinel is not None:
            self._sentinel.remember()
        try:
            loss = (yield from self._debug_passes()) if debugging else self._passes()
        except PycaffeliteError as error:  # such as a label out of range, or a source that vanished
            error.what += f" (iteration {iteration})"
            yield from self._keep_good_state(error)
            raise
        trouble = self._sentinel.trouble(loss) if self._sentinel is not None else ""
        if trouble:
            yield from self._report(trouble)
        self._losses.add(loss)
        outputs = self._outputs.read(in_full=display)
        before = self._mean_abs_data() if debugging else []
        rate = self._apply_update()
        self.iteration += 1
        now = time.perf_counter()
        seconds, iterations = now - self._shown_at, self.iteration - self._shown
        if display:
            self._shown, self._shown_at = self.iteration, now
        yield events.IterationDone(iteration, self._losses.smoothed, loss, rate, outputs, display, seconds, iterations)
        if debugging:
            for mean, learnable in zip(before, self.net.learnables, strict=True):
                yield events.DebugUpdate(iteration, learnable.name, mean, debug.mean_abs(learnable.blob.diff))
        if self._info.blocks:
            yield from self._info.after_update(self._schedule.number(iteration), loss)

    def _passes(self) -> float:
        """Make the passes of an iteration; return its loss."""
        plan, passes, loss = self.plan, self._iter_size, 0.0
        if self._info.blocks and self._info.needs_blobs(self._schedule.number(self.iteration)):
            plan = plan.naive
        for index in range(passes):
            loss += plan.forward()
            plan.backward(anew=index == 0)
            if self._info.blocks:
                self._info.take_pass(1.0 / passes)
        return loss / passes

    def _debug_passes(self) -> Generator[events.Event, None, float]:
        """Do the same, and tell the size of everything."""
        passes, loss = self._iter_size, 0.0
        self.net.clear_param_diffs()
        for _ in range(passes):
            yield from debug.forward(self.plan, self.iteration)
            loss += self.plan.total_loss()
            yield from debug.backward(self.plan, self.iteration)
            if self._info.blocks:
                self._info.take_pass(1.0 / passes)
        return loss / passes

    def _report(self, trouble: str) -> Iterator[events.Event]:
        """Stop or warn where the loss or a gradient is not finite, before it gets into the weights."""
        if self.parameter.on_nan == "warn":
            self._sentinel = None
            yield events.Diverged(self.iteration, trouble)
            return
        error = self._watcher.diagnose(self.iteration, trouble, self.parameter.clip_gradients)
        yield from self._keep_good_state(error)
        raise error

    def _keep_good_state(self, error: PycaffeliteError) -> Iterator[events.Event]:
        """Write the state before an iteration that fails, where snapshots are wanted; say so in the error's hint."""
        sentinel = self._sentinel
        wanted = self.parameter.snapshot or self.parameter.snapshot_after_train
        if sentinel is None or not wanted or not sentinel.weights_are_finite():
            return
        hint = f"{error.hint}; " if error.hint else ""
        try:
            sentinel.go_back()
            written = self.snapshot()
        except PycaffeliteError as problem:
            reason = problem.what if problem.got is None else f"{problem.what} ({problem.got})"
            error.hint = f"{hint}the last good state could not be written: {reason}"
        else:
            error.hint = f"{hint}the last good state is in {written.state_path}"
            yield written

    def _configure(self, end: int) -> None:
        """Take in the fields for the iterations up to `end`; they may have been changed between runs."""
        p, real = self.parameter, self._real
        self._sentinel = None if p.on_nan == "ignore" else self._watcher
        self._schedule.begin(end)
        self._iter_size: int = p.iter_size
        self._average = real(1.0 / p.iter_size)
        self._clip: float = p.clip_gradients
        multipliers = [learnable.lr_mult for learnable in self.net.learnables]
        decays = [real(p.weight_decay) * real(learnable.decay_mult) for learnable in self.net.learnables]
        l1, none = p.regularization_type == "L1", [real(0)] * len(decays)
        self._update.configure(
            self._rule.constants(p, real), multipliers, l2=none if l1 else decays, l1=decays if l1 else none
        )

    def _apply_update(self) -> float:
        """Clip, average, decay and update every parameter; return the learning rate."""
        iteration, factor_of = self.iteration, self._rule.rate_factor
        rate = self._schedule.rate(iteration, self._losses.smoothed)
        scale = self._average if self._clip < 0 else self._clip_scale() * self._average
        factor = None if factor_of is None else factor_of(self.parameter, iteration)
        self._update.apply(scale, rate, factor, self._schedule.blob_factors(iteration))
        return rate

    def _clip_scale(self) -> float:
        """Return what brings the norm of all gradients together down to clip_gradients; 1 where it is below."""
        norm = math.sqrt(math.fsum(updater.squared_norm() for updater in self.updaters))
        return self._clip / norm if norm > self._clip else 1.0

    def _test_all(self) -> Iterator[events.Event]:
        """Run every test net over its batches."""
        for index, plan in enumerate(self.test_plans):
            for event in self._test(index, plan):
                yield event
                best = self.judge(event) if isinstance(event, events.TestDone) else None
                if best is not None:
                    yield best
            if self._is_over():
                return
        if self._best.out_of_patience:
            self._ended = "patience"

    def _test(self, index: int, plan: Plan) -> Iterator[events.Event]:
        batches = self.parameter.test_iter[index]
        yield events.TestStarted(self.iteration, index, batches)
        begin, loss = time.perf_counter(), 0.0
        sums = OutputReader(plan.net, self.parameter.ap_version)
        for _batch in range(batches):
            for wanted in self._requested():
                if wanted == "snapshot":
                    yield self.snapshot()
                else:
                    self._ended = "stopped"
            if self._is_over():
                yield events.TestInterrupted(self.iteration, index)
                return
            loss += plan.forward()
            sums.add()
        total = loss / batches if self.parameter.test_compute_loss and batches else None
        outputs = sums.means(batches) if batches else ()
        yield events.TestDone(self.iteration, index, outputs, total, time.perf_counter() - begin)

    def _requested(self) -> list[Request]:
        """Take the requests that have come in."""
        return [self._requests.popleft() for _ in range(len(self._requests))]

    def _is_over(self) -> bool:
        """Return whether training ends before its time."""
        return self._ended != "done"

    def _parts(self) -> dict[str, Schedule | InfoBlocks | BestKeeper]:
        """Return what has a state that a solver state has no room for."""
        return {"schedule": self._schedule, "info": self._info, "best": self._best}

    def _history(self) -> list[Array]:
        """Return the history in the order of Caffe's files: first halves of all parameters, then second ones."""
        return [updater.history[row] for row in range(self._rule.histories) for updater in self.updaters]

    def _mean_abs_data(self) -> list[float]:
        return [debug.mean_abs(learnable.blob.data) for learnable in self.net.learnables]

    def _solver_path(self) -> str | None:
        """Return the solver's file, after which snapshots are named when it gives no prefix."""
        where = self._where()
        return where.path if where is not None else None
