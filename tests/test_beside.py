"""Kernels that another process compiles are found on disk; where it fails they are compiled here."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from neurograph_storage.beside import compiled_beside
from neurograph_storage.jit import kinds_of

_TEXT = """
from neurograph_storage.jit import kernel

@kernel
def double(number):
    return 2 * number
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "kernels_of_a_test.py").write_text(_TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "kernels_of_a_test", raising=False)
    return importlib.import_module("kernels_of_a_test")


def _found(module: ModuleType) -> int:
    return sum(module.double.of_python.stats.cache_hits.values())


def test_what_another_process_compiled_is_found(module: ModuleType) -> None:
    with compiled_beside([(module.double, (3,))]):
        pass
    assert module.double(3) == 6
    assert _found(module) == 1


def test_what_is_kept_is_not_compiled_again(module: ModuleType) -> None:
    with compiled_beside([(module.double, (3,))]):
        pass
    assert not module.double.is_lacking(kinds_of((3,)))


def test_where_the_other_process_fails_it_is_compiled_here(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with compiled_beside([(module.double, (3,))]):
        pass
    assert module.double(3) == 6
    assert _found(module) == 0


def test_where_no_process_can_be_started_it_is_compiled_here(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with compiled_beside([(module.double, (3,))]):
        pass
    assert module.double(3) == 6
    assert _found(module) == 0


def test_an_error_meanwhile_ends_the_other_process(module: ModuleType) -> None:
    with pytest.raises(ValueError, match="here"), compiled_beside([(module.double, (3,))]):
        raise ValueError("here")
    assert module.double(3) == 6
