"""Each law of the contract is broken by a layer that breaks it, and a layer that breaks none passes all."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.layers import registry
from pycaffelite.layers.base import Arity, Layer, Layout, ParamLayout
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner


class Good(Layer):
    """y = factor x, with a count of the passes so far added in."""

    type = "Sham"
    arity = Arity(in_place=True)

    def __init__(self, message, context):
        super().__init__(message, context)
        self.passes = 0
        if message.power_param.scale < 0:
            raise FieldError("scale is negative", expected="0 or more", got="-1", hint="try 1")

    def layout(self, bottom_shapes):
        return Layout(bottom_shapes, [ParamLayout(()), ParamLayout((2,), lr_mult=0)], {"x": (bottom_shapes[0], None)})

    def forward(self, bottom, top):
        self.passes += 1
        self.buffers["x"][...] = bottom[0].data
        np.add(bottom[0].data * self.params[0].data, self.passes, out=top[0].data)

    def backward(self, top, wanted, bottom):
        if self.wanted_params[0]:
            self.params[0].diff[...] += np.sum(top[0].diff * self.buffers["x"])
        if wanted[0]:
            np.multiply(top[0].diff, self.params[0].data, out=bottom[0].diff)

    def state(self):
        return {"passes": self.passes}

    def restore(self, state):
        self.passes = state["passes"]


class GrowingLayout(Good):
    def layout(self, bottom_shapes):
        self.calls = getattr(self, "calls", 0) + 1
        return super().layout(bottom_shapes)


class FickleLayout(Good):
    def layout(self, bottom_shapes):
        self.calls = getattr(self, "calls", 0) + 1
        return Layout([(self.calls,)])


class HalfWritten(Good):
    def forward(self, bottom, top):
        top[0].data[0] = bottom[0].data[0]


class OtherArray(Good):
    def forward(self, bottom, top):
        top[0].data = bottom[0].data * 2


class OutOfBounds(Good):
    def forward(self, bottom, top):
        super().forward(bottom, top)
        beyond = np.lib.stride_tricks.as_strided(top[0].data.reshape(-1), (top[0].count + 1,))
        beyond[-1] = 3


class WrongValue(Good):
    def forward(self, bottom, top):
        super().forward(bottom, top)
        top[0].data[-1] += 1e-9


class WrongBottomDiff(Good):
    def backward(self, top, wanted, bottom):
        super().backward(top, wanted, bottom)
        bottom[0].diff[-1] *= 1 + 1e-4


class WrongParamDiff(Good):
    def backward(self, top, wanted, bottom):
        super().backward(top, wanted, bottom)
        self.params[0].diff[...] *= 1 + 1e-4


class AddingBottomDiff(Good):
    def backward(self, top, wanted, bottom):
        before = bottom[0].diff.copy()
        super().backward(top, wanted, bottom)
        bottom[0].diff[...] += before


class OverwritingParamDiff(Good):
    def backward(self, top, wanted, bottom):
        self.params[0].diff[...] = 0
        super().backward(top, wanted, bottom)


class Pushy(Good):
    def backward(self, top, wanted, bottom):
        super().backward(top, [True], bottom)


class PushyParam(Good):
    def backward(self, top, wanted, bottom):
        self.wanted_params = [True, False]
        super().backward(top, wanted, bottom)


class ChangesInput(Good):
    def forward(self, bottom, top):
        super().forward(bottom, top)
        bottom[0].data[-1] += 1


class ChangesTopDiff(Good):
    def backward(self, top, wanted, bottom):
        super().backward(top, wanted, bottom)
        top[0].diff[-1] += 1


class ChangesParam(Good):
    def backward(self, top, wanted, bottom):
        super().backward(top, wanted, bottom)
        self.params[1].data += 1


class ForgetsInput(Good):
    def backward(self, top, wanted, bottom):
        self.buffers["x"][...] = bottom[0].data
        super().backward(top, wanted, bottom)


class Coarse(Good):
    def forward(self, bottom, top):
        super().forward(bottom, top)
        if top[0].dtype == np.float32:
            top[0].data[...] = top[0].data.astype(np.float16)


class Whimsical(Good):
    def forward(self, bottom, top):
        super().forward(bottom, top)
        top[0].data += np.random.default_rng().random()


class Forgetful(Good):
    def restore(self, state):
        pass


def oracle(bottoms, params):
    return bottoms[0] * params[0] + 1


CASE = Case(bottoms=[(3, 2)], oracle=oracle)

BROKEN = [
    (GrowingLayout, "layout_is_pure"),
    (FickleLayout, "layout_is_pure"),
    (HalfWritten, "layout_is_true"),
    (OtherArray, "layout_is_true"),
    (OutOfBounds, "layout_is_true"),
    (WrongValue, "forward_equals_oracle"),
    (WrongBottomDiff, "gradients_are_right"),
    (WrongParamDiff, "gradients_are_right"),
    (AddingBottomDiff, "bottom_diffs_are_overwritten"),
    (OverwritingParamDiff, "param_diffs_are_added_to"),
    (Pushy, "unwanted_is_untouched"),
    (PushyParam, "unwanted_is_untouched"),
    (ChangesInput, "inputs_are_untouched"),
    (ChangesTopDiff, "inputs_are_untouched"),
    (ChangesParam, "inputs_are_untouched"),
    (ForgetsInput, "in_place_equals_out_of_place"),
    (Coarse, "float32_agrees_with_float64"),
    (Whimsical, "same_seed_same_bits"),
    (Forgetful, "snapshot_round_trip"),
]


@pytest.fixture
def contract(monkeypatch):
    def make(layer_class):
        registry.layer_types()
        monkeypatch.setitem(registry._CLASSES, "Sham", layer_class)
        contract = LayerContract()
        contract.type_name = "Sham"
        return contract

    return make


def test_a_good_layer_passes(contract):
    good = contract(Good)
    laws = good._laws(CASE)
    assert len(laws) == 12
    for law in laws:
        getattr(good, f"check_{law}")(CASE)


@pytest.mark.parametrize(("layer_class", "law"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_layer_fails(contract, layer_class, law):
    # Without an oracle, tops must be free of NaN.
    case = Case(bottoms=[(3, 2)]) if law == "layout_is_true" else CASE
    broken = contract(layer_class)
    with pytest.raises((AssertionError, ValueError)):
        getattr(broken, f"check_{law}")(case)


def test_every_law_has_a_layer_that_breaks_it(contract):
    assert {law for _, law in BROKEN} == set(contract(Good)._laws(CASE))


NEGATIVE = "power_param { scale: -1 }"


def test_error_texts_are_exact(contract):
    good = contract(Good)
    message = """
    error: scale is negative
      expected: 0 or more
      got:      -1

    hint: try 1
    """
    good.check_error(ErrorCase(NEGATIVE, [(2,)], message))
    with pytest.raises(AssertionError, match="should read"):
        good.check_error(ErrorCase(NEGATIVE, [(2,)], message.replace("try 1", "try 2")))
    with pytest.raises(AssertionError, match="no error"):
        good.check_error(ErrorCase("", [(2,)], message))


def test_one_test_for_each_pair(contract):
    good = contract(Good)
    good.cases = {"a": CASE, "b": Case(gradients=False, in_place=False)}
    good.errors = {"c": ErrorCase(NEGATIVE)}
    made = {}
    metafunc = SimpleNamespace(
        function=good.test_contract, parametrize=lambda _names, values, ids: made.update(zip(ids, values, strict=True))
    )
    good.pytest_generate_tests(metafunc)
    assert "a-gradients_are_right" in made
    assert "b-gradients_are_right" not in made
    assert "b-layout_is_true" in made
    assert made["c-error"] == (good.errors["c"], "error")
    assert len(made) == 12 + 6 + 1


def test_a_whole_layer_may_be_stated(contract):
    good = contract(Good)
    text = 'layer { name: "mine" type: "Sham" bottom: "a" top: "b" }'
    runner = good.runner(Case(text, [(2,)]))
    assert isinstance(runner, LayerRunner)
    assert runner.layer.name == "mine"
    assert "in_place_equals_out_of_place" not in good._laws(Case(text))


def test_importing_does_not_need_pytest():
    code = "import sys; sys.modules['pytest'] = None; import pycaffelite.testing"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
