"""Who is joined how often: pairs of the rules that forbid multapses or autapses, against theory."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import neurograph as ng
from neurograph.choosing import choose_each
from neurograph.draws import PURPOSE_ROW, below, stream_keys
from neurograph.row_rules import Ends, RangeRule, candidates, check_candidates
from neurograph.rules import edge_bits

SIGNIFICANT = 1e-4


def pairs(found: dict[str, np.ndarray], neurons: int) -> np.ndarray:
    """Return how many synapses go from each neuron to each, (neurons, neurons)."""
    return np.bincount(found["source"] * neurons + found["target"], minlength=neurons**2).reshape(neurons, neurons)


def chi_square(counts: np.ndarray, distribution) -> float:
    """Return the p-value for integers drawn from a distribution, rare values joined."""
    values = np.arange(counts.max() + 2)
    expected = np.append(distribution.pmf(values), distribution.sf(values[-1])) * len(counts)
    label = np.unique(np.cumsum(expected) // 10, return_inverse=True)[1]
    observed = np.bincount(label, np.bincount(counts, minlength=len(expected)))
    return float(stats.chisquare(observed, np.bincount(label, expected) * len(counts) / expected.sum()).pvalue)


def uniform_apart(joined: np.ndarray, degree: int) -> float:
    """Return the p-value that targets are uniform by their distance in the table, with ``degree`` distinct ones each.

    Distinct targets scatter less than independent ones, by (n - degree) / (n - 1).
    """
    n = len(joined)
    source, target = np.nonzero(joined)
    counts = np.bincount((target - source) % n, minlength=n)[1:]
    statistic = ((counts - counts.mean()) ** 2 / counts.mean()).sum() * (n - 2) / (n - 1 - degree)
    return float(stats.chi2.sf(statistic, n - 2))


@pytest.mark.parametrize(("size", "degree"), [(7, 3), (7, 6), (70, 2), (5, 1)])
def test_every_subset_is_equally_likely(size: int, degree: int) -> None:
    """And so is every pair, and every single candidate."""
    rounds = 100_000
    bits = stream_keys(1, PURPOSE_ROW, np.arange(rounds * degree))
    chosen = np.sort(choose_each(bits, np.full(rounds, size), degree, True).reshape(rounds, degree), axis=1)
    assert (np.diff(chosen, axis=1) > 0).all()
    counts = np.unique(chosen, axis=0, return_counts=True)[1]
    assert len(counts) == round(stats.binom(size, 0.5).pmf(degree) * 2**size)
    assert stats.chisquare(counts).pvalue > SIGNIFICANT


def test_choosing_all_or_none() -> None:
    bits = stream_keys(1, PURPOSE_ROW, np.arange(130))
    assert choose_each(bits, np.array([130]), 130, True).tolist() == list(range(130))
    assert choose_each(bits[:0], np.array([130, 0]), 0, True).tolist() == []


def test_bernoulli_degrees_are_binomial(connect) -> None:
    """Out and in; and whether a pair is joined says nothing of another pair."""
    joined = pairs(connect(ng.Bernoulli(0.13), (900, 1100)), 2000)[:900, 900:]
    assert joined.max() == 1
    assert chi_square(joined.sum(axis=1), stats.binom(1100, 0.13)) > SIGNIFICANT
    assert chi_square(joined.sum(axis=0), stats.binom(900, 0.13)) > SIGNIFICANT
    for one, other in ((joined[:, :-1], joined[:, 1:]), (joined[:-1], joined[1:])):
        table = np.histogram2d(one.ravel(), other.ravel(), 2)[0]
        assert stats.chi2_contingency(table).pvalue > SIGNIFICANT


@pytest.mark.parametrize("probability", [0.0, 0.004, 0.97, 1.0])
def test_bernoulli_at_the_ends(connect, probability: float) -> None:
    joined = pairs(connect(ng.Bernoulli(probability), (400, 300)), 700)[:400, 400:]
    expected = stats.binom(joined.size, probability)
    assert expected.cdf(joined.sum()) > SIGNIFICANT / 2
    assert expected.sf(joined.sum() - 1) > SIGNIFICANT / 2


def test_bernoulli_without_autapses(connect) -> None:
    """Over 399 candidates each for the neurons of a slice that are on both sides, 400 for the others."""
    rule = ng.Bernoulli(0.4, autapses=False)
    found = connect(rule, (800, 1), between=lambda a, _: (a[:600], a[200:600]))
    joined = pairs(found, 801)
    assert np.trace(joined) == 0
    assert joined.max() == 1
    assert chi_square(joined[:200].sum(axis=1), stats.binom(400, 0.4)) > SIGNIFICANT
    assert chi_square(joined[200:600].sum(axis=1), stats.binom(399, 0.4)) > SIGNIFICANT


@pytest.mark.parametrize("autapses", [True, False])
def test_all_to_all_is_complete(connect, autapses: bool) -> None:
    found = connect(ng.AllToAll(autapses=autapses), between=lambda a, _: (a[10:90], a[:70]))
    joined = pairs(found, 160)
    expected = np.zeros_like(joined)
    expected[10:90, :70] = 1
    if not autapses:
        np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(joined, expected)


def test_all_to_all_of_two_populations(connect) -> None:
    joined = pairs(connect(ng.AllToAll(autapses=False), (30, 20)), 50)
    assert (joined[:30, 30:] == 1).all()
    assert joined.sum() == 600


@pytest.mark.parametrize(
    ("kind", "arguments", "axis"),
    [(ng.FixedOutdegree, (20,), 1), (ng.CommunityOutdegree, (20, 1, True), 1), (ng.FixedIndegree, (20,), 0)],
)
@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("autapses", [True, False])
def test_fixed_degrees_with_both_options(connect, kind, arguments, axis: int, multapses: bool, autapses: bool) -> None:
    """Degrees are kept, only what is forbidden is missing, and the rest is uniform."""
    found = connect(kind(*arguments, multapses=multapses, autapses=autapses), (200, 1), between=lambda a, _: (a, a))
    joined = pairs(found, 201)[:200, :200]
    assert (joined.sum(axis=axis) == 20).all()
    assert (joined.max() > 1) == multapses
    assert (np.trace(joined) > 0) == autapses
    if not multapses:
        assert autapses or uniform_apart(joined, 20) > SIGNIFICANT
        assert chi_square(joined.sum(axis=1 - axis), stats.binom(200 if autapses else 199, 20 / 199)) > SIGNIFICANT


@pytest.mark.parametrize("inside", [True, False])
def test_communities_can_be_exhausted(connect, inside: bool) -> None:
    """With as many targets as candidates, every one is joined once: nothing is off by one at the edges."""
    sizes = {True: 20, False: 80}
    rule = ng.CommunityOutdegree(sizes[inside] - inside, 5, inside, multapses=False, autapses=False)
    joined = pairs(connect(rule, (100, 1), between=lambda a, _: (a, a)), 101)[:100, :100]
    community = np.arange(100) // 20
    expected = (community[:, None] == community) == inside
    np.testing.assert_array_equal(joined, expected & ~np.eye(100, dtype=bool))


@st.composite
def sides(draw) -> Ends:
    sources, targets = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return Ends(sources, targets, draw(st.integers(-14, 14)))


@given(sides(), st.integers(1, 5), st.sampled_from([None, True, False]), st.booleans())
def test_candidates_are_those_that_the_rule_allows(
    ends: Ends, communities: int, inside: bool | None, autapses: bool
) -> None:
    """For each source exactly the targets that a plain loop finds; and the check knows the smallest number of them."""
    if inside is None:
        rule: RangeRule = ng.FixedOutdegree(1, False, autapses)
    else:
        rule = ng.CommunityOutdegree(1, communities + 1, inside, False, autapses)
    found = candidates(rule, np.arange(ends.sources), ends)
    least = ends.targets
    for s in range(ends.sources):
        number = np.arange(found.size[s])
        target = number + (number >= found.own[s])
        target += found.by[s] * (target >= found.at[s])
        expected = [t for t in range(ends.targets) if allowed(rule, s, t, ends)]
        assert target.tolist() == expected
        least = min(least, len(expected))
    check_candidates(replace(rule, degree=least), ends)
    with pytest.raises(ng.ArgumentError, match=f"only {least};"):
        check_candidates(replace(rule, degree=least + 1), ends)


def allowed(rule: RangeRule, source: int, target: int, ends: Ends) -> bool:
    if not rule.autapses and target == source + ends.offset:
        return False
    if not isinstance(rule, ng.CommunityOutdegree):
        return True
    communities = [
        next(k for k in range(rule.communities) if index < (k + 1) * size // rule.communities)
        for index, size in ((source, ends.sources), (target, ends.targets))
    ]
    return (communities[0] == communities[1]) == rule.inside


def test_fixed_total_without_autapses(connect) -> None:
    found = connect(ng.FixedTotal(200_000, autapses=False), (100, 1), between=lambda a, _: (a, a))
    joined = pairs(found, 101)[:100, :100]
    assert joined.sum() == 200_000
    assert np.trace(joined) == 0
    assert stats.chisquare(joined[~np.eye(100, dtype=bool)]).pvalue > SIGNIFICANT


@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("autapses", [True, False])
def test_distance_with_both_options(connect, multapses: bool, autapses: bool) -> None:
    """As many as may be are asked for; a neuron has targets on all sides, so that its own place in their middle."""
    rule = ng.DistanceOutdegree(50, sigma=0.2, extent=1.0, multapses=multapses, autapses=autapses)
    joined = pairs(connect(rule, (225, 1), between=lambda a, _: (a, a)), 226)[:225, :225]
    assert (joined.sum(axis=1) == 50).all()
    assert (joined.max() > 1) == multapses
    assert (np.trace(joined) > 0) == autapses
    line, column = np.divmod(np.arange(225), 15)
    for place in (line, column):
        difference = (place - place[:, None] + 7) % 15 - 7
        ahead, behind = joined[difference > 0].sum(), joined[difference < 0].sum()
        assert stats.binomtest(int(ahead), int(ahead + behind)).pvalue > SIGNIFICANT


def test_sources_of_a_range_of_targets() -> None:
    """Any range alone gives what all give together; by default the draws are the plain ones."""
    for rule in (ng.FixedIndegree(6), ng.FixedIndegree(6, multapses=False, autapses=False)):
        whole, targets = rule.edges(0, 300, 30, 7, 2, 10)
        for cuts in ([0, 1, 13, 13, 50], [0, 4, 6, 17, 300]):
            pieces = [
                rule.sources_of(a, b, 30, 7, 2, 10) if cuts[-1] == 50 else rule.edges(a, b, 30, 7, 2, 10)[0]
                for a, b in pairwise(cuts)
            ]
            np.testing.assert_array_equal(np.concatenate(pieces), whole)
        assert (np.bincount(targets) == 6).all()
    plain = below(edge_bits(0, 300, 7, 2, 0), np.uint64(30)).astype(np.int64)
    np.testing.assert_array_equal(ng.FixedIndegree(6).edges(0, 300, 30, 7, 2)[0], plain)


@pytest.mark.parametrize(
    ("rule", "between", "message"),
    [
        (ng.FixedOutdegree(61, multapses=False), None, "FixedOutdegree asks for 61 targets of each source, .* only 60"),
        (
            ng.FixedIndegree(101, multapses=False),
            None,
            "FixedIndegree asks for 101 sources of each target, .* only 100",
        ),
        (ng.FixedOutdegree(100, False, False), lambda a, _: (a, a), "only 99; allow multapses, or ask for fewer"),
        (ng.FixedOutdegree(60, False, False), lambda a, _: (a[99:], a[40:]), "only 59"),
        (ng.FixedIndegree(100, False, False), lambda a, _: (a, a), "only 99; allow multapses"),
        (ng.FixedIndegree(1), lambda a, b: (a[:0], b), "only 0; draws can come only from neurons that are there"),
        (ng.FixedIndegree(1, autapses=False), lambda a, _: (a[:1], a), "only 0"),
        (ng.FixedTotal(1, autapses=False), lambda a, _: (a[:5], a[4:5]), "FixedTotal asks for 1 targets"),
        (ng.CommunityOutdegree(10, 10, True, False, False), lambda a, _: (a, a), "only 9"),
        (ng.CommunityOutdegree(1, 80, True), None, "CommunityOutdegree asks for 1 targets .* only 0"),
        (
            ng.DistanceOutdegree(20, 0.1, 1.0, multapses=False),
            None,
            "7.54 neurons lie .* multapses there must be .* 40",
        ),
        (ng.DistanceOutdegree(9, 0.01, 1.0, autapses=False), lambda a, _: (a, a), "without autapses .* at least 2"),
    ],
)
def test_more_than_there_are_is_refused(connect, rule, between, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        connect(rule, between=between)


def test_what_just_fits_is_built(connect) -> None:
    connect(ng.FixedOutdegree(60, multapses=False, autapses=False))


def test_one_target_less_for_one_source_only_is_no_error_elsewhere(connect) -> None:
    found = connect(ng.FixedOutdegree(59, False, False), between=lambda a, _: (a[39:50], a[40:]))
    assert (np.bincount(found["source"])[39:] == 59).all()


def test_nothing_to_join(connect) -> None:
    for rule in (ng.AllToAll(), ng.Bernoulli(0.5)):
        network = ng.Network()
        one, none = network.population("one", 5, ng.LIFExp()), network.population("none", 0, ng.LIFExp())
        network.connect(one, none, rule, weight=1.0, delay=1.0)
        assert network.projections[0].rule == rule
