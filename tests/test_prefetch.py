"""Whatever is read ahead of spikes, and by whatever policy, spikes are the same; and what is guessed well is found."""

import numpy as np
import pytest

import neurograph as ng
from neurograph.executor import state_bytes
from neurograph.prediction import POLICIES
from neurograph.record import Spikes
from neurograph.reference import simulate
from neurograph.statistics import RunStatistics

STEPS = 600
GUESSES = ["layout", "learned", "oracle"]


@pytest.fixture(scope="module", params=["raw", "compressed"])
def circuit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ng.Circuit:
    """Modules that are woken in turn, 5 ms each; no spike says in time what will be needed."""
    network = ng.recipes.modular(
        neurons=1000, synapses_per_neuron=300, modules=5, stimulus=2.0, dwell=5.0, standing=0.2, delay=0.1
    )
    path = tmp_path_factory.mktemp("circuits") / f"{request.param}.zarr"
    return ng.build(path, network, seed=1, codec=request.param, block_neurons=400)


@pytest.fixture(scope="module")
def expected(circuit: ng.Circuit) -> Spikes:
    return simulate(circuit, STEPS, seed=1)


def run(
    circuit: ng.Circuit, policy: str, known: Spikes, share: float = 0.5, workers: int = 1
) -> tuple[Spikes, RunStatistics]:
    prefetch = ng.Prefetch(policy, known if policy == "oracle" else None)
    memory = state_bytes(circuit) + int(share * circuit.store.synapse_bytes)
    with ng.Simulation(circuit, workers=workers, seed=1, memory=memory, prefetch=prefetch) as sim:
        assert sim._running.executor.stream is not None
        sim.step(STEPS)
    return sim.spikes, sim.statistics


def assert_same(found: Spikes, expected: Spikes) -> None:
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_array_equal(found.neurons, expected.neurons)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_spikes_do_not_depend_on_the_policy(circuit: ng.Circuit, expected: Spikes, policy: str, workers: int) -> None:
    spikes, figures = run(circuit, policy, expected, workers=workers)
    assert_same(spikes, expected)
    assert figures.prefetch.policy == policy
    assert figures.prefetch.hits + figures.prefetch.misses > 0
