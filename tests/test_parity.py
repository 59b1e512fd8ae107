"""The executor gives the spikes of the reference, bit for bit, whatever does not belong to the circuit.

Recipes x workers x storage order x codec x seeds, with noise on; and a circuit of two models with outside events.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import worker as one_worker
from neurograph.events import OutsideEvents, resolve
from neurograph.record import Spikes
from neurograph.reference import simulate
from tests.same import assert_same

STEPS = 400


def run(circuit: ng.Circuit, workers: int, seed: int, drive: OutsideEvents | None = None, steps: int = STEPS) -> Spikes:
    with ng.Simulation(circuit, workers=workers, seed=seed, drive=drive) as sim:
        sim.step(steps)
    return sim.spikes


def lively(network: ng.Network) -> ng.Network:
    """Add so much drive that a small circuit fires a lot within the few steps that the reference can follow."""
    for setup in network.setups:
        network.drive(setup.population, ng.PoissonInput(rate=4000.0, weight=400.0))
    return network


@pytest.fixture(scope="module", autouse=True)
def _short_logs() -> Iterator[None]:
    """Make workers change their log of spikes as often as can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_worker, "MIN_LOG", 0)
        yield


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    seed=st.integers(0, 2**31),
    neurons=st.integers(100, 300),
    degree=st.integers(1, 60),
    shuffle=st.booleans(),
    block=st.sampled_from([None, 17, 64]),
    codec=st.sampled_from(["raw", "compressed"]),
)
def test_every_recipe_with_any_workers(
    recipe: str, seed: int, neurons: int, degree: int, shuffle: bool, block: int | None, codec: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network = lively(getattr(ng.recipes, recipe)(neurons=neurons, synapses_per_neuron=degree))
        circuit = ng.build(
            Path(folder) / "c.zarr", network, seed=seed, shuffle=shuffle, block_neurons=block, codec=codec
        )
        expected = simulate(circuit, STEPS, seed=seed)
        for workers in (1, 2, 3):
            assert_same(run(circuit, workers, seed), expected)


@pytest.mark.parametrize(
    ("recipe", "options"), [("microcircuit", {"scale": 0.005}), ("multiarea", {"areas": 3, "scale": 0.003})]
)
def test_the_published_models(recipe: str, options: dict[str, float], tmp_path: Path) -> None:
    network = lively(getattr(ng.recipes, recipe)(**options))
    circuit = ng.build(tmp_path / "c.zarr", network, seed=5)
    expected = simulate(circuit, STEPS, seed=5)
    assert len(expected) > 200
    for workers in (1, 2):
        assert_same(run(circuit, workers, 5), expected)


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
def test_the_property_is_not_empty(recipe: str, tmp_path: Path) -> None:
    """There are spikes, they come from recurrent input too, and another seed gives others."""
    network = lively(getattr(ng.recipes, recipe)(neurons=200, synapses_per_neuron=40))
    circuit = ng.build(tmp_path / "c.zarr", network)
    spikes = run(circuit, 2, 1)
    assert len(spikes) > 200
    with ng.Simulation(circuit, seed=1) as cut:
        cut.silence(circuit.ids)
        cut.step(STEPS)
    assert not np.array_equal(cut.spikes.neurons, spikes.neurons)
    assert not np.array_equal(run(circuit, 2, 2).neurons, spikes.neurons)


def test_storage_order_changes_nothing(build_small) -> None:
    plain, shuffled = build_small("modular", name="a"), build_small("modular", name="b", shuffle=True)
    assert not np.array_equal(plain.storage, shuffled.storage)
    assert_same(run(shuffled, 2, 5), run(plain, 1, 5))


def mixed_network() -> ng.Network:
    """Two models, each with delays below and above an epoch, drives with windows, autapses and multapses."""
    network = ng.Network(dt=0.1)
    exp = network.population("exp", 60, ng.LIFExp(I_e=200.0), initial={"v": ng.Normal(-58.0, 5.0)})
    frozen = network.population("frozen", 50, ng.LIFFrozen(), initial={"g": ng.Uniform(0.0, 5.0)})
    network.connect(exp, exp, ng.FixedOutdegree(30), weight=ng.Normal(90.0, 30.0, low=0.0), delay=ng.Uniform(0.3, 6.0))
    network.connect(exp, frozen, ng.FixedIndegree(10), weight=ng.Normal(2.0, 0.5), delay=1.5, receptor="synaptic")
    network.connect(frozen, exp, ng.FixedOutdegree(20), weight=-60.0, delay=ng.Normal(2.0, 1.0, low=0.3))
    network.connect(frozen, frozen, ng.FixedOutdegree(5), weight=1.375, delay=1.8, receptor="membrane")
    network.drive(exp, ng.PoissonInput(rate=4000.0, weight=90.0))
    network.drive(exp[10:30], ng.PoissonInput(rate=900.0, weight=-40.0, start=5.0, stop=9.0, period=10.0))
    network.drive(frozen, ng.PoissonInput(rate=300.0, weight=6.0, receptor="membrane", stop=30.0))
    network.storage_order = np.random.default_rng(3).permutation(110)
    return network


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_two_models_with_outside_events(tmp_path: Path, workers: int) -> None:
    circuit = ng.build(tmp_path / "c.zarr", mixed_network(), seed=2, block_neurons=15)
    rng = np.random.default_rng(4)
    step, index = rng.integers(0, STEPS, 500), rng.integers(0, 110, 500)
    drive = resolve(circuit, step, index, rng.normal(0.0, 300.0, 500))
    expected = simulate(circuit, STEPS, seed=9, drive=drive)
    assert set(expected.populations.tolist()) == {0, 1}
    assert_same(run(circuit, workers, 9, drive), expected)


def network_of_all_models() -> ng.Network:
    """Every built-in model, driven by noise and by sources that are neurons themselves."""
    network, rng = ng.Network(dt=0.1), np.random.default_rng(6)
    source = network.population("poisson", 30, ng.PoissonSource(rate=400.0))
    parrot = network.population("parrot", 20, ng.Parrot())
    told = network.population("told", 10, ng.SpikeSource())
    units = network.population("units", 20, ng.ThresholdUnit(threshold=3.0, tau=1.0))
    network.connect(source, parrot, ng.FixedOutdegree(3), weight=1.0, delay=0.4)
    network.connect(told, units, ng.AllToAll(), weight=1.5, delay=0.3)
    network.connect(parrot, units, ng.FixedOutdegree(5), weight=ng.Uniform(0.5, 2.0), delay=0.5)
    models = {
        "exp": (ng.LIFExp(), 300.0), "delta": (ng.LIFDelta(), 3.0), "alpha": (ng.LIFAlpha(), 60.0),
        "cond": (ng.LIFCond(), 4.0), "adex": (ng.AdEx(), 600.0), "izhikevich": (ng.Izhikevich(), 4.0),
        "frozen": (ng.LIFFrozen(), 3.0),
    }  # fmt: skip
    for name, (model, weight) in models.items():
        neurons = network.population(name, 25, model)
        network.connect(source, neurons, ng.FixedOutdegree(10), weight=weight, delay=ng.Uniform(0.3, 3.0))
        network.connect(units, neurons, ng.FixedOutdegree(2), weight=-weight, delay=1.0)
        network.connect(neurons, parrot, ng.FixedOutdegree(1), weight=1.0, delay=0.7)
        network.drive(neurons, ng.PoissonInput(rate=3000.0, weight=weight))
        network.drive(neurons[5:20], ng.NoiseCurrent(mean=weight, std=3 * weight, start=2.0, stop=7.0, period=8.0))
    network.drive(units, ng.NoiseCurrent(mean=0.2, std=0.4))
    network.storage_order = rng.permutation(network.size)
    return network


@pytest.mark.parametrize("workers", [1, 3])
def test_all_models_at_once_with_noise(tmp_path: Path, workers: int) -> None:
    circuit = ng.build(tmp_path / "c.zarr", network_of_all_models(), seed=2, block_neurons=40)
    rng = np.random.default_rng(4)
    step, told = rng.integers(0, STEPS, 100), rng.choice(circuit.neuron_ids("told"), 100)
    drive = resolve(circuit, step, circuit.index_of(told), 1.0, "fire")
    expected = simulate(circuit, STEPS, seed=9, drive=drive)
    assert set(expected.populations.tolist()) == set(range(len(circuit.populations)))
    assert_same(run(circuit, workers, 9, drive), expected)


def test_poisson_sources_fire_at_their_rate_each_by_itself(tmp_path: Path) -> None:
    """Mean and variance of the counts are those of a coin thrown in each step; the spikes are no other seed's."""
    network = ng.Network(dt=0.1)
    network.population("fast", 500, ng.PoissonSource(rate=2000.0))
    network.population("slow", 500, ng.PoissonSource(rate=50.0))
    network.population("never", 5, ng.PoissonSource(rate=0.0))
    circuit = ng.build(tmp_path / "c.zarr", network)
    counts = np.bincount(run(circuit, 2, 1, steps=2000).neurons, minlength=1005)
    for part, rate in ((counts[:500], 2000.0), (counts[500:1000], 50.0)):
        mean, variance = 0.2 * rate, 0.2 * rate * (1 - rate * 1e-4)
        assert abs(part.mean() - mean) < 4 * np.sqrt(variance / 500)
        assert part.var() == pytest.approx(variance, rel=0.3)
    assert counts[1000:].sum() == 0
    assert not np.array_equal(counts, np.bincount(run(circuit, 2, 2, steps=2000).neurons, minlength=1005))


def test_silenced_neurons_follow_the_reference(build_small) -> None:
    circuit = build_small("random")
    silenced = circuit.neuron_ids("I")
    with ng.Simulation(circuit, workers=2, seed=1) as sim:
        sim.silence(silenced)
        sim.step(STEPS)
    assert_same(sim.spikes, simulate(circuit, STEPS, seed=1, silenced=silenced))


def test_stepping_in_pieces_changes_nothing(build_small) -> None:
    circuit = build_small("sheet")
    with ng.Simulation(circuit, workers=2, seed=1) as sim:
        for steps in (1, 2, 3, 0, 50, 7, 137, 200):
            sim.step(steps)
    assert_same(sim.spikes, run(circuit, 1, 1))


@pytest.mark.parametrize("workers", [1, 2])
def test_wide_sums_where_the_bound_asks_for_them(tmp_path: Path, workers: int) -> None:
    """A neuron that may receive more than 2^31 codes is summed in 64 bits."""
    network = ng.Network()
    many = network.population("many", 300, ng.LIFExp(I_e=1e4))
    one = network.population("one", 1, ng.LIFExp())
    sources = np.repeat(np.arange(300), 300)
    weights = np.full(len(sources), 32767.0 * 8)
    weights[0] = 8.0
    network.connect(many, one, ng.Edges(sources, np.zeros(len(sources), int)), weight=weights, delay=0.5)
    network.connect(one, many, ng.FixedOutdegree(3), weight=np.pi, delay=0.5)
    circuit = ng.build(tmp_path / "c.zarr", network)
    with ng.Simulation(circuit, workers=workers) as sim:
        assert {worker.share.neurons.codes.dtype for worker in sim._running.executor.workers} == {np.dtype(np.int64)}
        sim.step(100)
    assert_same(sim.spikes, simulate(circuit, 100))
