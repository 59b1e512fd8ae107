"""A circuit of eight times its memory budget runs in a control group of little more, with the same spikes."""

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.bench.limited import OVERHEAD, Task, can_limit, run_limited
from neurograph.executor import state_bytes

pytestmark = pytest.mark.skipif(not can_limit(), reason="control groups cannot be made here")


def networks() -> dict[str, ng.Network]:
    return {
        "random": ng.recipes.random(neurons=30_000, synapses_per_neuron=1_500),
        "modular": ng.recipes.modular(neurons=30_000, synapses_per_neuron=1_500),
        "multiarea": ng.recipes.multiarea(areas=2, scale=0.14),
    }


@pytest.mark.parametrize("recipe", ["random", "modular", "multiarea"])
def test_eight_times_the_budget_gives_the_same_spikes(recipe: str, tmp_path: Path) -> None:
    circuit = ng.build(tmp_path / "c.zarr", networks()[recipe], seed=1)
    budget = circuit.store.synapse_bytes // 8 + state_bytes(circuit)
    with ng.Simulation(circuit, memory=budget, workers=2) as sim:
        # Compiling takes more memory than that; it is done once, and kept.
        sim.step(2)
    found = {}
    for memory in (None, budget):
        path = tmp_path / f"{memory}.parquet"
        task = Task(circuit=str(circuit.path), settle=0.0, duration=40.0, memory=memory, spikes=str(path))
        figures = run_limited(task)
        found[memory] = ng.read_spikes(path)[:2]
    assert len(found[None][0]) > 0
    np.testing.assert_array_equal(found[budget][0], found[None][0])
    np.testing.assert_array_equal(found[budget][1], found[None][1])
    assert figures["bytes_read"] > 0
    assert figures["peak_rss_bytes"] <= budget + OVERHEAD


def test_a_run_over_its_limit_is_ended_not_measured(tmp_path: Path) -> None:
    """What the control group allows is what counts: the limit is real."""
    from neurograph_storage.errors import DataError

    circuit = ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=2_000, synapses_per_neuron=100), seed=1)
    task = Task(circuit=str(circuit.path), settle=0.0, duration=1.0, memory=2**26 - OVERHEAD)
    with pytest.raises(DataError, match="took more than"):
        run_limited(task)
