"""Every registered layer has a contract, numbers to be checked against, an error that is tested, and a docstring."""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pycaffelite.layers.registry import layer_class, layer_types
from pycaffelite.testing import LayerContract

HERE = Path(__file__).parent
SECTIONS = ["Bottoms:", "Tops:", "Params:", "Fields:", "Backward:", "Errors:", "Source:"]

# Only what ships with pycaffelite: other tests may register types of their own.
TYPES = [name for name in layer_types() if layer_class(name).__module__.startswith("pycaffelite.")]

# Layers that refuse nothing, with the reason.
NOTHING_TO_REFUSE: dict[str, str] = {}

# Layers that read files have no bottoms and no gradients, and what they refuse needs files: they have tests of their
# own, here by path, instead of a contract.
READERS = {
    "AnnotatedData": "layers/test_annotated_data.py",
    "Data": "layers/test_data.py",
    "HDF5Data": "layers/test_hdf5_data.py",
}
CONTRACTED = [name for name in TYPES if name not in READERS]


@cache
def contracts() -> dict[str, list[type[LayerContract]]]:
    """Import tests/layers and return the contract classes by layer type."""
    found: dict[str, list[type[LayerContract]]] = {}
    for path in sorted((HERE / "layers").glob("test_*.py")):
        if path.stem != "test_golden":
            spec = importlib.util.spec_from_file_location(f"completeness_{path.stem}", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            for contract in classes_of(module):
                found.setdefault(contract.type_name, []).append(contract)
    return found


def classes_of(module: object) -> Iterator[type[LayerContract]]:
    """Return the contracts that pytest collects from a module."""
    for name, value in vars(module).items():
        if name.startswith("Test") and inspect.isclass(value) and issubclass(value, LayerContract):
            yield value


@cache
def golden_types() -> set[str]:
    index = json.loads((HERE / "golden" / "layers" / "index.json").read_text(encoding="utf-8"))
    return {case["type"] for case in index["cases"]}


@pytest.mark.parametrize("name", CONTRACTED)
def test_a_contract_with_cases(name):
    assert any(contract.cases for contract in contracts().get(name, []))


@pytest.mark.parametrize("name", CONTRACTED)
def test_golden_numbers_or_an_oracle(name):
    oracles = [case.oracle for contract in contracts().get(name, []) for case in contract.cases.values()]
    assert name in golden_types() or any(oracles)


@pytest.mark.parametrize("name", CONTRACTED)
def test_an_error_case(name):
    has_one = any(contract.errors for contract in contracts().get(name, []))
    assert has_one != (name in NOTHING_TO_REFUSE)


@pytest.mark.parametrize("path", READERS.values())
def test_readers_have_tests_of_their_own(path):
    assert (HERE / path).exists()


@pytest.mark.parametrize("name", TYPES)
def test_a_docstring_with_all_sections(name):
    lines = inspect.cleandoc(layer_class(name).__doc__ or "").splitlines()
    assert lines
    assert lines[0].endswith("."), "the first line is one sentence"
    sections = [word for word in (line.split(" ")[0] for line in lines) if word in SECTIONS]
    assert sections == SECTIONS


def test_a_contract_names_a_type_that_exists():
    assert set(contracts()) <= set(layer_types())


@pytest.mark.parametrize("name", TYPES)
def test_a_type_stands_in_the_module_of_its_name(name: str) -> None:
    module = layer_class(name).__module__.rpartition(".")[2]
    assert module.replace("_", "") == name.lower(), "so that a net imports only the layers that it has"
