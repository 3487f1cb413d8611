"""The contract that every layer must pass, as a pytest base class."""

from __future__ import annotations

import copy
import inspect
import json
import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import PycaffeliteError
from pycaffelite.kernels import _jit
from pycaffelite.layers.base import Layer
from pycaffelite.layers.registry import layer_class
from pycaffelite.testing.cases import Case, ErrorCase
from pycaffelite.testing.equality import close, require, same, same_bits
from pycaffelite.testing.gradients import check_gradients
from pycaffelite.testing.runner import LayerRunner, layer_text

_GARBAGE = 7.25  # not zero, and exact in every float type


class LayerContract:
    """What must hold for every layer, checked for each of its cases.

    Subclass it in a test module, and pytest does the rest:

        class TestMine(LayerContract):
            type_name = "Mine"
            cases = {
                "default": Case(oracle=lambda bottoms, params: np.abs(bottoms[0])),
                "half": Case("mine_param { scale: 0.5 }", bottoms=[(4, 3)], gradients=False),
            }
            errors = {
                "negative": ErrorCase(
                    "mine_param { scale: -1 }",
                    message=\"\"\"
                    error: scale is negative
                      expected: a scale of at least 0
                      got:      -1
                    \"\"\",
                ),
            }

    For a case named `half` the checks are called `test_contract[half-layout_is_pure]` and so on. Each is the method
    `check_...` of the same name, whose docstring states the law. A layer outside pycaffelite is found when its module,
    which calls `@register`, is imported by the test.

    Attributes:
        type_name: The type string of the layer.
        cases: Configurations that work, by name.
        errors: Configurations and inputs that are refused, by name.
    """

    type_name: ClassVar[str]
    cases: ClassVar[Mapping[str, Case]] = {}
    errors: ClassVar[Mapping[str, ErrorCase]] = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Make one test of each pair of a case and a law that applies to it."""
        if metafunc.function.__name__ != "test_contract":
            return
        pairs = [(self.cases[name], law, name) for name in self.cases for law in self._laws(self.cases[name])]
        refusals = [(self.errors[name], "error", name) for name in self.errors]
        ids = [f"{name}-{law}" for _, law, name in (*pairs, *refusals)]
        metafunc.parametrize("case, law", [pair[:2] for pair in (*pairs, *refusals)], ids=ids)

    def test_contract(self, case: Case | ErrorCase, law: str) -> None:
        """Check one law for one case."""
        getattr(self, f"check_{law}")(case)

    def runner(self, case: Case, dtype: npt.DTypeLike = np.float64, *, in_place: bool = False) -> LayerRunner:
        """Return a fresh runner of a case."""
        return LayerRunner(
            self._text(case, in_place),
            case.bottoms,
            case.phase,
            dtype,
            params=case.params,
            wanted=case.wanted,
            top_diffs=case.top_diffs,
            data=case.data,
        )

    def check_layout_is_pure(self, case: Case) -> None:
        """Calling `layout` twice gives the same and changes nothing in the layer."""
        runner = self.runner(case)
        shapes = [blob.shape for blob in runner.bottom]
        layer = type(runner.layer)(runner.layer.message, runner.layer.context)
        before = copy.deepcopy(vars(layer))
        first, second = layer.layout(shapes), layer.layout(shapes)
        require(first == second, "two calls of layout differ")
        require(same(before, vars(layer)), "layout changes the layer")

    def check_layout_is_true(self, case: Case) -> None:
        """Forward fills the tops that the layout announced, wholly, and nothing beside them; passes stay in bounds."""
        runner = self.runner(case)
        arrays = [blob.data for blob in runner.top]
        for array in arrays:
            array[...] = np.nan
        runner.forward()
        for i, (blob, array) in enumerate(zip(runner.top, arrays, strict=True)):
            require(blob.data is array, f"forward replaces the array of top {i}")
            require(case.oracle is not None or not np.isnan(array).any(), f"forward leaves parts of top {i} unwritten")
        if case.gradients:
            runner.backward()
        require(runner.overruns() == 0, f"{runner.overruns()} bytes outside the layer's arrays were written to")

    def check_forward_equals_oracle(self, case: Case) -> None:
        """The tops are those of the oracle, in float64."""
        runner = self.runner(case)
        params = [blob.data.copy() for blob in runner.layer.params]
        tops = runner.forward()
        assert case.oracle is not None
        truths = case.oracle([array.copy() for array in runner.inputs], params)
        for i, (top, truth) in enumerate(zip(tops, truths if isinstance(truths, list) else [truths], strict=True)):
            if truth is not None:
                close(top, truth, 1e-12, f"top {i}")

    def check_gradients_are_right(self, case: Case) -> None:
        """The diffs of bottoms and parameters agree with central differences."""
        check_gradients(self.runner(case), tolerance=case.gradient_tolerance, skip_kinks=case.skip_kinks)

    def check_bottom_diffs_are_overwritten(self, case: Case) -> None:
        """Whatever stands in the diff of a bottom before backward does not matter."""
        results = []
        for garbage in (0.0, _GARBAGE):
            runner = self.runner(case)
            runner.forward()
            for blob in runner.bottom:
                blob.diff[...] = garbage
            results.append([diff for diff, wanted in zip(runner.backward(), runner.wanted, strict=True) if wanted])
        same_bits(results[1], results[0], "diff of a bottom that held something else before")

    def check_param_diffs_are_added_to(self, case: Case) -> None:
        """Two passes backward leave twice the gradient in the diffs of the parameters."""
        runner = self.runner(case)
        runner.forward()
        runner.backward()
        once = [blob.diff.copy() for blob in runner.layer.params]
        runner.backward()
        for i, blob in enumerate(runner.layer.params):
            close(blob.diff, 2 * once[i], 1e-12, f"diff of parameter {i} after two passes")

    def check_unwanted_is_untouched(self, case: Case) -> None:
        """The diff of a bottom or parameter that wants no gradient is not written to; the others do not change."""
        full = self.runner(case)
        full.forward()
        diffs = full.backward()
        for i in (i for i, wanted in enumerate(full.wanted) if wanted):
            runner = self.runner(case)
            runner.forward()
            runner.wanted = [wanted and k != i for k, wanted in enumerate(full.wanted)]
            runner.bottom[i].diff[...] = _GARBAGE
            others = runner.backward()
            require(bool((others[i] == _GARBAGE).all()), f"backward writes the unwanted diff of bottom {i}")
            for k in (k for k, wanted in enumerate(runner.wanted) if wanted):
                close(others[k], diffs[k], 1e-12, f"diff of bottom {k} without that of bottom {i}")
        for i, blob in enumerate(full.layer.params):
            full.layer.wanted_params = [False] * len(full.layer.params)
            blob.diff[...] = _GARBAGE
            full.backward()
            require(bool((blob.diff == _GARBAGE).all()), f"backward writes the unwanted diff of parameter {i}")

    def check_inputs_are_untouched(self, case: Case) -> None:
        """Forward keeps the data of bottoms; backward keeps all data, parameters and the diffs of tops."""
        runner = self.runner(case)
        runner.forward()
        same_bits([blob.data for blob in runner.bottom], runner.inputs, "data of a bottom after forward")
        if not case.gradients:
            return
        before = [blob.data.copy() for blob in (*runner.bottom, *runner.top, *runner.layer.params)]
        runner.backward()
        after = [blob.data for blob in (*runner.bottom, *runner.top, *runner.layer.params)]
        same_bits(after, before, "data after backward")
        same_bits([blob.diff for blob in runner.top], runner.top_diffs, "diff of a top after backward")

    def check_in_place_equals_out_of_place(self, case: Case) -> None:
        """A layer that may run in place gives the same tops and diffs so."""
        results = []
        for in_place in (False, True):
            runner = self.runner(case, in_place=in_place)
            tops = runner.forward()
            diffs = runner.backward() if case.gradients else []
            results.append([*tops, *diffs, *(blob.diff for blob in runner.layer.params)])
        for i, (inside, outside) in enumerate(zip(results[1], results[0], strict=True)):
            close(inside, outside, 1e-12, f"array {i} of tops, bottom diffs, parameter diffs, in place,")

    def check_float32_agrees_with_float64(self, case: Case) -> None:
        """In float32 the layer does the same up to rounding."""
        wide, narrow = self.runner(case), self.runner(case, np.float32)
        for i, (top, truth) in enumerate(zip(narrow.forward(), wide.forward(), strict=True)):
            close(top, truth, case.float32_tolerance, f"float32 top {i}", floor=1e-7)
        if not case.gradients:
            return
        for i, (diff, truth) in enumerate(zip(narrow.backward(), wide.backward(), strict=True)):
            if wide.wanted[i]:
                close(diff, truth, 5 * case.float32_tolerance, f"float32 diff of bottom {i}", floor=1e-7)
        for i, (blob, right) in enumerate(zip(narrow.layer.params, wide.layer.params, strict=True)):
            close(blob.data, right.data, case.float32_tolerance, f"float32 parameter {i}", floor=1e-7)
            close(blob.diff, right.diff, 5 * case.float32_tolerance, f"float32 diff of parameter {i}", floor=1e-7)

    def check_same_seed_same_bits(self, case: Case) -> None:
        """The same seed gives the same bits, on one thread and on two, in float32 as in training."""
        runs = []
        try:
            for threads in (1, 2, 2):
                _jit.set_threads(threads)
                runner = self.runner(case, np.float32)
                tops = runner.forward()
                diffs = runner.backward() if case.gradients else []
                runs.append([*tops, *diffs, *(blob.diff for blob in runner.layer.params)])
        finally:
            _jit.set_threads(None)
        same_bits(runs[1], runs[0], "array on two threads")
        same_bits(runs[2], runs[1], "array of a second run")

    def check_snapshot_round_trip(self, case: Case) -> None:
        """Parameters and `state()`, through JSON, are all that a new layer needs to go on with the same bits."""
        runner = self.runner(case)
        runner.forward()
        state = json.loads(json.dumps(runner.layer.state()))
        resumed = self.runner(case)
        resumed.load(([blob.data for blob in runner.layer.params], {}, state))
        same_bits(resumed.forward(), runner.forward(), "top after a resume")
        if case.gradients:
            same_bits(resumed.backward(), runner.backward(), "diff of a bottom after a resume")

    def check_error(self, case: ErrorCase) -> None:
        """The refusal reads exactly as stated."""
        text = self._text(case, in_place=False)
        try:
            runner = LayerRunner(text, case.bottoms, case.phase)
            runner.forward()
            runner.backward()
        except PycaffeliteError as error:
            expected = inspect.cleandoc(case.message)
            require(str(error) == expected, f"the error reads\n{error}\n\nand should read\n{expected}")
        else:
            raise AssertionError(f"no error for\n{textwrap.dedent(text)}")

    def _laws(self, case: Case) -> list[str]:
        """Return the names of the laws that apply to a case."""
        laws = ["layout_is_pure", "layout_is_true", "inputs_are_untouched", "float32_agrees_with_float64"]
        laws += ["same_seed_same_bits", "snapshot_round_trip"]
        laws += ["forward_equals_oracle"] if case.oracle is not None else []
        if case.gradients:
            laws += ["gradients_are_right", "bottom_diffs_are_overwritten", "unwanted_is_untouched"]
            laws += ["param_diffs_are_added_to"]
        if case.in_place and self._class().arity.in_place and not _is_whole(case.text):
            laws.append("in_place_equals_out_of_place")
        return laws

    def _class(self) -> type[Layer]:
        return layer_class(self.type_name)

    def _text(self, case: Case | ErrorCase, in_place: bool) -> str:
        if _is_whole(case.text):
            return case.text
        tops = case.tops if case.tops is not None else self._class().arity.tops[0]
        return layer_text(self.type_name, case.text, bottoms=len(case.bottoms), tops=tops, in_place=in_place)


def _is_whole(text: str) -> bool:
    """Tell a whole `layer { }` from the fields of one."""
    return text.split("{", maxsplit=1)[0].strip() == "layer"
