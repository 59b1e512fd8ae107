"""Each rule connects whom it says, as often as it says."""

import numpy as np
import pytest
from scipy import stats

import neurograph as ng
from neurograph.rules import community_of, lattice

SIGNIFICANT = 1e-4


def synapses(circuit: ng.Circuit) -> dict[str, np.ndarray]:
    """Return source and target index, delay in ms and weight of every synapse."""
    found, index = circuit.store.rows(0, circuit.neurons).synapses(), circuit.index_of_storage
    return {
        "source": index[found.row],
        "target": index[found.target],
        "delay": found.delay * circuit.dt,
        "weight": found.code * circuit.scales["LIFExp"][found.receptor],
    }


@pytest.fixture
def connect(tmp_path):
    """Build one projection and return its synapses."""

    def build(rule, sizes=(100, 60), *, weight=2.0, delay=1.5, seed=1, **options):
        network = ng.Network()
        first = network.population("a", sizes[0], ng.LIFExp())
        second = network.population("b", sizes[1], ng.LIFExp())
        network.connect(first, second, rule, weight=weight, delay=delay, **options)
        return synapses(ng.build(tmp_path / "c.zarr", network, seed=seed))

    return build


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


def test_distance(connect) -> None:
    """Displacements are normal with the rule's spread; delays are base + distance / speed."""
    found = connect(
        ng.DistanceOutdegree(100, sigma=0.2, extent=4.0),
        sizes=(400, 10_000),
        delay=ng.DistanceDelay(base=0.5, speed=0.3),
    )
    x, y = lattice(found["source"], 400)
    to_x, to_y = lattice(found["target"] - 400, 10_000)
    apart = (np.stack([to_x - x, to_y - y]) + 0.5) % 1.0 - 0.5
    for axis in apart * 4.0:
        # The targets' lattice has cells of 0.04 mm, which smears the normal distribution.
        smeared = np.hypot(0.2, 0.04 / np.sqrt(12))
        assert abs(axis.mean()) < 0.005
        assert axis.std() == pytest.approx(smeared, rel=0.02)
    expected = 0.5 + np.hypot(*apart) * 4.0 / 0.3
    np.testing.assert_allclose(found["delay"], expected, atol=0.0501)


def test_listed_edges_keep_order_weight_and_delay(connect) -> None:
    rule = ng.Edges(np.array([3, 3, 0]), np.array([5, 5, 1]))
    found = connect(rule, weight=np.array([0.5, -1.25, 3.0]), delay=np.array([1.04, 2.0, 0.1]))
    assert found["source"].tolist() == [0, 3, 3]
    assert found["target"].tolist() == [101, 105, 105]
    assert found["weight"].tolist() == [3.0, 0.5, -1.25]
    np.testing.assert_allclose(found["delay"], [0.1, 1.0, 2.0])


def test_drawn_weights_and_delays(connect) -> None:
    found = connect(ng.FixedOutdegree(1000), weight=ng.Normal(87.8, 8.78, low=0.0), delay=ng.Normal(1.5, 0.75, low=0.1))
    assert stats.kstest(found["weight"], "norm", args=(87.8, 8.78)).pvalue > SIGNIFICANT
    clipped = np.maximum(np.random.default_rng(1).normal(1.5, 0.75, 100_000), 0.1).round(1)
    assert stats.ks_2samp(found["delay"].round(1), clipped).pvalue > SIGNIFICANT


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
        (ng.FixedOutdegree(1), {"delay": ng.DistanceDelay(1.0, 1.0)}, "go together"),
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
        (lambda: ng.DistanceDelay(0.0, 1.0), "both must be positive"),
        (lambda: ng.Edges(np.array([1]), np.array([1, 2])), "1 sources but 2 targets"),
    ],
)
def test_impossible_rules_are_refused(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make()
