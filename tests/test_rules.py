"""Each rule connects whom it says, as often as it says."""

import numpy as np
import pytest
from scipy import stats

import neurograph as ng
from neurograph.row_rules import community_of
from neurograph.sheet import lattice

SIGNIFICANT = 1e-4


def test_fixed_outdegree(connect) -> None:
    found = connect(ng.FixedOutdegree(500))
    assert (np.bincount(found["source"], minlength=160) == [500] * 100 + [0] * 60).all()
    assert found["target"].min() >= 100
    assert stats.chisquare(np.bincount(found["target"] - 100, minlength=60)).pvalue > SIGNIFICANT


def test_rows_differ(connect) -> None:
    found = connect(ng.FixedOutdegree(20))
    assert len({tuple(found["target"][found["source"] == s]) for s in range(100)}) == 100


def test_fixed_indegree(connect) -> None:
    found = connect(ng.FixedIndegree(500))
    assert (np.bincount(found["target"], minlength=160)[100:] == 500).all()
    assert stats.chisquare(np.bincount(found["source"], minlength=100)).pvalue > SIGNIFICANT


def test_one_to_one(connect) -> None:
    found = connect(ng.OneToOne(), sizes=(50, 50))
    np.testing.assert_array_equal(found["target"], found["source"] + 50)


@pytest.mark.parametrize("inside", [True, False])
def test_communities(connect, inside: bool) -> None:
    found = connect(ng.CommunityOutdegree(300, 7, inside))
    own = community_of(found["source"], 100, 7)
    assert ((community_of(found["target"] - 100, 60, 7) == own) == inside).all()
    counts = np.bincount(found["target"] - 100, minlength=60)
    assert (counts > 0).all()


def apart(found: dict[str, np.ndarray], sizes: tuple[int, int], extent: float) -> np.ndarray:
    """Return the displacement in mm from source to target, the shorter way round, (2, synapses)."""
    x, y = lattice(found["source"], sizes[0])
    to_x, to_y = lattice(found["target"] - sizes[0], sizes[1])
    return ((np.stack([to_x - x, to_y - y]) + 0.5) % 1.0 - 0.5) * extent


@pytest.mark.parametrize("multapses", [True, False])
def test_distance(connect, multapses: bool) -> None:
    """Displacements are normal with the rule's spread; so rarely is a target drawn twice that this shows in neither."""
    sizes = (400, 40_000)
    rule = ng.DistanceOutdegree(100, sigma=0.4, extent=4.0, multapses=multapses)
    found = connect(rule, sizes)
    assert (np.bincount(found["source"], minlength=sum(sizes))[:400] == 100).all()
    # The targets' lattice has cells of 0.02 mm; any place in them is as good as their middle.
    within = np.random.default_rng(1).uniform(-0.01, 0.01, (2, len(found["source"])))
    for axis in apart(found, sizes, 4.0) + within:
        assert stats.kstest(axis, "norm", args=(0.0, 0.4)).pvalue > SIGNIFICANT


@pytest.mark.parametrize(
    "delay", [ng.LinearInDistance(0.5, 1 / 0.3), ng.LinearInDistance(3.0, -2.0, low=0.8), ng.LinearInDistance(1.0, 0.0)]
)
@pytest.mark.parametrize(
    "weight", [ng.LinearInDistance(80.0, -60.0, low=0.0), ng.LinearInDistance(-5.0, -40.0, low=-30.0)]
)
def test_values_linear_in_distance(connect, weight, delay) -> None:
    """Every weight and delay is the nearest on its grid to what the distance of its synapse says."""
    sizes = (100, 900)
    found = connect(ng.DistanceOutdegree(50, sigma=0.3, extent=2.0), sizes, weight=weight, delay=delay)
    distance = np.hypot(*apart(found, sizes, 2.0))
    largest = max(abs(bound) for bound in weight.bounds(np.sqrt(2.0)))
    for name, value, unit in (("weight", weight, largest / 32767), ("delay", delay, 0.1)):
        low = -np.inf if value.low is None else value.low
        expected = np.maximum(value.base + value.slope * distance, low)
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=unit * (0.5 + 1e-9))
        assert value.slope == 0 or len(np.unique(found[name])) > 5


def test_a_sheet_may_have_drawn_delays(connect) -> None:
    found = connect(ng.DistanceOutdegree(100, 0.3, 2.0), (100, 900), delay=ng.Uniform(0.95, 3.95))
    assert stats.chisquare(np.bincount(np.round(found["delay"] * 10).astype(int))[10:]).pvalue > SIGNIFICANT


def test_listed_edges_keep_order_weight_and_delay(connect) -> None:
    rule = ng.Edges(np.array([3, 3, 0]), np.array([5, 5, 1]))
    found = connect(rule, weight=np.array([0.5, -1.25, 3.0]), delay=np.array([1.04, 2.0, 0.1]))
    assert found["source"].tolist() == [0, 3, 3]
    assert found["target"].tolist() == [101, 105, 105]
    assert found["weight"].tolist() == [3.0, 0.5, -1.25]
    np.testing.assert_allclose(found["delay"], [0.1, 1.0, 2.0])


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (ng.Normal(87.8, 8.78, low=0.0), stats.norm(87.8, 8.78)),
        (ng.Uniform(2.0, 5.0), stats.uniform(2.0, 3.0)),
        (ng.LogNormal(20.0, 0.5, high=400.0), stats.lognorm(0.5, scale=20.0)),
        (ng.LogNormal(-20.0, 0.5, low=-400.0), stats.lognorm(0.5, scale=20.0)),
    ],
)
@pytest.mark.parametrize(
    "rule", [ng.FixedOutdegree(1000), ng.FixedIndegree(1000), ng.DistanceOutdegree(1000, 0.3, 1.0)]
)
def test_drawn_weights(connect, rule, weight, expected) -> None:
    drawn = np.abs(connect(rule, weight=weight)["weight"])
    # Rounded to the grid of codes: any place in a grid cell is as good as its middle.
    unit = max(abs(bound) for bound in weight.bounds()) / 32767
    smeared = drawn + np.random.default_rng(1).uniform(-unit / 2, unit / 2, len(drawn))
    assert stats.kstest(smeared, expected.cdf).pvalue > SIGNIFICANT


@pytest.mark.parametrize(
    "delay",
    [
        ng.Normal(1.5, 0.75, low=0.1),
        ng.LogNormal(1.5, 0.5, low=0.3, high=5.0),
        ng.Uniform(1.0, 3.0),
        ng.TruncatedNormal(2.0, 1.0, low=0.5, high=4.0),
    ],
)
def test_drawn_delays(connect, delay) -> None:
    """What the distribution says, rounded to steps, with bounds kept."""
    steps = np.round(connect(ng.FixedOutdegree(1000), delay=delay)["delay"] / 0.1).astype(int)
    edges = (np.arange(steps.max() + 2) - 0.5) * 0.1
    share = np.diff(delay.cumulative(np.nextafter(edges, -np.inf)))
    common = share * len(steps) > 10
    counts = np.bincount(steps)[common]
    expected = share[common] * counts.sum() / share[common].sum()
    assert stats.chisquare(counts, expected).pvalue > SIGNIFICANT
    assert (share[: steps.min()] < 1e-3).all()


def test_constant_weight_and_delay(connect) -> None:
    found = connect(ng.Bernoulli(0.3), weight=-1.25, delay=1.24)
    assert (found["weight"] == -1.25).all()
    np.testing.assert_allclose(found["delay"], 1.2)


@pytest.mark.parametrize("rule", [ng.FixedIndegree(200), ng.Edges(np.arange(100), np.zeros(100, int))])
def test_listed_rules_can_draw_weights_too(connect, rule) -> None:
    found = connect(rule, weight=ng.Normal(-20.0, 2.0, high=0.0), delay=ng.Uniform(1.0, 3.0))
    assert stats.kstest(found["weight"], "norm", args=(-20.0, 2.0)).pvalue > SIGNIFICANT
    assert 0.95 <= found["delay"].min() < found["delay"].max() <= 3.05


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (ng.Edges(np.array([100]), np.array([0])), {}, "source outside 0 .. 99"),
        (ng.Edges(np.array([0]), np.array([-1])), {}, "target outside 0 .. 59"),
        (ng.OneToOne(), {}, "populations of one size, got 100 and 60"),
        (ng.FixedOutdegree(1), {"delay": 0.01}, "shorter than one step; allowed are 0.1 to 819.1 ms"),
        (ng.FixedOutdegree(1), {"delay": -1.0}, "delay of -1 ms is shorter"),
        (ng.FixedOutdegree(1), {"delay": 900.0}, "delay of 900 ms is too long"),
        (ng.FixedOutdegree(1), {"delay": ng.Normal(1.5, 0.75)}, "bound the distribution with low="),
        (ng.Edges(np.array([0]), np.array([0])), {"delay": np.array([-2.0])}, "delay of -2 ms is shorter"),
        (ng.Edges(np.array([0]), np.array([0])), {"weight": np.array([1.0, 2.0])}, "2 weights were given for 1"),
        (ng.FixedOutdegree(1), {"weight": np.array([1.0])}, "needs a rule that lists its synapses"),
        (ng.FixedOutdegree(1), {"weight": float("inf")}, "not finite"),
        (ng.FixedOutdegree(1), {"receptor": "gaba"}, "no receptor 'gaba'; choose from excitatory, inhibitory"),
        (ng.FixedOutdegree(1), {"weight": ng.Normal(0.0, 1.0)}, "name one with receptor="),
        (ng.FixedOutdegree(1), {"delay": ng.LinearInDistance(1.0, 1.0)}, "FixedOutdegree knows no distance"),
        (ng.DistanceOutdegree(1, 0.5, 1.0), {"delay": ng.LinearInDistance(0.0, 1.0)}, "bound the distribution"),
        (ng.DistanceOutdegree(1, 0.5, 1.0), {"delay": ng.LinearInDistance(1.0, 2e3)}, "is too long"),
        (ng.DistanceOutdegree(1, 0.5, 1.0), {"weight": ng.LinearInDistance(1.0, -2.0)}, "name one with receptor="),
        (ng.DistanceOutdegree(1, 0.5, 1.0), {"delay": 0.01}, "shorter than one step"),
    ],
)
def test_what_cannot_be_is_refused(connect, rule, options, message: str) -> None:
    with pytest.raises(ng.NeuroGraphError, match=message):
        connect(rule, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ng.FixedOutdegree(-1), "FixedOutdegree.degree is -1"),
        (lambda: ng.CommunityOutdegree(5, 1, False), "communities is 1, too few"),
        (lambda: ng.DistanceOutdegree(5, 3.0, 2.0), "sigma is 3.0 mm"),
        (lambda: ng.recipes.sheet(speed=0.0), "speed is 0.0 mm/ms"),
        (
            lambda: ng.Network().population("a", 1, ng.LIFExp(), initial={"v": ng.LinearInDistance(1.0, 1.0)}),
            "v value is LinearInDistance, which only weights and delays can be",
        ),
        (lambda: ng.Bernoulli(1.01), "Bernoulli.probability is 1.01, allowed are 0 to 1"),
        (lambda: ng.Bernoulli(float("nan")), "Bernoulli.probability is nan"),
        (lambda: ng.Edges(np.array([1]), np.array([1, 2])), "1 sources but 2 targets"),
    ],
)
def test_impossible_rules_are_refused(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make()
