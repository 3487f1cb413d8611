"""A compiled plan leaves the same visible blobs and gradients as the naive plan, on every net that there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.api import load_solver
from pycaffelite.errors import UnsupportedError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.base import DataOptions
from pycaffelite.layers.registry import layer_types
from pycaffelite.net import Net, build
from pycaffelite.plan import Plan, compile_plan
from pycaffelite.schema.reader import parse_net, read_net

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "nets"

FILLERS = 'weight_filler { type: "msra" } bias_filler { type: "gaussian" std: 1 }'


def layer(kind: str, bottom: str, top: str = "", fields: str = "", name: str = "") -> str:
    """Return the text of a layer; in place without a top."""
    bottoms = " ".join(f'bottom: "{b}"' for b in bottom.split())
    top = top or bottom.split(maxsplit=1)[0]
    return f'layer {{ name: "{name or top}" type: "{kind}" {bottoms} top: "{top}" {fields} }}\n'


def relu(blob: str, slope: float = 0) -> str:
    return layer("ReLU", blob, name=f"{blob}/relu", fields=f"relu_param {{ negative_slope: {slope} }}")


def conv(bottom: str, top: str, outputs: int, kernel: int, more: str = "") -> str:
    fields = f"num_output: {outputs} kernel_size: {kernel} {more} {FILLERS}"
    return layer("Convolution", bottom, top, f"convolution_param {{ {fields} }}")


def conv_norm(bottom: str, top: str, outputs: int, kernel: int, more: str = "") -> str:
    """Return a convolution with BatchNorm and Scale in place."""
    filler = 'filler { type: "uniform" min: 0.5 max: 2 } bias_term: true bias_filler { type: "gaussian" std: 1 }'
    norm = layer("BatchNorm", top, name=f"{top}/norm")
    return conv(bottom, top, outputs, kernel, more) + norm + scale(top, filler)


def scale(blob: str, fields: str) -> str:
    return layer("Scale", blob, name=f"{blob}/scale", fields=f"scale_param {{ {fields} }}")


def full(bottom: str, top: str, outputs: int, more: str = "") -> str:
    return layer("InnerProduct", bottom, top, f"inner_product_param {{ num_output: {outputs} {more} {FILLERS} }}")


def pool(bottom: str, top: str, fields: str) -> str:
    return layer("Pooling", bottom, top, f"pooling_param {{ {fields} }}")


def loss(scores: str) -> str:
    return layer("SoftmaxWithLoss", f"{scores} label", f"{scores}/loss")


def source(*shape: int, labels: bool = True) -> str:
    """Return a layer of random images, with labels of class 1; or one of images to fill."""
    dims = " ".join(f"dim: {length}" for length in shape)
    if not labels:
        return f'layer {{ name: "in" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n'
    return f"""
    layer {{ name: "in" type: "DummyData" top: "data" top: "label"
      dummy_data_param {{ shape {{ {dims} }} shape {{ dim: {shape[0]} }}
        data_filler {{ type: "gaussian" std: 1 }} data_filler {{ type: "constant" value: 1 }} }} }}
    """


PLAIN = (
    conv("data", "conv1", 5, 3, "pad: 1")
    + relu("conv1")
    + pool("conv1", "pool1", "pool: MAX kernel_size: 3 stride: 2")
    + relu("pool1")
    + conv("pool1", "conv2", 4, 2, "bias_term: false")
    + relu("conv2", 0.25)
    + full("conv2", "fc1", 7)
    + relu("fc1")
    + full("fc1", "fc2", 3)
)

RESIDUAL = (
    conv_norm("data", "conv1", 4, 3, "pad: 1")
    + relu("conv1")
    + conv_norm("conv1", "a1", 8, 1)
    + conv_norm("conv1", "a2", 4, 1)
    + relu("a2")
    + conv_norm("a2", "a3", 8, 3, "pad: 1 bias_term: false")
    + layer("Eltwise", "a1 a3", "a")
    + relu("a")
    + conv_norm("a", "b2", 8, 3, "pad: 1")
    + layer("Eltwise", "a b2 a", "b", "eltwise_param { coeff: 1 coeff: 0.5 coeff: -2 }")
    + relu("b")
    + pool("b", "pool", "pool: AVE global_pooling: true")
    + full("pool", "fc", 3)
)

DEPTHWISE = (
    conv_norm("data", "conv1", 6, 3, "stride: 2")
    + relu("conv1")
    + conv_norm("conv1", "dw", 6, 3, "pad: 1 group: 6")
    + relu("dw")
    + conv_norm("dw", "sep", 4, 1)
    + relu("sep", 0.1)
    + pool("sep", "pool", "pool: AVE global_pooling: true")
    + conv("pool", "fc", 3, 1)
    + layer("Flatten", "fc", "flat")
)

BRANCHES = (
    conv("data", "one", 2, 1)
    + relu("one")
    + conv("data", "three", 3, 3, "pad: 1")
    + relu("three")
    + layer("Concat", "one three", "cat")
    + layer("Dropout", "cat", name="drop")
    + layer("Reshape", "cat", "rows", "reshape_param { shape { dim: 0 dim: -1 } }")
    + layer("Flatten", "rows", "again")
    + layer("Flatten", "again", "own")
    + relu("own")
    + full("again", "side", 4)
    + relu("side")
    + layer("Eltwise", "own own", "sum")
    + full("sum", "wide", 4)
    + layer("Concat", "wide side", "fc", "concat_param { axis: 1 }")
)

# Chains that cannot be fused, or only in part.
AWKWARD = (
    conv("data", "dropped", 4, 3, "pad: 1")
    + relu("dropped")
    + layer("Dropout", "dropped", name="dropout", fields="dropout_param { dropout_ratio: 0.3 }")
    + conv("dropped", "below", 4, 1)
    + relu("below", -0.5)
    + conv("below", "late", 4, 3, "pad: 1")
    + relu("late", 0.5)
    + scale("late", "bias_term: true filler { value: -1.5 }")
    + conv("late", "twice", 4, 1)
    + relu("twice", 0.5)
    + layer("ReLU", "twice", name="twice/again")
    + conv("twice", "whole", 4, 1)
    + scale("whole", "axis: 0 num_axes: 0 filler { value: 2 }")
    + layer("Sigmoid", "whole", name="sigmoid")
    + conv("whole", "read", 4, 1)
    + layer("TanH", "read", "reader")
    + layer("ReLU", "read", "rectified")
    + layer("Eltwise", "reader rectified", "max", "eltwise_param { operation: MAX }")
    + relu("max")
    + full("max", "rows", 3, "axis: 2")
    + relu("rows")
    + full("rows", "fc", 2)
)

JOINED = (
    conv_norm("data", "one", 3, 1)
    + relu("one")
    + conv("data", "two", 2, 1)
    + layer("Concat", "one two", "inner")
    + pool("data", "three", "pool: MAX kernel_size: 3 stride: 1 pad: 1")
    + layer("Concat", "inner three", "outer")
    + layer("ReLU", "outer", "again")
    + layer("Concat", "outer again", "shared")
    + relu("shared")
    + layer("Concat", "shared", "late")
    + relu("late")
    + full("late", "fc", 3)
)

BODIES = {
    "plain": PLAIN,
    "residual": RESIDUAL,
    "depthwise": DEPTHWISE,
    "branches": BRANCHES,
    "awkward": AWKWARD,
    "joined": JOINED,
}
SCORES = {"plain": "fc2", "depthwise": "flat"}
ACCURACY = 'layer { name: "acc" type: "Accuracy" bottom: "%s" bottom: "label" top: "acc" }\n'


def runs(path: Path) -> bool:
    """Return whether all types of layers of a file are there."""
    return {message.type for message in read_net(path).net.layer} <= set(layer_types())


FILES = [path for path in sorted(ROOT.glob("nets/**/*.prototxt")) + sorted(GOLDEN.glob("*.prototxt")) if runs(path)]


def trained(name: str) -> str:
    """Return a net with a loss."""
    scores = SCORES.get(name, "fc")
    return source(3, 2, 9, 8) + BODIES[name] + loss(scores) + ACCURACY % scores


def deployed(name: str) -> str:
    return source(3, 2, 9, 8, labels=False) + BODIES[name]


def net_of(text: str, phase: str) -> Net:
    return build(build_graph(parse_net(text), phase), seed=7)


def change_parameters(plans: tuple[Plan, ...]) -> None:
    """Write the same new numbers into the parameters of all nets; sums of BatchNorm stay positive."""
    random = np.random.default_rng(3)
    for blobs in zip(*([b for blobs in plan.net.params.values() for b in blobs] for plan in plans), strict=True):
        noise = random.uniform(0.25, 1, blobs[0].shape) * random.choice([1, 1, -1])
        for blob in blobs:
            blob.data[...] = np.abs(blob.data + noise) if (blob.data >= 0).all() else blob.data + noise


def assert_same(found: np.ndarray, expected: np.ndarray, what: str, tolerance: float) -> None:
    if not tolerance:
        np.testing.assert_array_equal(found, expected, err_msg=what)
        return
    largest = float(np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest, err_msg=what)


def assert_same_pass(naive: Plan, plan: Plan, tolerance: float = 0) -> None:
    """Run both plans, forward and backward, and hold every visible number of one against the other's."""
    losses = naive.forward(), plan.forward()
    assert losses[1] == pytest.approx(losses[0], rel=tolerance, abs=0)
    for name, blob in naive.net.blobs.items():
        assert_same(plan.net.blobs[name].data, blob.data, name, tolerance)
    for each in (naive, plan):
        each.net.clear_param_diffs()
        each.backward()
    for name, blob in naive.net.blobs.items():
        assert_same(plan.net.blobs[name].diff, blob.diff, f"diff of {name}", tolerance)
    for layer_name, blobs in naive.net.params.items():
        for ours, theirs in zip(plan.net.params[layer_name], blobs, strict=True):
            assert_same(ours.data, theirs.data, layer_name, 0)
            assert_same(ours.diff, theirs.diff, f"diffs of {layer_name}", tolerance)


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
@pytest.mark.parametrize("name", BODIES)
def test_nets_that_learn(name: str, phase: str) -> None:
    naive, plan = compile_plan(net_of(trained(name), phase), naive=True), compile_plan(net_of(trained(name), phase))
    assert_same_pass(naive, plan)
    change_parameters((naive, plan))
    assert_same_pass(naive, plan)


@pytest.mark.parametrize("name", BODIES)
def test_nets_that_do_not_learn(name: str) -> None:
    text = deployed(name)
    naive, plan = compile_plan(net_of(text, "TEST"), naive=True), compile_plan(net_of(text, "TEST"))
    images = np.random.default_rng(0).standard_normal((4, 2, 9, 8))
    for batch in (3, 3, 1, 1, 4, 1, 1, 1):
        for each in (naive, plan):
            data = each.net.blobs["data"]
            data.resize((batch, 2, 9, 8))
            data.data[...] = images[:batch]
        assert_same_pass(naive, plan, 2e-5)
        change_parameters((naive, plan))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_files(path: Path, phase: str) -> None:
    plans = []
    for naive in (True, False):
        graph = build_graph(read_net(path), phase)
        plans.append(compile_plan(build(graph, seed=3, data=DataOptions(path.parent)), naive=naive))
    for name in plans[0].net.inputs:
        shape = plans[0].net.blobs[name].shape
        values = np.random.default_rng(1).integers(0, 2, shape)
        for plan in plans:
            plan.net.blobs[name].data[...] = values
    assert_same_pass(*plans)
    change_parameters(tuple(plans))
    assert_same_pass(*plans)


def test_passes_of_both_plans_take_turns() -> None:
    """Who looks between layers runs steps of the naive plan of the same net, before and after the others."""
    oracle, plan = (compile_plan(net_of(trained("plain"), "TRAIN"), naive=naive) for naive in (True, False))
    for first, second in ((plan, plan.naive), (plan.naive, plan), (plan, plan)):
        oracle.forward()
        oracle.backward()
        first.forward()
        second.backward()
        for name, blob in oracle.net.blobs.items():
            np.testing.assert_array_equal(plan.net.blobs[name].diff, blob.diff, err_msg=name)


def test_training_has_the_bits_of_the_naive_plan() -> None:
    quiet = {"snapshot": 0, "test_initialization": False, "test_interval": 100, "display": 0}
    solvers = [load_solver(ROOT / "solvers" / "lenet_dsn_solver.prototxt", seed=1, overrides=quiet) for _ in range(2)]
    solvers[0].plan = solvers[0].plan.naive
    for solver in solvers:
        solver.step(20)
    for ours, theirs in zip(*(solver.net.learnables for solver in solvers), strict=True):
        np.testing.assert_array_equal(ours.blob.data, theirs.blob.data, err_msg=ours.name)


def poison(net: Net) -> int:
    """Write NaN over all blobs but those of sources and outputs, and return in how many bytes these others lie."""
    kept = [net.blobs[name].data for name in (*net.inputs, *net.outputs)]
    kept += [blob.data for entry in net.layers for blob in entry.tops if not entry.bottoms]
    hidden = [blob.data for blob in net.blobs.values() if not any(np.may_share_memory(blob.data, k) for k in kept)]
    lines = set()
    for data in hidden:
        data[...] = np.nan
        lines |= set(range(data.ctypes.data // 4, (data.ctypes.data + data.nbytes) // 4))
    return 4 * len(lines)


def assert_same_outputs(naive: Plan, plan: Plan, tolerance: float = 0) -> None:
    losses = naive.forward(), plan.forward()
    assert losses[1] == pytest.approx(losses[0], rel=tolerance, abs=0)
    for name in naive.net.outputs:
        assert_same(plan.net.blobs[name].data, naive.net.blobs[name].data, name, tolerance)


@pytest.mark.parametrize("name", BODIES)
def test_outputs_alone_where_blobs_share_memory(name: str) -> None:
    for text in (trained(name), deployed(name)):
        naive, plan = (
            compile_plan(net_of(text, "TEST"), naive=naive, outputs_only=not naive) for naive in (True, False)
        )
        images = np.random.default_rng(0).standard_normal((4, 2, 9, 8))
        apart = poison(compile_plan(net_of(text, "TEST"), forward_only=True).net)
        assert poison(plan.net) < apart
        for batch in (3, 3, 4, 3) if plan.net.inputs else (3, 3):
            for each in (naive, plan) if plan.net.inputs else ():
                each.net.blobs["data"].resize((batch, 2, 9, 8))
                each.net.blobs["data"].data[...] = images[:batch]
            poison(plan.net)
            assert_same_outputs(naive, plan, 2e-5)
            change_parameters((naive, plan))
        poison(plan.net)
        assert_same_outputs(naive, plan.naive, 2e-5)
        with pytest.raises(UnsupportedError, match="no backward pass"):
            plan.backward()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_outputs_of_files_where_blobs_share_memory(path: Path) -> None:
    plans = []
    for naive in (True, False):
        net = build(build_graph(read_net(path), "TEST"), seed=3, data=DataOptions(path.parent))
        for name in net.inputs:
            net.blobs[name].data[...] = np.random.default_rng(1).integers(0, 2, net.blobs[name].shape)
        plans.append(compile_plan(net, naive=naive, outputs_only=not naive))
    assert_same_outputs(*plans)
    poison(plans[1].net)
    assert_same_outputs(*plans)


def test_a_net_that_measures_keeps_its_blobs_apart() -> None:
    text = source(3, 2, 9, 8) + 'layer { name: "f" type: "Filter" bottom: "data" bottom: "label" top: "some" }\n'
    text += relu("some") + layer("TanH", "some", "a") + layer("TanH", "a", "b") + layer("TanH", "b", "c")
    plan = compile_plan(net_of(text, "TEST"), outputs_only=True)
    plan.forward()
    hidden = [plan.net.blobs[name].data for name in "ab"]
    assert not np.may_share_memory(*hidden)
    np.testing.assert_allclose(plan.net.blobs["c"].data, np.tanh(hidden[1]), rtol=1e-6)
