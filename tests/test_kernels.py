"""Kernels call each other by address, and are compiled only where they are needed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph_storage.jit import address_of, call_kernel, kernel


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
