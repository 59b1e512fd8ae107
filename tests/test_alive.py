"""The recipes are alive like tissue: low irregular rates, no synchrony; and stimulated modules wake in turn."""

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.record import Spikes

NEURONS, DEGREE, SKIP, DURATION = 4000, 500, 300.0, 1800.0


def mean_cv(spikes: Spikes) -> float:
    """Return the mean coefficient of variation of inter-spike intervals, of neurons with at least five spikes."""
    order = np.lexsort((spikes.times, spikes.neurons))
    trains = np.split(spikes.times[order], np.flatnonzero(np.diff(spikes.neurons[order])) + 1)
    intervals = [np.diff(train) for train in trains if len(train) >= 5]
    return float(np.mean([i.std() / i.mean() for i in intervals]))


def mean_correlation(spikes: Spikes) -> float:
    """Return the mean pairwise correlation of spike counts in 3 ms bins, from the variance of their sum."""
    bins = np.arange(SKIP, DURATION, 3.0)
    total = np.histogram(spikes.times, bins)[0]
    single = np.histogram2d(spikes.neurons, spikes.times, [np.arange(NEURONS + 1), bins])[0].var(axis=1).sum()
    return float((total.var() / single - 1) / (NEURONS - 1))


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
def test_alive(recipe: str, tmp_path: Path) -> None:
    network = getattr(ng.recipes, recipe)(neurons=NEURONS, synapses_per_neuron=DEGREE)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    assert {name: p.size for name, p in circuit.populations.items()} == {"E": 3200, "I": 800}
    with ng.Simulation(circuit, seed=1) as sim:
        sim.run(DURATION)
    late = sim.spikes.times >= SKIP
    spikes = Spikes(sim.spikes.steps[late], sim.spikes.neurons[late], sim.spikes.populations[late], 0.1)
    for population in (0, 1):
        size = (3200, 800)[population]
        rate = (spikes.populations == population).sum() / size / (DURATION - SKIP) * 1000
        assert 1.0 < rate < 10.0
    assert mean_cv(spikes) > 0.7
    assert mean_correlation(spikes) < 0.03


def test_modules_wake_in_turn(tmp_path: Path) -> None:
    network = ng.recipes.modular(neurons=4000, synapses_per_neuron=300, modules=5, stimulus=0.5, dwell=50.0)
    with ng.Simulation(ng.build(tmp_path / "c.zarr", network, seed=1), seed=1) as sim:
        sim.run(500.0)
    excitatory = sim.spikes.populations == 0
    module = sim.spikes.neurons[excitatory] * 5 // 3200
    counts = np.histogram2d(sim.spikes.times[excitatory], module, [np.arange(0, 501, 50), np.arange(6)])[0]
    np.testing.assert_array_equal(counts.argmax(axis=1), np.arange(10) % 5)
    assert (counts.max(axis=1) > 2 * np.median(counts, axis=1)).all()
