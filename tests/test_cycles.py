"""A thousand simulations, opened, run and closed, in memory and from the disk, leave nothing behind."""

import ctypes
import gc
import threading
from pathlib import Path

import pytest

import neurograph as ng
from neurograph.executor import state_bytes

CYCLES, WARM = 1000, 200
# A cycle may account for so many bytes: what the C library keeps for itself grows a little.
BYTES = 200


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


def allocated() -> int:
    """Return the bytes that are allocated now, whoever has them; resident memory also counts what could be reused."""
    gc.collect()
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return 0
    library.mallinfo2.restype = Mallinfo
    found = library.mallinfo2()
    return int(found.uordblks + found.hblkhd)


def handles() -> tuple[int, int, int]:
    """Return the numbers of descriptors, threads and mappings of files."""
    gc.collect()
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if "c.zarr" in line]
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(mapped)


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="no /proc here")
def test_a_thousand_cycles_leave_nothing_behind(tmp_path: Path) -> None:
    network = ng.recipes.random(neurons=80, synapses_per_neuron=100)
    path = ng.build(tmp_path / "c.zarr", network, seed=1, block_neurons=40).path
    with ng.Simulation(path) as sim:
        ids, state, rows = sim.circuit.ids[:3], state_bytes(sim.circuit), sim.circuit.store.synapse_bytes
    del sim
    streamed, before = 0, ((0, 0, 0), 0)
    for cycle in range(CYCLES):
        if cycle == WARM:
            before = (handles(), allocated())
        budget = state + int(0.8 * rows) if cycle % 2 else None
        with ng.Simulation(path, seed=1, workers=1 + cycle % 3 // 2, memory=budget) as sim:
            sim.inject(ids, 5000.0)
            sim.step(20)
            streamed += sim._running.executor.stream is not None
        del sim
    grown = allocated() - before[1]
    assert (streamed, handles()) == (CYCLES // 2, before[0])
    assert grown < BYTES * (CYCLES - WARM)
