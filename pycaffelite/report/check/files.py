"""One file after another: what it is, what is wrong with it, and what a net makes in each phase."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pycaffelite.errors import Location, PycaffeliteError, WiringError
from pycaffelite.graph.wiring import UNKNOWN_BOTTOM, WITHOUT_STATE
from pycaffelite.report.check import weights
from pycaffelite.report.check.findings import Findings, Problem, Status, as_strict, problem_of, status_of
from pycaffelite.report.check.nets import PhaseReport, PhaseSettings, check_phase, sources_of, stages_of
from pycaffelite.report.check.others import describe_other
from pycaffelite.report.check.solvers import check_solver
from pycaffelite.schema.problems import TemplateError
from pycaffelite.schema.reader import NetFile, kind_of, read_net, read_solver

_WEIGHT_ENDINGS = (".caffemodel", ".h5", ".hdf5")


@dataclass(frozen=True)
class Settings(PhaseSettings):
    """How files are looked at.

    Attributes:
        phases: The phases to take shapes through.
        strict: Whether warnings count as errors.
    """

    phases: tuple[str, ...] = ("TRAIN", "TEST")
    strict: bool = False


@dataclass(frozen=True)
class FileReport:
    """What a file is, and what is wrong with it.

    Attributes:
        file: As the user named it.
        kind: "net", "solver", "weights" or "other".
        dialect: The form it was written in: "V0", "V1" or "current"; of other files, what they are.
        forks: The forks of Caffe that explain what else is in it.
        status: The worst of its problems: "ok", "warnings", "unsupported" (read whole, but holds layers that cannot run
            here) or "errors" (it could not be read or wired).
        problems: The worst first.
        phases: Of a net, what it makes.
        stages: Of a net, the stages that its rules ask for, with the layers they are about.
        sources: Of a net, (layer, source of data, whether it is here).
        fit: Of weights behind a net, which layers they fill.
    """

    file: str
    kind: str
    dialect: str
    status: Status
    problems: tuple[Problem, ...]
    forks: tuple[str, ...] = ()
    phases: dict[str, PhaseReport] = field(default_factory=dict)
    stages: dict[str, list[str]] = field(default_factory=dict)
    sources: list[tuple[str, str, bool]] = field(default_factory=list)
    fit: weights.Fit | None = None


def of_phases(found: Mapping[str, Findings]) -> Iterator[Problem]:
    """Yield what was found in each phase; what is missing in one of them is a note where the net is made for another.

    A net whose data layer is for training only cannot be tested, and trains all the same. A net that asks for stages is
    whole only with them: that is a warning.
    """
    whole = [phase for phase, findings in found.items() if not any(map(_is_error, findings.sorted()))]
    for phase, findings in found.items():
        problems = findings.sorted()
        missing = f"is not made in phase {phase}"
        excused = bool(whole) and any(missing in problem.message for problem in problems if _is_error(problem))
        for problem in problems:
            if excused and _is_error(problem):
                yield replace(problem, severity="note")
            elif WITHOUT_STATE in problem.message and _is_error(problem):
                yield replace(problem, severity="warning")
            else:
                yield problem


def _is_error(problem: Problem) -> bool:
    return problem.severity == "error"


def check_files(paths: Iterable[str], settings: Settings) -> Iterator[FileReport]:
    """Look over files; weights are held against the net named last before them."""
    net: NetFile | None = None
    for path in paths:
        check = _FileCheck(path, settings)
        report = check.run(net)
        net = check.net or net
        yield report if not settings.strict else _strict(report)


def _strict(report: FileReport) -> FileReport:
    problems = as_strict(report.problems)
    return replace(report, problems=problems, status=status_of(problems))


class _FileCheck:
    """Collects what is found in one file; whatever goes wrong becomes one of its problems."""

    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.findings = Findings()
        self.net: NetFile | None = None
        self.report = FileReport(path, "other", "", "ok", ())

    def run(self, net: NetFile | None) -> FileReport:
        try:
            self.look(net)
        except TemplateError as problem:
            self.report = replace(self.report, dialect="template")
            self.findings.report(problem)
        except PycaffeliteError as problem:
            self.findings.report(problem)
        except Exception as problem:  # one file must not keep the others from being looked at
            self.findings.say(
                "error",
                f"this is a bug in pycaffelite: {type(problem).__name__}: {problem}",
                Location(self.path),
                "report it with this file",
            )
        problems = self.findings.sorted()
        return replace(self.report, problems=problems, status=status_of(problems))

    def look(self, net: NetFile | None) -> None:
        if self.path.endswith(_WEIGHT_ENDINGS):
            self.report = replace(self.report, kind="weights")
            self.look_at_weights(net)
            return
        kind = kind_of(self.path)
        self.report = replace(self.report, kind=kind)
        if kind == "net":
            self.look_at_net()
        elif kind == "solver":
            solver = read_solver(self.path, self.findings.report)
            self.report = replace(self.report, dialect="current", forks=solver.forks)
            check_solver(solver, self.findings)
            self.keep_notes(solver.notes)
        else:
            self.report = replace(self.report, dialect=describe_other(self.path, self.findings))

    def keep_notes(self, notes: Iterable[object]) -> None:
        for note in notes:
            self.findings.note(note)  # type: ignore[arg-type]

    def keep_what_wiring_does_not_tell(self, problem: PycaffeliteError) -> None:
        """Keep a problem of reading, but for the unknown bottoms of the V0 form: they are told with each phase."""
        if not problem.what.startswith(UNKNOWN_BOTTOM):
            self.findings.report(problem)

    def look_at_net(self) -> None:
        file = read_net(self.path, self.keep_what_wiring_does_not_tell)
        self.net = file
        self.keep_notes(file.notes)
        phases: dict[str, PhaseReport] = {}
        empty: list[WiringError] = []
        found: dict[str, Findings] = {}
        for phase in self.settings.phases:
            found[phase] = Findings()
            try:
                phases[phase] = check_phase(file, phase, self.settings, found[phase])
            except WiringError as problem:
                empty.append(problem)
        for finding in of_phases(found):
            self.findings.add(finding)
        for nothing in empty:  # no layers: no error of a net that was made for the other phase
            self.findings.add(problem_of(nothing, "note" if phases else None))
        self.report = replace(
            self.report,
            dialect=file.dialect,
            forks=file.forks,
            phases=phases,
            stages=stages_of(file),
            sources=sources_of(file.net, Path(self.path).parent),
        )

    def look_at_weights(self, net: NetFile | None) -> None:
        found = weights.read(Path(self.path))
        fit = None if net is None else weights.fit(found, net, self.settings, self.findings)
        self.report = replace(self.report, dialect=found.dialect, fit=fit)
