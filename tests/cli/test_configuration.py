from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import pytest

from pycaffelite.cli.configuration import apply_setting, configure, solvers_of
from pycaffelite.errors import FieldError, PrototxtError
from pycaffelite.schema.reader import parse_solver

NET = """
name: "n"
layer { name: "data" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "x" top: "loss" include { phase: TRAIN } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("nets", "solvers"):
        (tmp_path / name).mkdir()
    (tmp_path / "nets" / "a.prototxt").write_text(NET)
    return tmp_path


def add_solver(path: Path, net: str = "nets/a.prototxt", text: str = "") -> None:
    path.write_text(f'net: "{net}"\nbase_lr: 0.1\nmax_iter: 3\n{text}')


class TestFindingTheSolver:
    def test_prefers_the_name_of_the_net(self, folder: Path) -> None:
        for name in ("zz", "aa", "a", "a_solver"):
            add_solver(folder / "solvers" / f"{name}.prototxt")
        add_solver(folder / "solvers" / "other.prototxt", net="nets/b.prototxt")
        (folder / "solvers" / "broken.prototxt").write_text("base_lr: : 3")
        names = [path.name for path in solvers_of("nets/a.prototxt")]
        assert names == ["a_solver.prototxt", "a.prototxt", "aa.prototxt", "zz.prototxt"]

    def test_the_folder_of_the_net_comes_first(self, folder: Path) -> None:
        add_solver(folder / "solvers" / "a_solver.prototxt")
        add_solver(folder / "nets" / "z.prototxt", net="a.prototxt")
        found = configure("nets/a.prototxt", None, ())
        assert found.solver.path == str(Path("nets/z.prototxt"))
        assert found.remarks == (
            f"training with {Path('nets/z.prototxt')} "
            f"(there are others: {Path('solvers/a_solver.prototxt')}; --solver takes one)",
        )

    def test_the_net_may_be_named_from_any_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        add_solver(folder / "solvers" / "a.prototxt")
        monkeypatch.chdir(folder / "nets")
        assert [path.name for path in solvers_of("a.prototxt")] == ["a.prototxt"]
        monkeypatch.chdir("/")
        assert [path.name for path in solvers_of(str(folder / "nets" / "a.prototxt"))] == ["a.prototxt"]

    def test_without_one_the_classic_recipe_is_used(self, folder: Path) -> None:
        found = configure("nets/a.prototxt", None, ())
        assert found.solver.solver.net == "nets/a.prototxt"
        assert found.solver.solver.base_lr == pytest.approx(0.01)
        assert list(found.solver.solver.test_iter) == [100]  # DummyData stands in phase TEST too
        assert found.remarks == ("no solver for this net was found: the one below is used",)

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system allows no such name")
    def test_a_name_that_a_prototxt_cannot_hold(self, folder: Path) -> None:
        name = os.fsdecode(b'n"\xe9.prototxt')
        (folder / name).write_text(NET)
        found = configure(name, None, ())
        assert found.net is not None
        assert found.solver.solver.snapshot_prefix == 'snapshots/n"_'

    def test_a_given_solver_trains_the_given_net(self, folder: Path) -> None:
        add_solver(folder / "s.prototxt", net="nets/b.prototxt")
        found = configure("nets/a.prototxt", "s.prototxt", ())
        assert found.net is not None
        assert found.net_path == "nets/a.prototxt"

    def test_a_solver_alone(self, folder: Path) -> None:
        add_solver(folder / "solvers" / "a.prototxt")
        found = configure("solvers/a.prototxt", None, ("base_lr=0.5",))
        assert found.net_path == "nets/a.prototxt"
        assert found.solver.solver.base_lr == 0.5
        with pytest.raises(click.UsageError):
            configure("solvers/a.prototxt", "solvers/a.prototxt", ())

    def test_neither(self, folder: Path) -> None:
        (folder / "x.prototxt").write_text("shape { dim: 3 }")
        with pytest.raises(PrototxtError, match="neither a net nor a solver"):
            configure("x.prototxt", None, ())


class TestSettings:
    @pytest.mark.parametrize(
        ("setting", "name", "value"),
        [
            ("base_lr=0.02", "base_lr", pytest.approx(0.02)),
            ("max_iter = 7", "max_iter", 7),
            ("lr_policy=step", "lr_policy", "step"),
            ('type="Adam"', "type", "Adam"),
            ("debug_info=true", "debug_info", True),
            ("stepvalue=[3, 4]", "stepvalue", [3, 4]),
            ("test_iter=5", "test_iter", [5]),
            ("snapshot_format=HDF5", "snapshot_format", 0),
        ],
    )
    def test_values(self, setting: str, name: str, value: object) -> None:
        file = parse_solver("base_lr: 1 stepvalue: 1 test_iter: 9 max_iter: 1")
        apply_setting(file, setting)
        assert getattr(file.solver, name) == value

    @pytest.mark.parametrize("setting", ["base_lr", "=3", ""])
    def test_no_value(self, setting: str) -> None:
        with pytest.raises(click.UsageError, match="--set takes key=value"):
            apply_setting(parse_solver("base_lr: 1"), setting)

    def test_unknown_fields_get_a_close_match(self) -> None:
        with pytest.raises(FieldError, match="base_lr"):
            apply_setting(parse_solver("base_lr: 1"), "bas_lr=1")

    def test_values_of_the_wrong_kind(self) -> None:
        with pytest.raises(FieldError, match="--set max_iter=many"):
            apply_setting(parse_solver("base_lr: 1"), "max_iter=many")

    def test_what_a_file_may_misspell_is_an_error_that_says_so(self) -> None:
        with pytest.raises(FieldError, match=r'--set type=adam: `type: "adam"` is read as "Adam"\n\nhint: write it so'):
            apply_setting(parse_solver("base_lr: 1"), "type=adam")
