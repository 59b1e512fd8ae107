"""Which targets does a source draw, for rules that go row by row?

A *row rule* says how many synapses a source has and which neurons may be their targets, the *candidates*. Both follow
from (seed, source) alone, so rows can be made in any order and never all at once.

Candidates are numbered 0 .. size - 1. Their numbers become targets by leaving out up to two gaps: those that the rule
excludes, and the source itself where autapses are forbidden.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.errors import ArgumentError

Indices = NDArray[np.int64]

# A place that no candidate's number reaches: nothing is left out there.
_NOWHERE = 2**62


class Candidates(NamedTuple):
    """The possible targets of some sources; target = c + (by if c >= at), with c = number + (number >= own).

    Attributes
    ----------
    size : (sources,) int64
        How many there are.
    at, by : (sources,) int64
        From number ``at`` on, ``by`` neurons of the target population are left out.
    own : (sources,) int64
        The source's own number, if it is left out too; beyond all numbers otherwise.
    """

    size: Indices
    at: Indices
    by: Indices
    own: Indices


class Ends(NamedTuple):
    """The two sides of a projection.

    Attributes
    ----------
    sources, targets : int
        Sizes of the two populations.
    offset : int
        Source s and target s + ``offset`` are the same neuron.
    """

    sources: int
    targets: int
    offset: int

    def overlap(self) -> bool:
        """Return whether any neuron is on both sides."""
        return max(0, self.offset) < min(self.targets, self.sources + self.offset)


@dataclass(frozen=True)
class FixedOutdegree:
    """Each source draws ``degree`` targets uniformly.

    Parameters
    ----------
    multapses : bool
        Whether a source may have several synapses to one target.
    autapses : bool
        Whether a neuron may connect to itself.
    """

    degree: int
    multapses: bool = True
    autapses: bool = True

    def __post_init__(self) -> None:
        check_degree(self, self.degree)


@dataclass(frozen=True)
class FixedTotal:
    """``total`` synapses, each with a source drawn uniformly, and a target drawn uniformly from that source's.

    Parameters
    ----------
    autapses : bool
        Whether a neuron may connect to itself.
    """

    total: int
    autapses: bool = True

    def __post_init__(self) -> None:
        if self.total < 0:
            raise ArgumentError(f"FixedTotal.total is {self.total}, it must be at least 0")


@dataclass(frozen=True)
class AllToAll:
    """Every source connects to every target, once.

    Parameters
    ----------
    autapses : bool
        Whether a neuron connects to itself.
    """

    autapses: bool = True


@dataclass(frozen=True)
class Bernoulli:
    """Every pair of source and target is joined with one probability, independently of all others.

    Parameters
    ----------
    probability : float
        0 to 1.
    autapses : bool
        Whether a neuron may connect to itself.
    """

    probability: float
    autapses: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ArgumentError(f"Bernoulli.probability is {self.probability}, allowed are 0 to 1")


@dataclass(frozen=True)
class CommunityOutdegree:
    """Each source draws ``degree`` targets inside its community, or outside it.

    Parameters
    ----------
    communities : int
        Both populations are cut into this many equal consecutive parts; part k of one belongs with part k of the other.
    inside : bool
        True for targets in the source's own community, False for all others.
    multapses : bool
        Whether a source may have several synapses to one target.
    autapses : bool
        Whether a neuron may connect to itself.
    """

    degree: int
    communities: int
    inside: bool
    multapses: bool = True
    autapses: bool = True

    def __post_init__(self) -> None:
        check_degree(self, self.degree)
        if self.communities < 1 + (not self.inside):
            raise ArgumentError(f"CommunityOutdegree.communities is {self.communities}, too few")


RangeRule = FixedOutdegree | FixedTotal | AllToAll | Bernoulli | CommunityOutdegree


def check_degree(rule: object, degree: int) -> None:
    """Refuse a negative degree."""
    if degree < 0:
        raise ArgumentError(f"{type(rule).__name__}.degree is {degree}, it must be at least 0")


def community_edges(size: int, communities: int) -> Indices:
    """Return where each community begins, and the end, (communities + 1,) int64."""
    return np.arange(communities + 1, dtype=np.int64) * size // communities


def community_of(indices: Indices, size: int, communities: int) -> Indices:
    """Return the community of each neuron of a population of ``size``."""
    found: Indices = np.searchsorted(community_edges(size, communities), indices, side="right") - 1
    return found


def candidates(rule: RangeRule, sources: Indices, ends: Ends) -> Candidates:
    """Return the candidates of each source, (n,) int64, counted within the source population."""
    if isinstance(rule, CommunityOutdegree):
        own = community_of(sources, ends.sources, rule.communities)
        edges = community_edges(ends.targets, rule.communities)
        low, width = edges[own], edges[own + 1] - edges[own]
        if rule.inside:
            size, at, by = width, np.zeros_like(low), low
        else:
            size, at, by = ends.targets - width, low, width
    else:
        size, at, by = np.full_like(sources, ends.targets), np.zeros_like(sources), np.zeros_like(sources)
    everyone = Candidates(size, at, by, np.full_like(sources, _NOWHERE))
    return everyone if rule.autapses else _without_self(everyone, sources + ends.offset)


def _without_self(everyone: Candidates, itself: Indices) -> Candidates:
    """Leave out the neuron that is target ``itself``, (n,) int64, wherever it is a candidate."""
    size, at, by, _ = everyone
    number = np.where(itself >= at + by, itself - by, itself)
    met = (number >= 0) & (number < size) & ((itself < at) | (itself >= at + by))
    return Candidates(size - met, at, by, np.where(met, number, _NOWHERE))


def check_candidates(rule: RangeRule, ends: Ends) -> None:
    """Refuse a rule that asks for more targets than a source has candidates.

    Raises
    ------
    ArgumentError
    """
    if isinstance(rule, (AllToAll, Bernoulli)) or ends.sources == 0:
        return
    asked = min(rule.total, 1) if isinstance(rule, FixedTotal) else rule.degree
    repeated = isinstance(rule, FixedTotal) or rule.multapses
    least = int(candidates(rule, _each_case(rule, ends), ends).size.min())
    if (min(asked, 1) if repeated else asked) > least:
        raise ArgumentError(too_few(rule, asked, "target", least, repeated=repeated))


def too_few(rule: object, asked: int, what: str, least: int, *, repeated: bool) -> str:
    """Return the words for a rule that cannot be kept."""
    other = "source" if what == "target" else "target"
    way_out = "draws can come only from neurons that are there" if repeated else "allow multapses, or ask for fewer"
    return f"{type(rule).__name__} asks for {asked} {what}s of each {other}, but one can have only {least}; {way_out}"


def _each_case(rule: RangeRule, ends: Ends) -> Indices:
    """Return the first of the sources of each stretch that have equally many candidates, or more sources."""
    communities = rule.communities if isinstance(rule, CommunityOutdegree) else 1
    firsts = community_edges(ends.sources, communities)
    meeting = community_edges(ends.targets, communities) - ends.offset
    cases = np.concatenate([firsts, meeting])
    return np.unique(cases[(cases >= 0) & (cases < ends.sources)])
