from __future__ import annotations

import json
import sys
import textwrap

import numpy as np
import pytest

from pycaffelite import load_net
from pycaffelite.caffe.alias import be_caffe
from pycaffelite.errors import FieldError, PycaffeliteError, UnsupportedError
from pycaffelite.layers.base import DataOptions
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner

MODULE = """
import caffe
import numpy as np


class EuclideanLoss(caffe.Layer):
    '''What pycaffe's users write first.'''

    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise Exception("two bottoms, please")

    def reshape(self, bottom, top):
        self.difference = np.zeros_like(bottom[0].data)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.difference[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.difference**2) / bottom[0].num / 2.0

    def backward(self, top, propagate_down, bottom):
        for i in range(2):
            if propagate_down[i]:
                sign = 1 if i == 0 else -1
                bottom[i].diff[...] = top[0].diff[0] * sign * self.difference / bottom[i].num


class Power(caffe.Layer):
    def setup(self, bottom, top):
        self.exponent = float(eval(self.param_str)["exponent"])
        assert self.param_str_ == self.param_str
        self.blobs.add_blob(*bottom[0].shape[1:])
        self.blobs[0].data[...] = 3 + self.phase

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.blobs[0].data * bottom[0].data ** self.exponent

    def backward(self, top, propagate_down, bottom):
        x, n = bottom[0].data, self.exponent
        self.blobs[0].diff[...] += (top[0].diff * x**n).sum(0)
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff * self.blobs[0].data * n * x ** (n - 1)


class Growing(caffe.Layer):
    '''A source whose records grow, as those of detection nets do: it reshapes its top in `forward`.'''

    def setup(self, bottom, top):
        self.rows = 0
        top[0].reshape(1, 2)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        self.rows += 1
        top[0].reshape(self.rows, 2)
        top[0].data[...] = np.arange(2 * self.rows).reshape(-1, 2)

    def state_to_resume(self):
        return {"rows": self.rows}

    def resume(self, state):
        self.rows = state["rows"]


class Early(caffe.Layer):
    '''A layer that writes its top in `reshape`.'''

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)
        top[0].data[...] = 7

    def forward(self, bottom, top):
        top[0].data[...] += bottom[0].data


class Failing(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(1)

    def forward(self, bottom, top):
        np.zeros(2).reshape(3)


class Unfinished(caffe.Layer):
    pass


class NoLayer:
    pass


number = 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("python_layers")
    (path / "layers_of_mine.py").write_text(MODULE, encoding="utf-8")
    before, caffe = list(sys.path), {name for name in sys.modules if name.split(".")[0] == "caffe"}
    be_caffe()
    yield path
    sys.path[:] = before
    for name in [name for name in sys.modules if name.split(".")[0] == "caffe" and name not in caffe]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "_Alias"]


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def fields(layer, more="", module="layers_of_mine"):
    return f'python_param {{ module: "{module}" layer: "{layer}" {more} }}'


WAYS = (
    "--allow-python-layers on the command line, allow_python_layers=True for `load_net` and `load_solver`, "
    "or `caffe.allow_python_layers()`"
)
ALLOWED = DataOptions(python_layers=True)


class TestPython(LayerContract):
    type_name = "Python"
    cases = {
        "loss": Case(
            fields("EuclideanLoss"),
            [(4, 3), (4, 3)],
            oracle=lambda b, p: [np.array([((b[0] - b[1]) ** 2).sum() / 8])],
            tops=1,
            data=ALLOWED,
            in_place=False,
        ),
        "parameters": Case(
            fields("Power", "param_str: \"{'exponent': 2}\""),
            [(4, 3)],
            oracle=lambda b, p: p[0] * b[0] ** 2,
            tops=1,
            data=ALLOWED,
            in_place=False,
        ),
    }
    errors = {
        "refused": ErrorCase(
            fields("Power"),
            [(4, 3)],
            message=f"""
            error: this layer runs Python code, which has not been allowed
              expected: {WAYS}
              got:      class `Power` of module `layers_of_mine`

            hint: such code may do whatever you may do: read it before you allow it
            """,
        ),
        "no_module": ErrorCase(
            'python_param { layer: "Power" }',
            message="""
            error: a Python layer needs its module
              expected: `python_param { module: "losses" layer: "MyLoss" }`, for a class in losses.py
              got:      no `module`
            """,
        ),
    }

    def check_layout_is_pure(self, case):
        """Two calls give the same; the user's object takes part, which no one can look into."""
        runner = self.runner(case)
        shapes = [blob.shape for blob in runner.bottom]
        layer = type(runner.layer)(runner.layer.message, runner.layer.context)
        assert layer.layout(shapes) == layer.layout(shapes)

    def check_unwanted_is_untouched(self, case):
        """Whether unwanted diffs stay is up to the class."""


def layer(class_name, more="", bottoms=1, folder=None, module="layers_of_mine"):
    bottoms = " ".join(f'bottom: "b{i}"' for i in range(bottoms))
    text = f'layer {{ name: "mine" type: "Python" {bottoms} top: "t" {fields(class_name, more, module)} }}'
    return text, DataOptions(folder=folder, python_layers=True) if folder else ALLOWED


def run(class_name, bottoms=((2, 2),), **more):
    text, options = layer(class_name, bottoms=len(bottoms), **more)
    return LayerRunner(text, bottoms, data=options)


def write_net(folder, text):
    (folder / "net.prototxt").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder / "net.prototxt"


LINEAR = "param_str: '{\"exponent\": 1}'"
NET = f"""
layer {{ name: "x" type: "Input" top: "x" top: "y" input_param {{ shape {{ dim: 2 dim: 3 }} }} }}
layer {{ name: "p" type: "Python" bottom: "x" top: "p" {fields("Power", LINEAR)} }}
layer {{ name: "l" type: "Python" bottom: "p" bottom: "y" top: "l" loss_weight: 0.5
  {fields("EuclideanLoss")} }}
"""


def test_a_net_of_python_layers_learns(folder):
    path = write_net(folder, NET)
    net = load_net(path, allow_python_layers=True)
    x, y = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    outputs = net.forward(x=x, y=y)
    assert net.params["p"][0].data.tolist() == [3, 3, 3]
    assert outputs["l"].shape == (1,)
    assert net.loss == pytest.approx(0.5 * outputs["l"].item())
    assert outputs["l"].item() == pytest.approx(((3 * x - y) ** 2).sum() / 4)
    net.backward()
    np.testing.assert_allclose(net.params["p"][0].diff, (0.5 * (3 * x - y) / 2 * x).sum(0))
    net.forward(x=np.ones((5, 3)), y=np.ones((5, 3)))
    assert net.blobs["p"].shape == (5, 3)
    assert load_net(path, "test", allow_python_layers=True).params["p"][0].data.tolist() == [4, 4, 4]


def test_a_net_is_refused_at_the_layers_line(folder):
    with pytest.raises(UnsupportedError, match="has not been allowed") as caught:
        load_net(write_net(folder, NET))
    assert caught.value.where.line == 3
    assert caught.value.subject == "layer `p` (Python)"


@pytest.mark.parametrize("phase", ["train", "test"])
def test_a_source_may_change_its_shape_in_forward(folder, phase):
    text = f"""
    layer {{ name: "s" type: "Python" top: "s" {fields("Growing")} }}
    layer {{ name: "r" type: "ReLU" bottom: "s" top: "r" }}
    layer {{ name: "t" type: "Reduction" bottom: "r" top: "t" }}
    """
    net = load_net(write_net(folder, text), phase, allow_python_layers=True)
    for rows in (1, 2, 3):
        assert net.forward()["t"].item() == np.arange(2 * rows).sum()
        assert net.blobs["r"].shape == (rows, 2)


def test_a_class_may_have_a_state(folder):
    first, second = run("Growing", bottoms=()), run("Growing", bottoms=())
    first.forward()
    second.layer.restore(json.loads(json.dumps(first.layer.state())))
    assert second.forward()[0].shape == (2, 2)
    assert run("Early").layer.state() == {}


def test_what_reshape_writes_stays(folder):
    made = run("Early")
    x = made.inputs[0]
    np.testing.assert_array_equal(made.forward()[0], 7 + x)
    np.testing.assert_array_equal(made.forward()[0], 7 + x)


def test_in_place(folder):
    text = layer("Early")[0].replace('"t"', '"b0"')
    made = LayerRunner(text, [(2, 2)], data=ALLOWED)
    assert made.forward()[0].tolist() == [[14, 14], [14, 14]]


def test_an_error_in_the_code_names_its_line(folder):
    made = run("Failing")
    with pytest.raises(PycaffeliteError) as caught:
        made.forward()
    line = MODULE.splitlines().index("        np.zeros(2).reshape(3)") + 1
    assert str(caught.value) == (
        f"error: layers_of_mine.py:{line}: `forward` of class `Failing` failed\n"
        "  got:      ValueError: cannot reshape array of size 2 into shape (3,)\n"
        "\n"
        "hint: PYCAFFELITE_DEBUG=1 shows the whole traceback"
    )
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_in_setup(folder):
    with pytest.raises(PycaffeliteError, match="`setup` of class `EuclideanLoss` failed") as caught:
        run("EuclideanLoss")
    assert caught.value.got == "Exception: two bottoms, please"
    assert caught.value.where.path == "layers_of_mine.py"


def test_a_class_without_methods(folder):
    with pytest.raises(UnsupportedError, match="the class has no `reshape`"):
        run("Unfinished")


def test_a_class_without_backward(folder):
    made = run("Early")
    made.forward()
    with pytest.raises(UnsupportedError, match="the class has no `backward`") as caught:
        made.backward()
    assert caught.value.subject == "layer `mine` (Python)"
    made.wanted = [False]
    made.backward()


@pytest.mark.parametrize(
    ("name", "what", "got"),
    [
        ("EuclidianLoss", "module `layers_of_mine` has no class `EuclidianLoss`", "none of this name"),
        ("number", "module `layers_of_mine` has no class `number`", "`number`, which is no class"),
        ("NoLayer", "class `NoLayer` is no layer", "one that is derived from object"),
    ],
)
def test_a_class_that_will_not_do(folder, name, what, got):
    with pytest.raises(FieldError) as caught:
        run(name)
    assert (caught.value.what, caught.value.got) == (what, got)


def test_a_module_that_is_not_there(folder):
    with pytest.raises(FieldError, match="there is no module `layers_of_min`") as caught:
        run("Power", module="layers_of_min")
    assert "layers_of_mine" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "line", "got"),
    [
        ("import caffe\nimport nothing_of_the_kind\n", 2, "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("x = (\n", 1, "SyntaxError: '(' was never closed"),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path, text, line, got):
    name = f"broken_{line}"
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    with pytest.raises(PycaffeliteError, match=f"importing `{name}` failed") as caught:
        run("X", module=name, folder=tmp_path)
    assert caught.value.where.path == str(tmp_path / f"{name}.py")
    assert (caught.value.where.line, caught.value.got) == (line, got)


def test_modules_of_one_name_in_two_folders(tmp_path):
    for n in (1, 2, 1):
        folder = tmp_path / str(n)
        folder.mkdir(exist_ok=True)
        text = "import caffe\nfrom helper_of_mine import value\n\nclass Constant(caffe.Layer):\n"
        text += "    def reshape(self, bottom, top):\n        top[0].reshape(1)\n\n"
        text += f"    def forward(self, bottom, top):\n        top[0].data[...] = value + {n}\n"
        (folder / "same_name.py").write_text(text, encoding="utf-8")
        (folder / "helper_of_mine.py").write_text("value = 10\n", encoding="utf-8")
        assert run("Constant", module="same_name", folder=folder).forward()[0].item() == 10 + n
