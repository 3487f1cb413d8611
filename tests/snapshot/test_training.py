"""Snapshots of a training: resumed runs, the reference's files, side files, damage."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.api import load_solver
from pycaffelite.data.database import write_database
from pycaffelite.errors import SnapshotError
from pycaffelite.schema import messages
from pycaffelite.schema.reader import parse_solver
from pycaffelite.snapshot import resume, resume_seed, training
from pycaffelite.snapshot.training import snapshot_paths
from pycaffelite.solvers import events

GOLDEN = Path(__file__).parents[1] / "golden"
SNAPSHOTS = GOLDEN / "interop" / "snapshots"

NET = """
name: "tiny"
layer { name: "d" type: "HDF5Data" top: "image" top: "label" include { phase: TRAIN }
  hdf5_data_param { source: "data.txt" batch_size: 8 } }
layer { name: "e" type: "DummyData" top: "image" top: "label" include { phase: TEST }
  dummy_data_param { shape { dim: 2 dim: 2 dim: 4 dim: 4 } shape { dim: 2 }
    data_filler { type: "gaussian" } data_filler { } } }
layer { name: "drop" type: "Dropout" bottom: "image" top: "drop" }
layer { name: "ip" type: "InnerProduct" bottom: "drop" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

SOLVER = """
net: "net.prototxt" test_iter: 1 test_interval: 5 base_lr: 0.1 momentum: 0.9 weight_decay: 0.01
lr_policy: "multistep" gamma: 0.5 stepvalue: 4 stepvalue: 4 stepvalue: 12
average_loss: 4 max_iter: 20 snapshot: 10 snapshot_prefix: "snap/tiny"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_net(tmp_path)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_net(folder):
    """Write the net and its data; the test phase has blobs of the same shape as the records."""
    for name in ("data.txt", "data.h5"):
        shutil.copy(GOLDEN / "solvers" / name, folder)
    with h5py.File(folder / "data.h5") as file:
        shape = " ".join(f"dim: {length}" for length in (2, *file["image"].shape[1:]))
    (folder / "net.prototxt").write_text(NET.replace("dim: 2 dim: 2 dim: 4 dim: 4", shape))


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def told(solver):
    """Run to the end; return what was told, without times."""
    seen = []
    for event in solver.run():
        if isinstance(event, events.IterationDone):
            seen.append((event.iteration, event.loss, event.raw_loss, event.lr, event.outputs))
        elif isinstance(event, events.TestDone):
            seen.append((event.iteration, event.outputs))
    return seen


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_a_resumed_run_ends_in_the_same_bits(folder, kind, form):
    overrides = {"type": kind, "snapshot_format": messages.SolverParameter.SnapshotFormat.Value(form)}
    whole = told(load_solver("solver.prototxt", seed=3, overrides=overrides))
    expected = files(folder / "snap")
    tail = ".h5" if form == "HDF5" else ""
    for name in expected:
        if "_iter_20." in name:
            (folder / "snap" / name).unlink()
    state = f"snap/tiny_iter_10.solverstate{tail}"
    again = load_solver("solver.prototxt", seed=resume_seed(state), overrides=overrides)
    resumed = again.restore(state)
    assert resumed == training.Resumed(10, f"snap/tiny_iter_10.caffemodel{tail}", True)
    assert told(again) == [event for event in whole if event[0] >= 10]
    assert files(folder / "snap") == expected


def test_another_seed_is_said(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    resumed = load_solver("solver.prototxt", seed=4).restore("snap/tiny_iter_10.solverstate")
    assert not resumed.exact
    assert resumed.note == "the training was begun with seed 3"


def test_a_bare_state_works(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    (folder / "snap" / "tiny_iter_10.resume.json").unlink()
    solver = load_solver("solver.prototxt", seed=3)
    resumed = solver.restore("snap/tiny_iter_10.solverstate")
    assert (solver.iteration, solver.current_step, resumed.exact) == (10, 2, False)
    assert resumed.note.startswith("no side file")
    assert resume_seed("snap/tiny_iter_10.solverstate") is None
    solver.solve()


def test_the_weights_may_have_moved_with_the_state(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    shutil.move("snap", "elsewhere")
    resumed = load_solver("solver.prototxt", seed=3).restore("elsewhere/tiny_iter_10.solverstate")
    assert resumed.weights_path == "elsewhere/tiny_iter_10.caffemodel"
    Path(resumed.weights_path).unlink()
    with pytest.raises(SnapshotError) as error:
        load_solver("solver.prototxt", seed=3).restore("elsewhere/tiny_iter_10.solverstate")
    assert error.value.what == "the weights of this solver state are missing"
    assert error.value.expected == "snap/tiny_iter_10.caffemodel, or elsewhere/tiny_iter_10.caffemodel"


def test_a_state_of_another_solver_type(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    with pytest.raises(SnapshotError) as error:
        load_solver("solver.prototxt", overrides={"type": "Adam"}).restore("snap/tiny_iter_10.solverstate")
    assert (error.value.expected, error.value.got) == ("4 history blobs", "2")


def test_a_state_of_a_solver_type_with_as_many_histories_is_told(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    other = load_solver("solver.prototxt", seed=3, overrides={"type": "Nesterov"})
    resumed = other.restore("snap/tiny_iter_10.solverstate")
    assert not resumed.exact
    assert resumed.note == ("its history was written by SGD and is read by Nesterov, which means something else by it")
    (folder / "snap" / "tiny_iter_10.resume.json").unlink()
    assert "Nesterov" not in other.restore("snap/tiny_iter_10.solverstate").note  # nothing tells


def test_load_solver_tells_it_too(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    said = []
    load_solver("solver.prototxt", snapshot="snap/tiny_iter_10.solverstate", notify=said.append)
    assert said == []
    overrides = {"type": "Nesterov"}
    load_solver("solver.prototxt", snapshot="snap/tiny_iter_10.solverstate", overrides=overrides, notify=said.append)
    assert said[0].startswith("the training does not go on bit for bit: its history was written by SGD")


def test_all_reasons_are_told(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    resumed = load_solver("solver.prototxt", seed=4, overrides={"type": "Nesterov"}).restore(
        "snap/tiny_iter_10.solverstate"
    )
    first, second = resumed.note.split("; ")
    assert first.startswith("its history was written by SGD")
    assert second == "the training was begun with seed 3"


def test_a_side_file_without_a_type_tells_nothing(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    path = Path("snap/tiny_iter_10.resume.json")
    side = json.loads(path.read_text())
    del side["type"], side["digest"]
    path.write_bytes(resume.encode(side))
    resumed = load_solver("solver.prototxt", seed=3, overrides={"type": "Nesterov"}).restore(
        "snap/tiny_iter_10.solverstate"
    )
    assert resumed.exact


def test_weights_are_no_solver_state(folder):
    with pytest.raises(SnapshotError) as error:
        load_solver("solver.prototxt").restore("x.caffemodel")
    assert error.value.hint == "give them as weights to start from: `--weights`"


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"\x0a\x02xx", b'net: "a"'])
def test_no_solver_state(folder, content):
    (folder / "x.solverstate").write_bytes(content)
    with pytest.raises(SnapshotError, match="not a solver state"):
        load_solver("solver.prototxt").restore("x.solverstate")


@pytest.mark.parametrize("name", ["tiny_iter_10.caffemodel", "tiny_iter_10.solverstate"])
def test_damage_that_parses_is_noticed(folder, name):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    path = folder / "snap" / name
    content = bytearray(path.read_bytes())
    content[-60] ^= 1  # inside an array of numbers
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="this file is not what the snapshot wrote") as error:
        load_solver("solver.prototxt", seed=3).restore("snap/tiny_iter_10.solverstate")
    assert "delete tiny_iter_10.resume.json" in str(error.value.hint)


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_any_damage_is_an_error_of_ours(tmp_path_factory, form):
    folder = tmp_path_factory.mktemp("whole")
    write_net(folder)
    (folder / "solver.prototxt").write_text(SOLVER.replace("snap/tiny", str(folder / "snap" / "tiny")))
    overrides = {"max_iter": 2, "snapshot_format": messages.SolverParameter.SnapshotFormat.Value(form)}
    solver = load_solver(folder / "solver.prototxt", seed=3, overrides=overrides)
    solver.solve()
    whole = files(folder / "snap")
    state = next(name for name in whole if ".solverstate" in name)

    @settings(max_examples=80, deadline=None, derandomize=True)
    @given(st.sampled_from(sorted(whole)), st.integers(0, 1 << 20), st.integers(0, 7), st.booleans(), st.booleans())
    def check(name, position, bit, cut, bare):
        target = tmp_path_factory.mktemp("damaged")
        for other, content in whole.items():
            changed = bytearray(content)
            at = position % len(changed)
            if other == name:
                changed[at] ^= 1 << bit
                changed = changed[:at] if cut else changed
            if not (bare and other.endswith(".json")):
                (target / other).write_bytes(changed)
        try:
            solver.restore(str(target / state))
        except SnapshotError:
            pass
        finally:
            shutil.rmtree(target)

    check()


def test_a_later_side_file_is_refused(folder):
    load_solver("solver.prototxt", seed=3, overrides={"max_iter": 10}).solve()
    side = folder / "snap" / "tiny_iter_10.resume.json"
    side.write_text(json.dumps(json.loads(side.read_text()) | {"format": 99}))
    with pytest.raises(SnapshotError, match="side file of a later version"):
        load_solver("solver.prototxt").restore("snap/tiny_iter_10.solverstate")


def test_a_failed_snapshot_leaves_the_old_one_whole(folder, monkeypatch):
    solver = load_solver("solver.prototxt", seed=3)
    solver.step(1)
    solver.snapshot()
    old = files(folder / "snap")
    solver.net.learnables[0].blob.data[...] = 0
    monkeypatch.setattr(training, "_side", lambda *_arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        solver.snapshot()
    assert files(folder / "snap") == old


def test_where_snapshots_go(tmp_path):
    parameter = parse_solver('snapshot_prefix: "a/b"').solver
    paths = snapshot_paths(parameter, 7, "solvers/lenet_solver.prototxt")
    assert (paths.weights, paths.state) == ("a/b_iter_7.caffemodel", "a/b_iter_7.solverstate")
    parameter = parse_solver(f'snapshot_prefix: "{tmp_path}" snapshot_format: HDF5').solver
    assert snapshot_paths(parameter, 7, "solvers/x.prototxt").state == f"{tmp_path}/x_iter_7.solverstate.h5"
    parameter = parse_solver("base_lr: 1").solver
    assert snapshot_paths(parameter, 7, "solvers/x.prototxt").weights == "solvers/x_iter_7.caffemodel"


@pytest.mark.parametrize(("name", "tail"), [("sgd", ""), ("sgd_h5", ".h5")])
def test_reads_and_writes_the_files_of_the_reference(tmp_path, monkeypatch, name, tail):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(1).integers(0, 256, (20, 1, 28, 28), np.uint8)
    datums = [messages.Datum(channels=1, height=28, width=28, data=image.tobytes(), label=3) for image in images]
    records = [(b"%08d" % index, datum.SerializeToString()) for index, datum in enumerate(datums)]
    write_database(tmp_path / "digits_lmdb", "lmdb", records)
    overrides = {"net": str(SNAPSHOTS / "small.prototxt")}
    solver = load_solver(SNAPSHOTS / f"{name}_solver.prototxt", overrides=overrides)
    solver.restore(str(SNAPSHOTS / f"{name}_iter_10.solverstate{tail}"))
    state = np.load(SNAPSHOTS / f"{name}_iter_10.solverstate{tail}.npz")
    for index, updater in enumerate(solver.updaters):
        np.testing.assert_array_equal(updater.history[0], state[f"history/{index}"])
    assert (solver.iteration, solver.current_step) == (10, 1)

    solver.snapshot()  # gives the reference's own files
    for kind in ("caffemodel", "solverstate"):
        file = f"{name}_iter_10.{kind}{tail}"
        if tail:
            assert_same_hdf5(tmp_path / file, SNAPSHOTS / file)
        else:
            assert (tmp_path / file).read_bytes() == (SNAPSHOTS / file).read_bytes()
    solver.step(1)


def assert_same_hdf5(ours, theirs):
    with h5py.File(ours) as one, h5py.File(theirs) as other:
        names, expected = [], []
        one.visit(names.append)
        other.visit(expected.append)
        assert names == expected
        for name in names:
            if isinstance(one[name], h5py.Dataset):
                assert one[name].id.get_type().get_class() == other[name].id.get_type().get_class()
                assert one[name].shape == other[name].shape
                assert one[name].dtype == other[name].dtype
                np.testing.assert_array_equal(one[name], other[name])


def test_weights_that_lack_a_layer_are_told(folder):
    solver = load_solver("solver.prototxt", seed=1)
    solver.step(2)
    written = solver.snapshot()
    message = messages.NetParameter.FromString(Path(written.weights_path).read_bytes())
    for layer in message.layer:
        layer.name = layer.name.replace("ip", "iq")
    Path(written.weights_path).write_bytes(message.SerializeToString())
    Path("snap/tiny_iter_2.resume.json").unlink()
    resumed = load_solver("solver.prototxt", seed=1).restore(written.state_path)
    assert (resumed.exact, resumed.note) == (False, "snap/tiny_iter_2.caffemodel has no weights for ip")


@pytest.mark.parametrize(
    "content",
    [
        {"losses": {"values": ["x"]}},
        {"losses": 3},
        {"solver": {"best": {"value": []}}},
        {"solver": {"schedule": {"least_loss": "low"}}},
        {"solver": {"info": {"totals": 5}}},
        {"solver": [1]},
        {"layers": {"drop": {"calls": "many"}}},
    ],
)
def test_a_side_file_of_the_wrong_form(folder, content):
    solver = load_solver("solver.prototxt", seed=1)
    solver.step(2)
    written = solver.snapshot()
    path = Path("snap/tiny_iter_2.resume.json")
    side = json.loads(path.read_text())
    side.pop("digest")
    path.write_bytes(resume.encode({**side, **content}))
    with pytest.raises(SnapshotError, match="damaged side file"):
        load_solver("solver.prototxt", seed=1).restore(written.state_path)
