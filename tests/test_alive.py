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


def test_stripes_of_the_sheet_are_woken_in_turn() -> None:
    """Each excitatory neuron is in one stripe, and quiet between its turns if the standing drive is less."""
    network = ng.recipes.sheet(neurons=1000, synapses_per_neuron=20, stripes=7, stimulus=0.5, dwell=10.0, standing=0.25)
    usual, woken = network.drives[:2], network.drives[2:]
    rate = ng.recipes.sheet(neurons=1000, synapses_per_neuron=20).drives[0][1].rate
    assert [source.rate for _, source in usual] == [pytest.approx(0.25 * rate)] * 2
    assert [(source.rate, source.start, source.stop, source.period) for _, source in woken] == [
        (pytest.approx(0.5 * rate), 10.0 * k, 10.0 * k + 10.0, 70.0) for k in range(7)
    ]
    assert np.concatenate([np.arange(p.first, p.first + p.size) for p, _ in woken]).tolist() == list(range(800))
    with pytest.raises(ng.ArgumentError, match="stripes is 0"):
        ng.recipes.sheet(stimulus=0.5, stripes=0)
    with pytest.raises(ng.ArgumentError, match="standing is -1"):
        ng.recipes.modular(standing=-1.0)
