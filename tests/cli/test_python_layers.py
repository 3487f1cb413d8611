"""`--allow-python-layers`: code that a net names runs when it is asked for, and never otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

CODE = """
from pathlib import Path

import caffe


class Twice(caffe.Layer):
    def setup(self, bottom, top):
        Path("ran.txt").touch()

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""


@pytest.fixture(autouse=True)
def _net(project: Path) -> Iterator[None]:
    net = Path("nets/tiny.prototxt")
    layer = 'layer { name: "twice" type: "Python" bottom: "ip" top: "ip2"'
    layer += ' python_param { module: "twice_of_mine" layer: "Twice" } }\n'
    text = net.read_text().replace('bottom: "ip" ', 'bottom: "ip2" ')
    net.write_text(text.replace('layer { name: "accuracy"', layer + 'layer { name: "accuracy"'))
    Path("nets/twice_of_mine.py").write_text(CODE)
    before = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = before[0], before[1]
    for name in [name for name in sys.modules if name.split(".")[0] in ("caffe", "twice_of_mine")]:
        if name not in before[2]:
            del sys.modules[name]


COMMANDS = {
    "train": ["train", "nets/tiny.prototxt"],
    "time": ["time", "nets/tiny.prototxt", "--iterations", "1"],
    "inspect": ["inspect", "nets/tiny.prototxt"],
    "summary": ["summary", "nets/tiny.prototxt"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_only_when_asked_for(run: Run, command: str) -> None:
    refused = run(*COMMANDS[command])
    assert refused.exit_code == 1
    assert "layer `twice` (Python): this layer runs Python code, which has not been allowed" in refused.stderr
    assert "--allow-python-layers" in refused.stderr
    assert not Path("ran.txt").exists()
    allowed = run(*COMMANDS[command], "--allow-python-layers")
    assert allowed.exit_code == 0, allowed.stderr
    assert Path("ran.txt").exists()


def test_scoring(run: Run) -> None:
    trained = run("train", "nets/tiny.prototxt", "--allow-python-layers")
    assert trained.exit_code == 0
    advice = [line for line in trained.stdout.splitlines() if line.startswith("  pycaffelite ")]
    assert advice
    assert all(line.endswith(" --allow-python-layers") for line in advice)
    command = ["test", "nets/tiny.prototxt", "--weights", "out/tiny_iter_6.caffemodel"]
    assert run(*command).exit_code == 1
    assert run(*command, "--allow-python-layers").exit_code == 0
