"""The public names: sorted, importable, documented, and cheap to reach."""

import subprocess
import sys

import pytest

import neurograph as ng


def test_all_is_sorted_and_complete() -> None:
    assert sorted(ng.__all__) == ng.__all__
    assert set(ng._HOME) | {"open", "recipes"} == set(ng.__all__)


@pytest.mark.parametrize("name", ng.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    assert getattr(ng, name).__doc__


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ng.nothing


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = "import sys, neurograph.cli.main as m; m.call(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "Usage: neurograph" in done.stdout
    assert not {"numpy", "numba", "zarr", "scipy", "matplotlib", "pyarrow", "tqdm"} & set(done.stderr.split())
