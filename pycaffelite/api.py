"""The one place that strings the stages together: a file goes in, a net or a solver that runs comes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Array, Blob
from pycaffelite.errors import FieldError, Location, ShapeError
from pycaffelite.graph.graph import Graph
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.base import DataOptions, shape_text
from pycaffelite.names import did_you_mean
from pycaffelite.net import Net, build
from pycaffelite.plan import Plan, compile_plan
from pycaffelite.schema import messages
from pycaffelite.schema.problems import WARNING, Report, raise_problem
from pycaffelite.schema.reader import NetFile, SolverFile, read_net, read_solver, wrap_net
from pycaffelite.snapshot import load_weights, resume_seed
from pycaffelite.solvers.base import Solver

PathLike = str | Path
ReadFile = TypeVar("ReadFile", NetFile, SolverFile)
Notify = Callable[[str], None]


def _silent(_sentence: str) -> None:
    """Take a notice and say nothing: the default in Python, where nobody reads stderr."""


class RunnableNet:
    """A net with its plan: blobs by name, forward, backward.

    Attributes:
        net: The inert net.
        plan: What runs it.
        loss: The total loss of the last forward pass.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.net: Net = plan.net
        self.loss = 0.0

    @property
    def blobs(self) -> dict[str, Blob]:
        """The tops by name: `net.blobs["conv1"].data`, `.diff`."""
        return self.net.blobs

    @property
    def params(self) -> dict[str, list[Blob]]:
        """The parameters by layer: `net.params["conv1"][0].data` are the weights, `[1]` the bias."""
        return self.net.params

    @property
    def inputs(self) -> tuple[str, ...]:
        """The blobs to fill before `forward`, or to give it by keyword."""
        return self.net.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The blobs that no layer reads."""
        return self.net.outputs

    def forward(self, **inputs: npt.ArrayLike) -> dict[str, Array]:
        """Run the net and return its outputs by name.

        Args:
            inputs: Values of input blobs; a blob takes the shape of what it is given.

        Raises:
            ShapeError: A name that is no input, or a shape that the layers refuse.
        """
        for name, value in inputs.items():
            if name not in self.inputs:
                raise ShapeError(
                    f"`{name}` is not an input of the net",
                    expected=", ".join(f"`{known}`" for known in self.inputs) or "none: it has a data layer",
                    got=f"`{name}`",
                    hint=did_you_mean(name, self.inputs),
                )
            array = np.asarray(value, self.net.dtype)
            self.blobs[name].resize(array.shape)
            self.blobs[name].data[...] = array
        self.loss = self.plan.forward()
        return {name: self.blobs[name].data for name in self.outputs}

    def backward(self, **diffs: npt.ArrayLike) -> dict[str, Array]:
        """Clear the gradients of the parameters, run the net backward, return the diffs of the inputs by name.

        Args:
            diffs: Gradients of outputs to start from, in place of the loss weights.
        """
        for name, value in diffs.items():
            if name not in self.outputs:
                raise ShapeError(
                    f"`{name}` is not an output of the net",
                    expected=", ".join(f"`{known}`" for known in self.outputs),
                    got=f"`{name}`",
                    hint=did_you_mean(name, self.outputs),
                )
            self._check_diff_shape(name, np.shape(value))
            self.blobs[name].diff[...] = value
        self.net.clear_param_diffs()
        self.plan.backward()
        return {name: self.blobs[name].diff for name in self.inputs}

    def _check_diff_shape(self, name: str, shape: tuple[int, ...]) -> None:
        wanted = self.blobs[name].shape
        if shape != wanted:
            raise ShapeError(f"wrong shape of the diff of `{name}`", expected=shape_text(wanted), got=shape_text(shape))


def load_net(
    path: PathLike,
    phase: str = "train",
    weights: PathLike | Sequence[PathLike] | None = None,
    *,
    level: int = 0,
    stages: Collection[str] = (),
    dtype: npt.DTypeLike = np.float32,
    seed: int | None = None,
    builtin_data: bool = True,
    allow_python_layers: bool = False,
    outputs_only: bool = False,
    report: Report = raise_problem,
    notify: Notify = _silent,
) -> RunnableNet:
    """Read a net in any dialect and build it for a phase.

    Args:
        path: A prototxt.
        phase: "train" or "test".
        weights: One or several .caffemodel or .caffemodel.h5 files, copied in by layer name.
        level, stages: Held against the rules of the layers.
        dtype: float32, or float64 for gradient checks.
        seed: Of fillers and random layers; None takes one from the system.
        builtin_data: Whether the embedded digits stand in for a missing MNIST source.
        allow_python_layers: Whether Python layers may run the code that the net names; see `data_options`.
        outputs_only: Whether only the outputs are wanted: blobs between inputs and outputs share memory, so that they
            hold nothing of meaning after a pass, and there is no backward pass. A deep net takes about half the memory.
        report: Takes the problems of the files; `schema.problems.strict_problem` stops at warnings too.
        notify: Takes sentences that the user should read, warnings among them.

    Raises:
        PycaffeliteError: Whatever is wrong with the file, with its line.
    """
    file = told(read_net(path, report), notify)
    graph = build_graph(file, phase.upper(), level, stages)
    options = data_options(path, builtin_data, notify, allow_python_layers)
    net = build(graph, dtype=dtype, seed=seed, data=options)
    for weights_file in _paths(weights):
        load_weights(net, weights_file)
    return RunnableNet(compile_plan(net, outputs_only=outputs_only))


def load_solver(
    path: PathLike | SolverFile,
    *,
    net: NetFile | None = None,
    weights: PathLike | Sequence[PathLike] | None = None,
    snapshot: PathLike | None = None,
    overrides: Mapping[str, Any] | None = None,
    dtype: npt.DTypeLike = np.float32,
    seed: int | None = None,
    builtin_data: bool = True,
    allow_python_layers: bool = False,
    report: Report = raise_problem,
    notify: Notify = _silent,
) -> Solver:
    """Read a solver, build its train and test nets, and return it ready to run.

    Args:
        path: A solver prototxt, or one that was read (and perhaps changed) before.
        net: Stands in for the net that the solver names.
        weights: Files to start from, copied in by layer name, on top of the solver's own `weights`.
        snapshot: A .solverstate to go on from.
        overrides: Solver fields to set, such as {"base_lr": 0.02}.
        dtype: float32, or float64.
        seed: In place of the snapshot's and of the solver's `random_seed`; without any the system gives one.
        builtin_data: Whether the embedded digits stand in for a missing MNIST source.
        allow_python_layers: Whether Python layers may run the code that the net names; see `data_options`.
        report: Takes the problems of the files; `schema.problems.strict_problem` stops at warnings too.
        notify: Takes sentences that the user should read, warnings among them.

    Raises:
        PycaffeliteError: Whatever is wrong with the files, with its line.
    """
    file = path if isinstance(path, SolverFile) else told(read_solver(path, report), notify)
    if overrides:
        file = _overridden(file, overrides)
    if seed is None:
        # An exact resume draws the random numbers of the run that it goes on with.
        seed = resume_seed(snapshot) if snapshot is not None else None
    if seed is None and file.solver.random_seed >= 0:
        seed = file.solver.random_seed
    if net is not None:
        told(net, notify)
    roles = _NetRoles(file, net, lambda given: told(given, notify), report)

    def build_role(role: _Role, seed: int | None, share: Net | None) -> Net:
        options = data_options(role.file.path, builtin_data, notify, allow_python_layers)
        return build(role.graph(), dtype=dtype, seed=seed, share=share, data=options)

    train = build_role(roles.train(), seed, None)
    tests = [build_role(role, train.seed, train) for role in roles.tests()]
    for weights_file in [*_split_list(file.solver.weights), *_paths(weights)]:
        for net_with_weights in (train, *(test for test in tests if test.params.keys() - train.params.keys())):
            load_weights(net_with_weights, weights_file)
    plans = [compile_plan(test, forward_only=True) for test in tests]
    solver = Solver(file.solver, compile_plan(train), plans, source=file.source)
    if snapshot is not None and not (resumed := solver.restore(str(snapshot))).exact:
        notify(f"the training does not go on bit for bit: {resumed.note}")
    return solver


@dataclass(frozen=True)
class _Role:
    """A net file and the state it is built for."""

    file: NetFile
    phase: str
    level: int
    stages: tuple[str, ...]

    def graph(self) -> Graph:
        return build_graph(self.file, self.phase, self.level, self.stages)


class _NetRoles:
    """Which nets a solver trains and tests, by Caffe's rules."""

    def __init__(
        self, file: SolverFile, net: NetFile | None, told: Callable[[NetFile], NetFile], report: Report
    ) -> None:
        self.told = told
        self.report = report
        self.file = file
        self.solver = file.solver
        self.given = net
        self.read: dict[str, NetFile] = {}

    def train(self) -> _Role:
        named = [name for name in ("train_net", "train_net_param", "net", "net_param") if self.solver.HasField(name)]
        if self.given is None and len(named) != 1:
            raise FieldError(
                "the solver must name one net to train",
                where=Location(self.file.path),
                expected="one of net, train_net, net_param and train_net_param",
                got=" and ".join(named) or "none",
                hint='add `net: "train_val.prototxt"`' if not named else "remove all but one",
            )
        file = self.given or self._net_of(named[0], getattr(self.solver, named[0]))
        return self._role(file, "TRAIN", self.solver.train_state)

    def tests(self) -> list[_Role]:
        """Return the test nets: those named as such, then the common net for the test_iter that are left."""
        solver = self.solver
        files = [self._net_of("test_net_param", message, i) for i, message in enumerate(solver.test_net_param)]
        files += [self._net_of("test_net", name, i) for i, name in enumerate(solver.test_net)]
        generic = self.given
        for name in ("net_param", "net"):
            if generic is None and solver.HasField(name):
                generic = self._net_of(name, getattr(solver, name))
        left = len(solver.test_iter) - len(files)
        if left < 0 or (left > 0 and generic is None):
            raise FieldError(
                "test_iter does not match the test nets",
                where=self.file.source.where("test_iter"),
                expected=f"{len(files)} test_iter, one for each test net",
                got=f"{len(solver.test_iter)}",
            )
        if generic is not None:
            files += [generic] * left
        states = list(solver.test_state)
        if states and len(states) != len(files):
            raise FieldError(
                "test_state does not match the test nets",
                where=self.file.source.where("test_state"),
                expected=f"none, or {len(files)}, one for each test net",
                got=f"{len(states)}",
            )
        states = states or [messages.NetState()] * len(files)
        return [self._role(file, "TEST", state) for file, state in zip(files, states, strict=True)]

    def _net_of(self, field: str, value: Any, index: int = 0) -> NetFile:
        """Return the net of a field that names a file, or holds the net itself."""
        if not isinstance(value, str):
            return self.told(wrap_net(value, self.file, field, index, self.report))
        path = locate_net(self.file.path, value)
        if path not in self.read:
            self.read[path] = self.told(read_net(path, self.report))
        return self.read[path]

    def _role(self, file: NetFile, phase: str, state: Any) -> _Role:
        # Where the solver, or the net itself, states a phase, that one counts.
        for stated in (file.net.state, state):
            if stated.HasField("phase"):
                phase = "TRAIN" if stated.phase == messages.TRAIN else "TEST"
        return _Role(file, phase, state.level, tuple(state.stage))


def told(file: ReadFile, notify: Notify) -> ReadFile:
    """Tell the user what was read with a warning; return the file."""
    for note in file.notes:
        if note.severity == WARNING:
            notify(str(note))
    return file


def locate_net(solver: PathLike, name: str) -> str:
    """Return where the net `name` of a solver file is.

    It is looked for in the working folder as Caffe does, then in the solver's folder and the one above it; where it is
    in none of them, the name comes back, and reading it will say what is wrong.
    """
    folder = Path(solver).parent
    return next((str(path) for path in (Path(name), folder / name, folder.parent / name) if path.is_file()), name)


def data_options(
    path: PathLike, builtin_data: bool = True, notify: Notify = _silent, allow_python_layers: bool = False
) -> DataOptions:
    """Return what the layers of a net file must know beyond their messages.

    Args:
        path: The file; what it names is looked for in its folder, too.
        builtin_data: Whether the embedded digits stand in for a missing MNIST source.
        notify: Takes sentences that the user should read.
        allow_python_layers: Whether Python layers may run the code that the file names, in which `import caffe` then
            finds `pycaffelite.caffe`. Such code may do whatever the user may do.
    """
    if allow_python_layers:
        from pycaffelite.caffe.alias import be_caffe  # noqa: PLC0415  (it imports this module)

        be_caffe()
    return DataOptions(Path(path).parent, builtin_data, notify, allow_python_layers)


def _overridden(file: SolverFile, overrides: Mapping[str, Any]) -> SolverFile:
    """Return the solver with other values in some of its fields."""
    solver = messages.SolverParameter()
    solver.CopyFrom(file.solver)
    for name, value in overrides.items():
        if name not in solver.DESCRIPTOR.fields_by_name:
            raise FieldError(
                f"unknown field `{name}` of the solver",
                expected="a field of SolverParameter",
                got=f"`{name}`",
                hint=did_you_mean(name, solver.DESCRIPTOR.fields_by_name),
            )
        solver.ClearField(name)
        try:
            if isinstance(value, list | tuple):
                getattr(solver, name).extend(value)
            else:
                setattr(solver, name, value)
        except (TypeError, ValueError, AttributeError) as error:
            raise FieldError(f"wrong value for `{name}`", expected=str(error), got=repr(value)) from error
    return replace(file, solver=solver)


def _paths(weights: PathLike | Sequence[PathLike] | None) -> list[str]:
    """Return the files of an argument that may be one path, several, or Caffe's comma-separated list."""
    if weights is None:
        return []
    if isinstance(weights, str | Path):
        return _split_list([str(weights)])
    return _split_list([str(path) for path in weights])


def _split_list(values: Sequence[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
