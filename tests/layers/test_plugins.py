from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from pycaffelite.errors import UnsupportedError
from pycaffelite.layers import plugins, registry
from pycaffelite.layers.plugins import plug_in, plug_in_installed
from pycaffelite.layers.registry import has_layer, layer_class

TEXT = """
from pycaffelite.layers.base import Layer
from pycaffelite.layers.registry import register

@register("{type}")
class Mine(Layer):
    ...
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = dict(registry._CLASSES)
    modules = set(sys.modules)
    yield
    registry._CLASSES.clear()
    registry._CLASSES.update(before)
    for name in set(sys.modules) - modules:
        if not name.startswith("pycaffelite."):
            del sys.modules[name]


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own_layers.py"
    file.write_text(TEXT.format(type="OfAFile"))
    assert not has_layer("OfAFile")
    plug_in(str(file))
    assert layer_class("OfAFile").__name__ == "Mine"
    assert layer_class("OfAFile").type == "OfAFile"


def test_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_module.py").write_text(TEXT.format(type="OfAModule"))
    monkeypatch.syspath_prepend(tmp_path)
    plug_in("own_module")
    assert has_layer("OfAModule")


def test_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_package.py").write_text(TEXT.format(type="OfAPackage"))
    info = tmp_path / "own_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own_package\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pycaffelite.layers]\nown = own_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert [entry.value for entry in metadata.entry_points(group=plugins.GROUP)] == ["own_package"]
    plug_in_installed()
    assert has_layer("OfAPackage")


def test_ones_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    """In a process of its own, where ours has not been imported before."""
    file = tmp_path / "own_relu.py"
    file.write_text(TEXT.format(type="ReLU"))
    script = (
        "from pycaffelite.layers.plugins import plug_in\n"
        "from pycaffelite.layers.registry import layer_class, layer_types\n"
        f"plug_in({str(file)!r})\n"
        "first = layer_class('ReLU').__module__\n"
        "layer_types()\n"
        "print(first, layer_class('ReLU').__module__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "own_relu own_relu\n"


def test_a_net_imports_only_the_layers_that_it_has() -> None:
    script = (
        "import sys\n"
        "from pycaffelite.layers.registry import layer_class\n"
        "layer_class('ReLU')\n"
        "print('pycaffelite.layers.relu' in sys.modules, 'pycaffelite.layers.lrn' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.py", None, "gone.py: no such file of layers"),
        ("syntax.py", "x = 1\nclass:\n", "syntax.py:2: importing the layers failed"),
        ("raises.py", "x = 1\n\nraise ValueError('no')\n", "raises.py:3: importing the layers failed"),
        ("no_such_module_anywhere", None, "no_such_module_anywhere: importing the layers failed"),
    ],
)
def test_what_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UnsupportedError) as caught:
        plug_in(name)
    assert str(caught.value).splitlines()[0].endswith(message)
