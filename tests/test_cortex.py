"""The microcircuit and its areas: published counts and rates, compensated scaling, acceptance of the coupling."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import neurograph as ng
from neurograph import cortex
from neurograph.degrees import TotalDegrees


def test_published_counts() -> None:
    counts = cortex.synapse_counts()
    assert counts.sum() == 298_880_969
    assert cortex.SIZES.sum() == 77_169
    assert counts[0].tolist() == [45499806, 22323577, 20253647, 9670918, 3293578, 0, 2271404, 0]
    np.testing.assert_allclose(counts.sum(axis=1) / cortex.SIZES, [4995.1, 5285.0, 2806.4, 5888.4, 4943.9, 2736.0,
                                                                   2563.6, 2434.1], atol=0.05)  # fmt: skip


def test_external_direct_current() -> None:
    """0.3512 pA for each external synapse."""
    full = ng.recipes.microcircuit(drive="dc")
    currents = [setup.population.model.I_e for setup in full.setups]
    np.testing.assert_allclose(currents, 0.351234 * cortex.EXTERNAL_DEGREES, rtol=1e-5)
    assert not full.drives
    assert all(setup.population.model.I_e == 0.0 for setup in ng.recipes.microcircuit().setups)


def test_every_projection_is_exact_in_number(tmp_path: Path) -> None:
    network = ng.recipes.microcircuit(scale=0.02)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=3)
    found, index = circuit.store.rows(0, circuit.neurons).synapses(), circuit.index_of_storage
    population = np.array(circuit.store.arrays["neurons/population"])
    pairs = population[index[found.target]].astype(int) * 8 + population[index[found.row]]
    counts = np.bincount(pairs, minlength=64).reshape(8, 8)
    np.testing.assert_array_equal(counts, np.rint(cortex.synapse_counts() * 0.02**2))
    inhibitory = population[index[found.row]] % 2 == 1
    np.testing.assert_array_equal(found.receptor == 1, inhibitory)
    assert ((found.code <= 0) == inhibitory)[found.code != 0].all()


@pytest.mark.parametrize("size", [1, 1000, 3000])
def test_out_degrees_are_multinomial(size: int) -> None:
    degrees = TotalDegrees(40 * size, size, seed=1, part=2, keep=1)
    everyone = degrees(np.arange(size))
    assert everyone.sum() == 40 * size
    some = np.random.default_rng(1).permutation(size)[: size // 2]
    np.testing.assert_array_equal(degrees(some), everyone[some])
    if size > 1:
        assert stats.chisquare(everyone).pvalue > 1e-4
        assert stats.kstest(everyone, stats.binom(40 * size, 1 / size).cdf).statistic < 0.1


def rates(circuit: ng.Circuit, duration: float, seed: int) -> np.ndarray:
    """Return the mean rate of each population after 300 ms, in Hz."""
    with ng.Simulation(circuit, seed=seed) as sim:
        sim.run(duration)
    late = sim.spikes.populations[sim.spikes.times >= 300.0]
    sizes = np.array([population.size for population in circuit.populations.values()])
    return np.bincount(late, minlength=len(sizes)) / sizes / (duration - 300.0) * 1000


def test_rates_at_scale_one_tenth(tmp_path: Path) -> None:
    """NEST's averages at N = K = 0.1, from the model's reference data."""
    circuit = ng.build(tmp_path / "c.zarr", ng.recipes.microcircuit(scale=0.1), seed=1)
    expected = np.array([0.439, 1.889, 3.886, 4.891, 5.728, 7.811, 0.776, 6.898])
    found = rates(circuit, 2300.0, 1)
    np.testing.assert_allclose(found, expected, rtol=0.25)
    assert found.mean() == pytest.approx(expected.mean(), rel=0.07)


def test_one_area_is_the_microcircuit(tmp_path: Path) -> None:
    single = ng.build(tmp_path / "a.zarr", ng.recipes.multiarea(areas=1, scale=0.02), seed=4)
    alone = ng.build(tmp_path / "b.zarr", ng.recipes.microcircuit(scale=0.02), seed=4)
    for name, array in alone.store.arrays.items():
        np.testing.assert_array_equal(single.store.arrays[name], array, err_msg=name)


def test_coupling_keeps_the_rates(tmp_path: Path) -> None:
    """Four coupled areas fire as four uncoupled ones do, within 10 % (L23E: 15 %), averaged over areas and windows."""
    found = []
    for share in (0.0, 0.5):
        network = ng.recipes.multiarea(areas=4, scale=0.1, share=share)
        circuit = ng.build(tmp_path / f"{share}.zarr", network, seed=2)
        found.append(rates(circuit, 1300.0, 3).reshape(4, 8).mean(axis=0))
    ratio = found[1] / found[0]
    assert ratio[0] == pytest.approx(1.0, abs=0.15)
    np.testing.assert_allclose(ratio[1:], 1.0, atol=0.10)


def test_geometry_and_totals_of_thirty_two_areas() -> None:
    distances = cortex.area_distances(32)
    apart = distances[~np.eye(32, dtype=bool)]
    assert (apart.min(), apart.max()) == (8.0, pytest.approx(60.93, abs=0.01))
    assert apart.mean() == pytest.approx(26.2, abs=0.05)
    network = ng.recipes.multiarea(areas=32)
    totals = [p.rule.total for p in network.projections]
    assert network.size == 2_469_408
    inter = sum(totals) - 32 * 298_880_969
    assert inter == pytest.approx(32 * 2 * 39_483_800, rel=1e-6)
    delays = [p.delay.high for p in network.projections if isinstance(p.delay, ng.TruncatedNormal)]
    assert round(max(delays) / 0.1) in (348, 349)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ng.recipes.microcircuit(scale=0.0), "scale is 0.0, allowed are values above 0 up to 1"),
        (lambda: ng.recipes.microcircuit(drive="ac"), "drive is 'ac'; choose from poisson, dc"),
        (lambda: ng.recipes.multiarea(areas=0), "areas is 0, it must be at least 1"),
        (lambda: ng.recipes.multiarea(areas=2, share=1.5), "share is 1.5, allowed are 0 to 1"),
        (lambda: ng.FixedTotal(-1), "FixedTotal.total is -1"),
        (lambda: ng.TruncatedNormal(1.0, 0.0, 0.0, 2.0), "std is 0.0"),
        (lambda: ng.TruncatedNormal(1.0, 0.1, 50.0, 60.0), "nothing between 50.0 and 60.0"),
    ],
)
def test_impossible_parameters_are_refused(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make()
