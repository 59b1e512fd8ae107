"""Draws: exact, independent of order, alike in NumPy and in compiled code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neurograph.draws import (
    PURPOSE_DRIVE,
    DiscreteTable,
    binomial_table,
    counter_key,
    counter_key_scalar,
    counter_prefix,
    mix64,
    mix64_scalar,
    poisson_table,
    sample_table,
    stream_keys,
    uniforms,
)

SIGNIFICANT = 1e-4


def draw_bits(count: int, seed: int = 1, step: int = 0) -> np.ndarray:
    """Return draws as a run makes them: one for each neuron, at one step."""
    prefix = np.array([counter_prefix(seed, PURPOSE_DRIVE)])
    return mix64(stream_keys(seed, PURPOSE_DRIVE, np.arange(count)) ^ counter_key(prefix, np.array([step])))


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """Return the p-value after joining classes that are too rare for the test."""
    enough = np.cumsum(expected) // 10
    label = np.unique(enough, return_inverse=True)[1]
    observed, wanted = np.bincount(label, counts), np.bincount(label, expected)
    return float(stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue)


@pytest.mark.parametrize("mean", [0.0001, 0.15, 1.6, 30.0])
def test_poisson_is_exact(mean: float) -> None:
    counts = np.bincount(poisson_table(mean).sample(draw_bits(1_000_000)))
    expected = stats.poisson.pmf(np.arange(len(counts)), mean) * 1_000_000
    assert chi_square(counts, expected) > SIGNIFICANT


@pytest.mark.parametrize(("trials", "probability"), [(10, 0.3), (1000, 0.001), (100_000, 0.9), (4_000_000_000, 1e-6)])
def test_binomial_is_exact(trials: int, probability: float) -> None:
    """Draws are as expected, and so are the probabilities, to what a float holds."""
    table = binomial_table(trials, probability)
    counts = np.bincount(table.sample(draw_bits(1_000_000)) - table.values[0], minlength=len(table.values))
    distribution = stats.binom(trials, probability)
    assert chi_square(counts, distribution.pmf(table.values) * 1_000_000) > SIGNIFICANT
    np.testing.assert_allclose(table.thresholds * 2.0**-64, distribution.cdf(table.values), atol=1e-11)


@pytest.mark.parametrize(
    ("trials", "probability", "only"), [(0, 0.5, 0), (7, 0.0, 0), (7, 1.0, 7), (10**9, 1.0, 10**9)]
)
def test_binomial_without_a_choice(trials: int, probability: float, only: int) -> None:
    assert set(binomial_table(trials, probability).sample(draw_bits(100))) == {only}


def test_draws_of_one_neuron_over_steps_are_uniform() -> None:
    prefix = np.array([counter_prefix(3, PURPOSE_DRIVE)])
    key = stream_keys(3, PURPOSE_DRIVE, np.array([7]))
    bits = mix64(key ^ counter_key(prefix, np.arange(200_000)))
    assert stats.kstest(uniforms(bits), "uniform").pvalue > SIGNIFICANT


def test_neighbours_in_id_and_step_are_uncorrelated() -> None:
    u = np.array([uniforms(draw_bits(20_000, step=step)) for step in range(20)])
    for first, second in ((u[:-1], u[1:]), (u[:, :-1], u[:, 1:]), (u[:-1, :-1], u[1:, 1:])):
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(first.size)


def test_seeds_purposes_and_parts_share_nothing() -> None:
    ids = np.arange(1000)
    keys = [stream_keys(s, p, ids, part=k) for s in (0, 1) for p in (1, 2) for k in (0, 1)]
    assert len(np.unique(np.concatenate(keys))) == 8000


def test_ids_may_be_negative_or_huge() -> None:
    ids = np.array([-1, 0, 720575940599736492, 720575940599736493, 2**63 - 1])
    assert len(np.unique(stream_keys(0, 1, ids))) == len(ids)


def test_compiled_draws_are_the_same() -> None:
    bits, prefix = draw_bits(1000), counter_prefix(1, PURPOSE_DRIVE)
    table = poisson_table(1.6)
    assert [mix64_scalar(b) for b in bits] == mix64(bits).tolist()
    assert [sample_table(table, b) for b in bits] == table.sample(bits).tolist()
    keys = counter_key(np.array([prefix]), np.arange(5))
    assert [counter_key_scalar(prefix, k) for k in range(5)] == keys.tolist()


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=50), st.integers(0, 2**64 - 1))
def test_any_table_samples_alike_in_both_ways(weights: list[float], bits: int) -> None:
    cumulative = np.cumsum(weights) / sum(weights)
    cumulative[-1] = 1.0
    table = DiscreteTable.from_cumulative(cumulative, np.arange(len(weights)))
    drawn = np.array([bits], np.uint64)
    assert sample_table(table, drawn[0]) == table.sample(drawn)[0]
