"""Kernels call each other by address, and are compiled only where they are needed."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph_storage.jit import address_of, call_kernel, kernel, lend


@kernel
def weighted(values: Any, factor: int) -> int:
    """Return the sum of an int64 array times a factor, or raise if it is empty."""
    if len(values) == 0:
        raise ValueError("nothing there")
    return values.sum() * factor


@kernel
def calling(address: int, values: Any, factor: int) -> int:
    """Return what the kernel at an address returns, and one more."""
    return call_kernel(address, (values, factor)) + 1


def test_a_kernel_is_called_by_its_address() -> None:
    values = np.arange(5)
    assert calling(address_of(weighted, values, 3), values, 3) == weighted(values, 3) + 1 == 31


def test_an_error_of_a_kernel_called_by_its_address_is_raised() -> None:
    nothing = np.empty(0, np.int64)
    with pytest.raises(ValueError, match="nothing there"):
        calling(address_of(weighted, nothing, 3), nothing, 3)


@kernel
def sum_of_lent(arrays: Any) -> int:
    """Return the sum of the first row of the first array, and of all slices of the second."""
    rows, (values, factor) = lend(arrays)
    total = rows[0].sum()
    for i in range(len(values)):
        total += factor * values[i : i + 1].sum()
    return total


def test_lent_arrays_are_as_they_were_and_nobody_counts_them() -> None:
    rows, values = np.arange(6).reshape(2, 3), np.arange(10)
    before = sys.getrefcount(rows), sys.getrefcount(values)
    assert sum_of_lent((rows, (values, 2))) == 3 + 90
    assert (sys.getrefcount(rows), sys.getrefcount(values)) == before
    assert "incref" not in next(iter(sum_of_lent.of_python.inspect_llvm().values())).split("define")[1]


def test_what_was_compiled_is_kept_until_any_of_our_files_changes(tmp_path: Path) -> None:
    """A kernel is compiled into others, and a layout is shared: the file of one function says too little."""
    for package in ("neurograph", "neurograph_storage"):
        root = Path(importlib.import_module(package).__file__ or "").parent
        shutil.copytree(root, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    lines = (
        "import numpy as np, neurograph",
        "from neurograph.models import lif_exp",
        "from neurograph_storage.cut import row_sum",
        "row_sum(np.ones(8, np.uint16), 0, 8)",
        "print(sum(row_sum.of_python.stats.cache_hits.values()), lif_exp.tile._compiled._cache_hits)",
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)

    def hits() -> list[str]:
        command = [sys.executable, "-c", "\n".join(lines)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
        return done.stdout.split()

    assert hits() == ["0", "0"]
    assert hits() == ["1", "1"]
    with (tmp_path / "neurograph_storage" / "atomics.py").open("a") as file:
        file.write("# another release\n")
    assert hits() == ["0", "0"]
    assert hits() == ["1", "1"]


def test_a_run_in_memory_compiles_nothing_that_streaming_needs(tmp_path: Path) -> None:
    ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=200, synapses_per_neuron=10), seed=1)
    lines = (
        "import sys, neurograph as ng",
        "from neurograph import ahead, epoch",
        "from neurograph_storage import fetching",
        "with ng.Simulation(sys.argv[1], workers=1) as sim: sim.step(5)",
        "kernels = (epoch.advance, epoch.plan, epoch.launch_tails, ahead.look_ahead, fetching.turn)",
        "print([len(kernel.of_python.signatures) for kernel in kernels])",
    )
    command = [sys.executable, "-c", "\n".join(lines), str(tmp_path / "c.zarr")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1, 0, 0, 0, 0]"
