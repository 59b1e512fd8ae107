"""The compiled Poisson drive gives, bit for bit, what inversion of the exact distribution gives."""

import numpy as np
import pytest

import neurograph as ng
from neurograph.circuit import StoredDrive
from neurograph.draws import counter_key, mix64
from neurograph.models import LIFExp
from neurograph.noise import Drives, Train, add_drive, is_on

DT = 0.1


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
            add_drive(keys, drives, number, step, np.empty(5000, np.uint64), np.empty(5000, np.int32), found)
            np.testing.assert_array_equal(found, expected)


def test_draws_at_the_thresholds() -> None:
    """Draws are placed by hand: every threshold, and one to either side."""
    one = train(16_000.0)
    drives, edges = Drives.of([one]), one.table.thresholds
    bits = np.concatenate([edges - np.uint64(1), edges, edges + np.uint64(1), np.array([0, 2**64 - 1], np.uint64)])
    counts = drives.direct[0][(bits >> np.uint64(53)).astype(int)]
    from neurograph.noise import _decide

    _decide(drives.thresholds[0], drives.most[0], bits, counts)
    np.testing.assert_array_equal(counts, one.table.sample(bits))


def test_windows() -> None:
    one = train(100.0, start=2.0, stop=3.0, period=5.0)
    drives = Drives.of([one])
    assert [is_on(drives, 0, step) for step in range(200)] == [one.active(step) for step in range(200)]
    assert sum(one.active(step) for step in range(200)) == 40
