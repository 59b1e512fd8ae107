"""Distributions: what is drawn is the distribution asked for, rounded; bounds are kept; descriptions round-trip."""

import numpy as np
import pytest
from scipy import stats

from neurograph.distributions import (
    Constant,
    Distribution,
    LinearInDistance,
    Uniform,
    as_distribution,
    describe,
    discrete,
    restore,
)
from neurograph.draws import PURPOSE_INITIAL, stream_keys, uniforms
from neurograph.normals import LogNormal, Normal, TruncatedNormal
from neurograph_storage.errors import ArgumentError

SIGNIFICANT = 1e-4


def draw_bits(count: int, seed: int = 1) -> np.ndarray:
    return stream_keys(seed, PURPOSE_INITIAL, np.arange(count))


@pytest.mark.parametrize("median", [2.0, -2.0])
def test_lognormal_is_what_scipy_says(median: float) -> None:
    """Values, bounds and cumulative probabilities on both sides of 0."""
    distribution, expected = LogNormal(median, 0.7), stats.lognorm(0.7, scale=2.0)
    drawn = distribution.quantile(uniforms(draw_bits(100_000)))
    assert stats.kstest(np.abs(drawn), expected.cdf).pvalue > SIGNIFICANT
    assert (np.sign(drawn) == np.sign(median)).all()
    x = np.linspace(-12, 12, 101)
    wanted = expected.cdf(x) if median > 0 else expected.sf(-x)
    np.testing.assert_allclose(distribution.cumulative(x), wanted, atol=1e-12)
    assert sorted(np.abs(distribution.bounds())) == pytest.approx([2 * np.exp(-4.9), 2 * np.exp(4.9)])


def test_linear_bounds() -> None:
    assert LinearInDistance(1.0, 2.0).bounds(3.0) == (1.0, 7.0)
    assert LinearInDistance(1.0, -2.0, low=0.0).bounds(3.0) == (0.0, 1.0)


@pytest.mark.parametrize(
    "distribution",
    [
        Normal(1.5, 0.75),
        Normal(1.5, 0.75, low=0.1),
        Normal(-3.0, 1.0, high=-0.5),
        TruncatedNormal(4.0, 2.0, low=0.1, high=8.0),
        Uniform(0.5, 4.0),
        Normal(2.0, 0.0),
        LogNormal(1.5, 0.4),
        LogNormal(1.5, 0.8, low=0.5, high=6.0),
        LogNormal(-3.0, 0.5),
        LogNormal(-3.0, 0.5, high=-2.0),
        LogNormal(2.0, 0.0),
    ],
)
def test_discrete_is_the_rounded_distribution(distribution: Distribution) -> None:
    table = discrete(distribution, 0.1)
    drawn = table.sample(draw_bits(300_000))
    rounded = np.floor(distribution.quantile(uniforms(draw_bits(300_000, seed=2))) / 0.1 + 0.5).astype(int)
    low, high = min(drawn.min(), rounded.min()), max(drawn.max(), rounded.max())
    counts = np.array([np.bincount(v - low, minlength=high - low + 1) for v in (drawn, rounded)])
    assert counts.shape[1] == 1 or stats.chi2_contingency(counts[:, counts.sum(0) > 20]).pvalue > SIGNIFICANT


def test_bounds_are_kept_exactly() -> None:
    table = discrete(Normal(1.5, 0.75, low=0.1), 0.1)
    assert table.values.min() == 1
    assert discrete(Constant(1.8), 0.1).values.tolist() == [18]


@pytest.mark.parametrize("value", [Normal(1.0, 2.0, low=0.0), LogNormal(-2.0, 0.3), Uniform(0.0, 1.0), 3.5])
def test_descriptions_round_trip(value: Distribution | float) -> None:
    assert restore(describe(value)) == value


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0.0, -1.0), "Normal.std is -1.0"),
        (lambda: Normal(0.0, 1.0, low=2.0, high=1.0), "above high"),
        (lambda: Uniform(1.0, 1.0), "must be below high"),
        (lambda: LogNormal(0.0, 1.0), "LogNormal.median is 0.0"),
        (lambda: LogNormal(1.0, -0.5), "LogNormal.sigma is -0.5, allowed are 0 to 100"),
        (lambda: LogNormal(1.0, 0.5, low=2.0, high=1.0), "LogNormal.low is 2.0, above high 1.0"),
        (lambda: LinearInDistance(float("nan"), 1.0), "base nan and slope 1.0; both must be finite"),
        (lambda: LinearInDistance(1.0, 1.0, low=2.0, high=1.0), "LinearInDistance.low is 2.0, above"),
        (lambda: as_distribution(float("nan")), "not finite"),
    ],
)
def test_impossible_distributions_are_refused(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
