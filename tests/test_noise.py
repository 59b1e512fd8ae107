"""The compiled drives give, bit for bit, what inversion of the exact distribution gives."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

import neurograph as ng
from neurograph.circuit import StoredDrive
from neurograph.draws import counter_key, mix64
from neurograph.inputs import restore
from neurograph.models import LIFExp, Model
from neurograph.noise import Drives, Train, add_noise, add_poisson, is_on
from neurograph.normal_draws import normal, normal_table, normals
from neurograph_storage.jit import kernel

DT = 0.1


@kernel
def draw(keys: Any, drives: Drives, drive: int, step: int, inputs: Any) -> None:
    """Add one step of one drive, as a worker does."""
    if drives.noise[drive]:
        add_noise(keys, drives, drive, step, inputs)
    else:
        scratch = len(keys) // 8 * 8 + 8
        add_poisson(keys, drives, drive, step, np.empty(scratch, np.uint64), np.zeros(scratch, np.int8), inputs)


@kernel
def on(drives: Drives, drive: int, step: int) -> bool:
    return is_on(drives, drive, step)


def train(rate: float, number: int = 0, **window: float) -> Train:
    return Train.of(StoredDrive(0, 1, ng.PoissonInput(rate=rate, weight=2.5, **window)), LIFExp(), number, 1, DT)


@pytest.mark.parametrize("rate", [1.0, 800.0, 16_000.0, 1e6])
def test_draws_are_those_of_inversion(rate: float) -> None:
    """Also where the leading bits do not decide: keys that give draws on and beside every threshold are among them."""
    trains = [train(rate, 0), train(3 * rate, 1)]
    drives, rng = Drives.of(trains), np.random.default_rng(1)
    for number, one in enumerate(trains):
        for step in range(20):
            keys = rng.integers(0, 2**64, 5000, np.uint64)
            expected = (
                one.table.sample(mix64(keys ^ counter_key(np.array([one.prefix]), np.array([step])))) * one.weight
            )
            found = np.zeros(len(keys))
            draw(keys, drives, number, step, found)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rate", [1.0, 16_000.0, 1e6])
def test_draws_at_the_thresholds(rate: float) -> None:
    """Draws are placed by hand: every threshold, one to either side, and the leading bits alone."""
    one = train(rate)
    drives, edges = Drives.of([one]), one.table.thresholds
    bits = np.concatenate([edges - np.uint64(1), edges, edges + np.uint64(1), np.array([0, 2**64 - 1], np.uint64)])
    for draws in (bits, np.arange(4096, dtype=np.uint64) << np.uint64(52)):
        found = np.zeros(len(draws))
        draw(unmixed(draws) ^ counter_key(np.array([one.prefix]), np.array([3])), drives, 0, 3, found)
        np.testing.assert_array_equal(found, one.table.sample(draws) * one.weight)


def unmixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return what `mix64` turns into these bits."""
    for shift, factor in ((31, 0x319642B2D24D8EC3), (27, 0x96DE1B173F119089), (30, 1)):
        bits = bits ^ (bits >> np.uint64(shift)) ^ (bits >> np.uint64(2 * shift))
        bits = bits * np.uint64(factor)
    return bits


def test_windows() -> None:
    one = train(100.0, start=2.0, stop=3.0, period=5.0)
    drives = Drives.of([one])
    assert [on(drives, 0, step) for step in range(200)] == [one.active(step) for step in range(200)]
    assert sum(one.active(step) for step in range(200)) == 40


def noise(**options: float) -> Train:
    return Train.of(StoredDrive(0, 1, ng.NoiseCurrent(**options)), LIFExp(), 0, 1, DT)


def test_a_noise_current_in_the_kernel_is_that_of_the_reference() -> None:
    one = noise(mean=3.0, std=20.0)
    drives, keys = Drives.of([one]), np.random.default_rng(1).integers(0, 2**64, 5000, np.uint64)
    for step in range(20):
        found = np.full(len(keys), 0.5)
        draw(keys, drives, 0, step, found)
        expected = 0.5 + one.sample(mix64(keys ^ counter_key(np.array([one.prefix]), np.array([step]))))
        np.testing.assert_array_equal(found, expected)


def test_normal_numbers_are_normally_distributed() -> None:
    z = normals(np.random.default_rng(2).integers(0, 2**64, 1_000_000, np.uint64), normal_table())
    assert stats.kstest(z, "norm").pvalue > 0.01
    np.testing.assert_allclose([z.mean(), z.std(), stats.kurtosis(z)], [0.0, 1.0, 0.0], atol=0.01)


def test_quantiles_are_exact_also_in_the_tail() -> None:
    """Draws with every number of leading zeros, and the smallest and largest of all."""
    rng = np.random.default_rng(3)
    bits = rng.integers(2**63, 2**64, 50_000, np.uint64) >> rng.integers(0, 52, 50_000).astype(np.uint64)
    bits = np.concatenate([bits, np.array([0, 1, 2**64 - 1], np.uint64)])
    found, table = normals(bits, normal_table()), normal_table()
    p = ((bits >> np.uint64(12)).astype(float) + 0.5) * 2.0**-53
    np.testing.assert_allclose(np.abs(found), -special.ndtri(p), atol=1.2e-8)
    assert np.abs(found).max() < 8.3
    np.testing.assert_array_equal([normal(each, table) for each in bits[::20]], found[::20])
    np.testing.assert_array_equal(np.sign(found[-3:-1]), [1, -1])


@pytest.mark.parametrize(("model", "expected"), [(ng.LIFExp(), 2), (ng.LIFDelta(), 1), (ng.LIFFrozen(), 0)])
def test_a_noise_current_goes_to_the_models_current(model: Model, expected: int) -> None:
    assert ng.NoiseCurrent(mean=0.0, std=1.0).input_of(model) == expected
    assert ng.NoiseCurrent(mean=0.0, std=1.0, receptor=model.receptors[0].name).input_of(model) == 0


def test_impossible_noise_is_refused() -> None:
    with pytest.raises(ng.ArgumentError, match="std at least 0"):
        ng.NoiseCurrent(mean=0.0, std=-1.0)
    with pytest.raises(ng.ArgumentError, match="NoiseCurrent.period needs a window"):
        ng.NoiseCurrent(mean=0.0, std=1.0, period=1.0)
    network = ng.Network()
    frozen = network.population("a", 1, ng.LIFFrozen())
    with pytest.raises(ng.ArgumentError, match="LIFFrozen has no receptor 'current'"):
        network.drive(frozen, ng.NoiseCurrent(mean=1.0, std=1.0, receptor="current"))


def test_no_synapse_reaches_a_current() -> None:
    network = ng.Network()
    a = network.population("a", 2, ng.LIFExp())
    with pytest.raises(ng.ArgumentError, match="'current' for synapses, it is a current; choose from exc"):
        network.connect(a, a, ng.AllToAll(), weight=1.0, delay=1.0, receptor="current")


def test_drives_without_a_kind_are_poisson() -> None:
    """As those that were written before there were others."""
    one = ng.PoissonInput(rate=3.0, weight=2.0, stop=4.0)
    without = {key: value for key, value in one.describe().items() if key != "kind"}
    assert restore(without) == restore(one.describe()) == one
    other = ng.NoiseCurrent(mean=1.0, std=2.0)
    assert restore(other.describe()) == other
