"""Which neurons does a projection connect?

Two kinds of rule. A *row rule* gives each source a known number of targets, drawn from (seed, source) alone, so rows
can be made in any order and never all at once. An *edge rule* lists its synapses, in any order and any part of the list
at a time; they are sorted by source before rows are made (`neurograph.listed`).

| rule | kind | targets |
|---|---|---|
| `FixedOutdegree` | row | uniform over the target population |
| `FixedTotal` | row | uniform over the target population, so are the sources; their number is fixed |
| `AllToAll` | row | each neuron of the target population, once |
| `Bernoulli` | row | each neuron of the target population with one probability, at most once |
| `CommunityOutdegree` | row | uniform over the source's community, or over all others |
| `DistanceOutdegree` | row | at a normally distributed displacement on a periodic sheet |
| `FixedIndegree` | edge | each target draws its sources uniformly |
| `OneToOne` | edge | neuron k to neuron k |
| `Edges` | edge | as listed |

By default draws are with replacement: a pair may be joined more than once (*multapses*), and a neuron may meet itself
(*autapses*); `multapses=False` and `autapses=False` forbid it. A neuron is itself by its place in the neuron table, so
this holds for slices of populations too. The rules for rows are in `row_rules` and `sheet`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.choosing import choose_each
from neurograph.draws import PURPOSE_EDGE, stream_keys
from neurograph.edges import EdgeStream
from neurograph.row_rules import Ends, Indices, RangeRule, check_candidates, check_degree, too_few
from neurograph.sheet import DistanceOutdegree, check_neighbours
from neurograph_storage.errors import ArgumentError

# No neuron is on both sides of a projection.
NO_SELF = 2**62


@dataclass(frozen=True)
class FixedIndegree:
    """Each target draws ``degree`` sources uniformly.

    Parameters
    ----------
    multapses : bool
        Whether a target may have several synapses from one source.
    autapses : bool
        Whether a neuron may connect to itself.
    """

    degree: int
    multapses: bool = True
    autapses: bool = True

    def __post_init__(self) -> None:
        check_degree(self, self.degree)

    def count(self, source_size: int, target_size: int) -> int:
        """Return the synapses in all."""
        del source_size
        return self.degree * target_size

    def edges(
        self, start: int, stop: int, source_size: int, seed: int, part: int, offset: int = NO_SELF
    ) -> tuple[Indices, Indices]:
        """Return (sources, targets) of synapses ``start`` to ``stop``, each int64, counted within their populations."""
        degree = max(self.degree, 1)
        first, last = start // degree, -(-stop // degree)
        sources = self.sources_of(first, last, source_size, seed, part, offset)
        return sources[start - first * degree : stop - first * degree], np.arange(start, stop) // degree

    def sources_of(
        self, first: int, last: int, source_size: int, seed: int, part: int, offset: int = NO_SELF
    ) -> Indices:
        """Return the sources of targets ``first <= t < last``, ``degree`` for each, one target after another.

        Parameters
        ----------
        offset : int
            Source s and target s + ``offset`` are the same neuron; by default there is none on both sides.

        Returns
        -------
        ((last - first) x degree,) int64
        """
        itself = np.arange(first, last, dtype=np.int64) - offset
        met = (itself >= 0) & (itself < source_size) & (not self.autapses)
        bits = edge_bits(first * self.degree, last * self.degree, seed, part, 0)
        chosen = choose_each(bits, source_size - met.astype(np.int64), self.degree, not self.multapses)
        # Numbers from a target's own on are moved up by one; ``source_size`` is above all of them.
        left_out = np.where(met, itself, source_size)
        moved: Indices = chosen + (chosen >= np.repeat(left_out, self.degree))
        return moved


def check_sources(rule: FixedIndegree, ends: Ends) -> None:
    """Refuse a rule that asks for more sources than a target can have.

    Raises
    ------
    ArgumentError
    """
    least = ends.sources - (not rule.autapses and ends.overlap())
    if ends.targets and (min(rule.degree, 1) if rule.multapses else rule.degree) > least:
        raise ArgumentError(too_few(rule, rule.degree, "source", least, repeated=rule.multapses))


@dataclass(frozen=True)
class OneToOne:
    """Neuron k connects to neuron k."""

    def count(self, source_size: int, target_size: int) -> int:
        """Return the synapses in all."""
        if source_size != target_size:
            raise ArgumentError(f"OneToOne needs populations of one size, got {source_size} and {target_size}")
        return source_size

    def edges(
        self, start: int, stop: int, source_size: int, seed: int, part: int, offset: int = NO_SELF
    ) -> tuple[Indices, Indices]:
        """Return (sources, targets) of synapses ``start`` to ``stop``, each int64, counted within their populations."""
        del source_size, seed, part, offset
        return np.arange(start, stop), np.arange(start, stop)


@dataclass(frozen=True, eq=False)
class Edges:
    """The synapses listed.

    Parameters
    ----------
    sources, targets : (synapses,) integer
        Counted within their populations.
    """

    sources: NDArray[np.integer[Any]]
    targets: NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        kinds = [np.asarray(part).dtype for part in (self.sources, self.targets)]
        if len(self.sources) and not all(np.issubdtype(kind, np.integer) for kind in kinds):
            raise ArgumentError(f"Edges needs integers, got {kinds[0]} and {kinds[1]}")
        if len(self.sources) != len(self.targets):
            raise ArgumentError(f"Edges has {len(self.sources)} sources but {len(self.targets)} targets")

    def count(self, source_size: int, target_size: int) -> int:
        """Return the synapses in all."""
        for name, values, size in (
            ("source", self.sources, source_size),
            ("target", self.targets, target_size),
        ):
            if len(values) and not (values.min() >= 0 and values.max() < size):
                raise ArgumentError(f"Edges has a {name} outside 0 .. {size - 1}")
        return len(self.sources)

    def edges(
        self, start: int, stop: int, source_size: int, seed: int, part: int, offset: int = NO_SELF
    ) -> tuple[Indices, Indices]:
        """Return (sources, targets) of synapses ``start`` to ``stop``, each int64, counted within their populations."""
        del source_size, seed, part, offset
        sources, targets = (np.asarray(ends[start:stop]).astype(np.int64) for ends in (self.sources, self.targets))
        return sources, targets


RowRule = RangeRule | DistanceOutdegree
EdgeRule = FixedIndegree | OneToOne | Edges | EdgeStream
Rule = RowRule | EdgeRule


def check_rule(rule: Rule, ends: Ends) -> None:
    """Refuse a rule that cannot be kept between populations of these sizes.

    Raises
    ------
    ArgumentError
    """
    if isinstance(rule, RangeRule):
        check_candidates(rule, ends)
    elif isinstance(rule, DistanceOutdegree):
        check_neighbours(rule, ends)
    elif isinstance(rule, FixedIndegree):
        check_sources(rule, ends)


def edge_bits(start: int, stop: int, seed: int, part: int, draw: int) -> NDArray[np.uint64]:
    """Return 64 random bits for each listed synapse of a range; ``draw`` tells apart source, weight and delay."""
    return stream_keys(seed, PURPOSE_EDGE, np.arange(start, stop), part=4 * part + draw)
