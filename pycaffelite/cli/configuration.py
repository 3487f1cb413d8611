"""What `train CONFIG` trains: a solver, or a net together with the solver that belongs to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from pycaffelite.api import locate_net
from pycaffelite.errors import FieldError, Location, PrototxtError, PycaffeliteError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.schema import messages
from pycaffelite.schema.problems import WARNING, Report, raise_problem, strict_problem
from pycaffelite.schema.reader import NetFile, SolverFile, kind_of, parse_solver, read_net, read_solver


@dataclass(frozen=True)
class Configuration:
    """What to train.

    Attributes:
        solver: The solver.
        net: The net that takes the place of the solver's own, or None.
        net_path: The file of the net; None where the solver holds it itself.
        remarks: What the user should know of how it was found.
    """

    solver: SolverFile
    net: NetFile | None
    net_path: str | None
    remarks: tuple[str, ...] = ()


def configure(
    path: str, solver_path: str | None, settings: Sequence[str], report: Report = raise_problem
) -> Configuration:
    """Find out what CONFIG is and what belongs to it, and apply `--set`.

    Args:
        path: CONFIG, a net or a solver.
        solver_path: `--solver`, for a net.
        settings: `--set`, each as "key=value".
        report: Takes the problems of the files.

    Raises:
        PycaffeliteError: A file cannot be read, or is neither.
    """
    kind = kind_of(path)
    if kind == "solver":
        if solver_path is not None:
            raise click.UsageError(f"--solver goes with a net, and {path} is a solver already")
        file = read_solver(path, report)
        found = Configuration(file, None, _net_path(file))
    elif kind == "net":
        found = _for_net(path, solver_path, report)
    else:
        raise PrototxtError(
            "this is neither a net nor a solver",
            where=Location(path),
            expected="a net with `layer { }` messages, or a solver with fields such as `base_lr`",
            hint="a .caffemodel is given with --weights, a .solverstate with --snapshot",
        )
    for setting in settings:
        apply_setting(found.solver, setting)
    return found


def _net_path(file: SolverFile) -> str | None:
    """Return the file of the net that a solver trains."""
    for name in ("train_net", "net"):
        if file.solver.HasField(name):
            return locate_net(file.path, getattr(file.solver, name))
    return None


def _for_net(path: str, solver_path: str | None, report: Report) -> Configuration:
    """Find the solver of a net."""
    if solver_path is not None:
        return Configuration(read_solver(solver_path, report), read_net(path, report), path)
    candidates = solvers_of(path)
    if not candidates:
        solver = _default_solver(path)
        remark = "no solver for this net was found: the one below is used"
        return Configuration(solver, read_net(path, report), path, (remark,))
    chosen, *others = candidates
    remark = f"training with {chosen}"
    if others:
        remark += f" (there are others: {', '.join(map(str, others))}; --solver takes one)"
    return Configuration(read_solver(chosen, report), None, path, (remark,))


def solvers_of(net: str) -> list[Path]:
    """Return the solvers of the net's folder and of a sibling folder `solvers` that train it, the best first."""
    folder, stem = Path(net).parent, Path(net).stem
    preferred = (f"{stem}_solver.prototxt", f"{stem}.prototxt")

    def rank(path: Path) -> tuple[int, str]:
        return (preferred.index(path.name) if path.name in preferred else len(preferred), path.name)

    sibling = Path(folder.parent, "solvers") if folder.name else Path("..", "solvers")
    return [path for place in (folder, sibling) for path in sorted(_solvers_in(place, Path(net)), key=rank)]


def _solvers_in(folder: Path, net: Path) -> Iterator[Path]:
    """Yield the solvers of a folder that train the net."""
    for path in folder.glob("*.prototxt"):
        try:
            if kind_of(path) != "solver":
                continue
            named = _net_path(read_solver(path))
        except (PycaffeliteError, OSError):
            continue  # a broken file beside the net is not what was asked for
        if named is not None and Path(named).is_file() and Path(named).samefile(net):
            yield path


def _default_solver(net: str) -> SolverFile:
    """Return the classic recipe of LeNet, in a short form, for a net without a solver."""
    lines = [
        "base_lr: 0.01",
        "momentum: 0.9",
        "weight_decay: 0.0005",
        'lr_policy: "inv"',
        "gamma: 0.0001",
        "power: 0.75",
        "max_iter: 1000",
        "display: 100",
    ]
    if _can_be_tested(net):
        lines += ["test_iter: 100", "test_interval: 500"]
    file = parse_solver("\n".join(lines), "(the default solver)")
    # A file's name may hold what a prototxt's string cannot: bytes that are no UTF-8.
    readable = os.fsencode(Path(net).as_posix()).decode("utf-8", "replace").replace("\N{REPLACEMENT CHARACTER}", "_")
    file.solver.net = readable
    file.solver.snapshot_prefix = f"snapshots/{Path(readable).stem}"
    return file


def _can_be_tested(net: str) -> bool:
    """Tell whether the net has data of its own in phase TEST."""
    try:
        graph = build_graph(read_net(net), "TEST")
    except PycaffeliteError:
        return False  # the training net may be whole all the same
    return any(not node.bottoms and node.type != "Input" for node in graph.nodes)


def apply_setting(file: SolverFile, setting: str) -> None:
    """Set one field of a solver from the text "base_lr=0.02"; it replaces what the file says."""
    name, equals, value = setting.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name:
        raise click.UsageError(f"--set takes key=value, got '{setting}'")
    field = messages.SolverParameter.DESCRIPTOR.fields_by_name.get(name)
    if field is not None and field.type == field.TYPE_STRING and value[:1] not in ("'", '"'):
        value = f'"{value}"'
    try:
        # Repeated fields take several values as in a prototxt: --set "stepvalue=[100, 200]".
        given = parse_solver(f"{name}: {value}", f"--set {setting}", _setting_problem)
    except (PrototxtError, FieldError) as error:
        raise FieldError(
            error.what, where=Location(f"--set {setting}"), expected=error.expected, got=error.got, hint=error.hint
        ) from error
    file.solver.ClearField(name)
    file.solver.MergeFrom(given.solver)
    file.source.override(name, f"--set {setting}")


def _setting_problem(problem: PycaffeliteError) -> None:
    """Stop at a warning too: who types a setting can type it again."""
    if problem.severity == WARNING:
        problem.hint = problem.hint or "write it so: a file is read with a warning then, a setting is not"
    strict_problem(problem)
