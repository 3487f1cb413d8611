"""The solver: the training loop, as a stream of events."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Literal

from pycaffelite.blob import Array
from pycaffelite.net import Net
from pycaffelite.plan import Plan
from pycaffelite.snapshot import Progress, Resumed, check_writable, restore_snapshot, write_snapshot
from pycaffelite.solvers import checks, debug, events
from pycaffelite.solvers.losses import LossWindow
from pycaffelite.solvers.outputs import OutputReader
from pycaffelite.solvers.rates import check_policy, learning_rate, next_step, nowhere
from pycaffelite.solvers.rules import Updater, find_rule

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
        parameter: The SolverParameter message.
        net: The train net.
        test_nets: The test nets.
        iteration: How many updates the parameters have had.
        current_step: Steps taken by the learning-rate policy, as a solver state keeps it.
        updaters: The history of each learnable parameter.

    Raises:
        FieldError: A field is missing or makes no sense.
        WiringError: The net has no loss, or nothing to learn.
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
        self.current_step = 0
        self._real: Any = self.net.dtype.type
        self._rule = find_rule(parameter, self._where)
        self.updaters = [Updater(self._rule, param.blob.data, param.blob.diff) for param in self.net.learnables]
        self._losses = LossWindow(parameter.average_loss)
        self._outputs = OutputReader(self.net)
        self._requests: deque[Request] = deque()
        self._stopped = False
        self._resumed = False
        self._shown, self._shown_at = 0, 0.0

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
        progress = Progress(
            self.iteration, self.current_step, self._history(), self._losses.state(), list(self.test_nets)
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
        resumed = restore_snapshot(path, self.net, progress)
        self.iteration, self.current_step = progress.iteration, progress.current_step
        self._losses.restore(progress.losses)
        self._resumed = bool(progress.losses)
        return resumed

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
        if not self._stopped:
            if p.display and self.iteration % p.display == 0:
                self._losses.add(self.plan.forward())
                yield events.FinalLoss(self.iteration, self._losses.smoothed, self._outputs.read(in_full=True))
            if p.test_interval and self.iteration % p.test_interval == 0:
                yield from self._test_all()
        reason: events.Reason = "stopped" if self._stopped else "done"
        outputs = self._outputs.read(in_full=True)
        loss = self._losses.smoothed if self._losses.values else None
        yield events.TrainingFinished(self.iteration, reason, loss, outputs, time.perf_counter() - begin)

    def _iterate(self, end: int) -> Iterator[events.Event]:
        """Train until the iteration `end`, or a requested stop."""
        p = self.parameter
        self._stopped = False
        if not self._resumed:
            self._losses.reset()
        self._resumed = False
        self._shown, self._shown_at = self.iteration, time.perf_counter()
        self._configure()
        while self.iteration < end:
            due = p.test_interval and self.iteration % p.test_interval == 0
            if due and (self.iteration > 0 or p.test_initialization):
                yield from self._test_all()
                if self._stopped:
                    break
            yield from self._one_iteration()
            wanted = self._requested()
            if (p.snapshot and self.iteration % p.snapshot == 0) or "snapshot" in wanted:
                yield self.snapshot()
            if "stop" in wanted:
                self._stopped = True
                break

    def _one_iteration(self) -> Iterator[events.Event]:
        p, iteration = self.parameter, self.iteration
        display = bool(p.display) and iteration % p.display == 0
        self.net.clear_param_diffs()
        loss = 0.0
        for _pass in range(p.iter_size):
            if display and p.debug_info:
                loss += yield from self._debug_pass()
            else:
                loss += self.plan.forward()
                self.plan.backward()
        loss /= p.iter_size
        self._losses.add(loss)
        outputs = self._outputs.read(in_full=display)
        before = self._mean_abs_data() if display and p.debug_info else []
        rate = self._update()
        self.iteration += 1
        now = time.perf_counter()
        seconds, iterations = now - self._shown_at, self.iteration - self._shown
        if display:
            self._shown, self._shown_at = self.iteration, now
        yield events.IterationDone(iteration, self._losses.smoothed, loss, rate, outputs, display, seconds, iterations)
        for mean, learnable in zip(before, self.net.learnables, strict=False):
            yield events.DebugUpdate(iteration, learnable.name, mean, debug.mean_abs(learnable.blob.diff))

    def _debug_pass(self) -> Generator[events.Event, None, float]:
        yield from debug.forward(self.plan, self.iteration)
        loss = self.plan.total_loss()
        yield from debug.backward(self.plan, self.iteration)
        return loss

    def _configure(self) -> None:
        """Hand the fields to the update kernels; they may have been changed between runs."""
        p, real = self.parameter, self._real
        constants = self._rule.constants(p, real)
        for updater, learnable in zip(self.updaters, self.net.learnables, strict=True):
            decay = real(p.weight_decay) * real(learnable.decay_mult)
            l1 = p.regularization_type == "L1"
            updater.configure(constants, l2=0.0 if l1 else decay, l1=decay if l1 else 0.0)

    def _update(self) -> float:
        """Clip, average, decay and update every parameter; return the learning rate."""
        p, real = self.parameter, self._real
        self.current_step = next_step(p, self.iteration, self.current_step)
        rate = learning_rate(p, self.iteration, self.current_step, self.net.dtype)
        scale = self._clip_scale() * real(1.0 / p.iter_size)
        factor = self._rule.rate_factor(p, self.iteration)
        for updater, learnable in zip(self.updaters, self.net.learnables, strict=True):
            local_rate = real(rate) * real(learnable.lr_mult)
            updater.apply(scale, local_rate * real(factor))
        return rate

    def _clip_scale(self) -> float:
        """Return what brings the norm of all gradients together down to clip_gradients; 1 where it is below."""
        most = self.parameter.clip_gradients
        if most < 0:
            return 1.0
        norm = math.sqrt(math.fsum(updater.squared_norm() for updater in self.updaters))
        return most / norm if norm > most else 1.0

    def _test_all(self) -> Iterator[events.Event]:
        """Run every test net over its batches."""
        for index, plan in enumerate(self.test_plans):
            yield from self._test(index, plan)
            if self._stopped:
                return

    def _test(self, index: int, plan: Plan) -> Iterator[events.Event]:
        batches = self.parameter.test_iter[index]
        yield events.TestStarted(self.iteration, index, batches)
        begin, loss = time.perf_counter(), 0.0
        sums = OutputReader(plan.net)
        for _batch in range(batches):
            for wanted in self._requested():
                if wanted == "snapshot":
                    yield self.snapshot()
                else:
                    self._stopped = True
            if self._stopped:
                yield events.TestInterrupted(self.iteration, index)
                return
            loss += plan.forward()
            sums.add()
        total = loss / batches if self.parameter.test_compute_loss and batches else None
        outputs = sums.means(batches) if batches else ()
        yield events.TestDone(self.iteration, index, outputs, total, time.perf_counter() - begin)

    def _requested(self) -> list[Request]:
        """Take the requests that have come in."""
        if not self._requests:
            return []
        return [self._requests.popleft() for _ in range(len(self._requests))]

    def _history(self) -> list[Array]:
        """Return the history in the order of Caffe's files: first halves of all parameters, then second ones."""
        return [updater.history[row] for row in range(self._rule.histories) for updater in self.updaters]

    def _mean_abs_data(self) -> list[float]:
        return [debug.mean_abs(learnable.blob.data) for learnable in self.net.learnables]

    def _solver_path(self) -> str | None:
        """Return the solver's file, after which snapshots are named when it gives no prefix."""
        where = self._where()
        return where.path if where is not None else None
