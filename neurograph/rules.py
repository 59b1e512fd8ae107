"""Which neurons does a projection connect?

Two kinds of rule. A *row rule* gives each source a known number of targets, drawn from (seed, source) alone, so rows
can be made in any order and never all at once. An *edge rule* lists its synapses, in any order and any part of the list
at a time; they are sorted by source before rows are made (`neurograph.listed`).

| rule | kind | targets |
|---|---|---|
| `FixedOutdegree` | row | uniform over the target population |
| `FixedTotal` | row | uniform over the target population, so are the sources; their number is fixed |
| `CommunityOutdegree` | row | uniform over the source's community, or over all others |
| `DistanceOutdegree` | row | at a normally distributed displacement on a periodic sheet |
| `FixedIndegree` | edge | each target draws its sources uniformly |
| `OneToOne` | edge | neuron k to neuron k |
| `Edges` | edge | as listed |

Draws are with replacement: a pair may be joined twice (multapse), a neuron may meet itself (autapse).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.draws import GOLDEN, PURPOSE_EDGE, below, mix64, stream_keys
from neurograph.edges import EdgeStream
from neurograph_storage.errors import ArgumentError

Indices = NDArray[np.int64]


def _check_degree(rule: object, degree: int) -> None:
    if degree < 0:
        raise ArgumentError(f"{type(rule).__name__}.degree is {degree}, it must be at least 0")


def _all_targets(sources: Indices, target_size: int) -> tuple[Indices, Indices, bool]:
    return np.zeros_like(sources), np.full_like(sources, target_size), True


@dataclass(frozen=True)
class FixedOutdegree:
    """Each source draws ``degree`` targets uniformly."""

    degree: int

    def __post_init__(self) -> None:
        _check_degree(self, self.degree)

    def target_ranges(self, sources: Indices, source_size: int, target_size: int) -> tuple[Indices, Indices, bool]:
        """Return the range of targets of each source, and whether it is meant or excluded."""
        del source_size
        return _all_targets(sources, target_size)


@dataclass(frozen=True)
class FixedTotal:
    """``total`` synapses, each with a source and a target drawn uniformly."""

    total: int

    def __post_init__(self) -> None:
        if self.total < 0:
            raise ArgumentError(f"FixedTotal.total is {self.total}, it must be at least 0")

    def target_ranges(self, sources: Indices, source_size: int, target_size: int) -> tuple[Indices, Indices, bool]:
        """Return the range of targets of each source, and whether it is meant or excluded."""
        del source_size
        return _all_targets(sources, target_size)


@dataclass(frozen=True)
class CommunityOutdegree:
    """Each source draws ``degree`` targets inside its community, or outside it.

    Parameters
    ----------
    communities : int
        Both populations are cut into this many equal consecutive parts; part k of one belongs with part k of the other.
    inside : bool
        True for targets in the source's own community, False for all others.
    """

    degree: int
    communities: int
    inside: bool

    def __post_init__(self) -> None:
        _check_degree(self, self.degree)
        if self.communities < 1 + (not self.inside):
            raise ArgumentError(f"CommunityOutdegree.communities is {self.communities}, too few")

    def target_ranges(self, sources: Indices, source_size: int, target_size: int) -> tuple[Indices, Indices, bool]:
        """Return the targets in each source's own community, and whether they are meant or excluded."""
        own = community_of(sources, source_size, self.communities)
        edges = community_edges(target_size, self.communities)
        return edges[own], edges[own + 1], self.inside


def community_edges(size: int, communities: int) -> Indices:
    """Return where each community begins, and the end, (communities + 1,) int64."""
    return np.arange(communities + 1, dtype=np.int64) * size // communities


def community_of(indices: Indices, size: int, communities: int) -> Indices:
    """Return the community of each neuron of a population of ``size``."""
    found: Indices = np.searchsorted(community_edges(size, communities), indices, side="right") - 1
    return found


@dataclass(frozen=True)
class DistanceOutdegree:
    """Each source draws ``degree`` targets around its own place on a square, periodic sheet.

    Each population lies on a square lattice over the whole sheet.

    Parameters
    ----------
    sigma : float
        Standard deviation of the displacement in each direction, in mm.
    extent : float
        Side of the sheet, in mm.
    """

    degree: int
    sigma: float
    extent: float

    def __post_init__(self) -> None:
        _check_degree(self, self.degree)
        if not 0 < self.sigma < self.extent < np.inf:
            raise ArgumentError(
                f"DistanceOutdegree.sigma is {self.sigma} mm, it must lie in 0 to extent {self.extent} mm"
            )


@dataclass(frozen=True)
class DistanceDelay:
    """Delay that grows with the distance between source and target; goes with `DistanceOutdegree`.

    Parameters
    ----------
    base : float
        Delay at distance 0, in ms.
    speed : float
        Conduction speed, in mm/ms.
    """

    base: float
    speed: float

    def __post_init__(self) -> None:
        if not (self.base > 0 and self.speed > 0):
            raise ArgumentError(
                f"DistanceDelay has base {self.base} ms and speed {self.speed} mm/ms; both must be positive"
            )


@dataclass(frozen=True)
class FixedIndegree:
    """Each target draws ``degree`` sources uniformly."""

    degree: int

    def __post_init__(self) -> None:
        _check_degree(self, self.degree)

    def count(self, source_size: int, target_size: int) -> int:
        """Return the synapses in all."""
        del source_size
        return self.degree * target_size

    def edges(self, start: int, stop: int, source_size: int, seed: int, part: int) -> tuple[Indices, Indices]:
        """Return (sources, targets) of synapses ``start`` to ``stop``, each int64, counted within their populations."""
        bits = edge_bits(start, stop, seed, part, 0)
        return below(bits, np.uint64(source_size)).astype(np.int64), np.arange(start, stop) // max(self.degree, 1)


@dataclass(frozen=True)
class OneToOne:
    """Neuron k connects to neuron k."""

    def count(self, source_size: int, target_size: int) -> int:
        """Return the synapses in all."""
        if source_size != target_size:
            raise ArgumentError(f"OneToOne needs populations of one size, got {source_size} and {target_size}")
        return source_size

    def edges(self, start: int, stop: int, source_size: int, seed: int, part: int) -> tuple[Indices, Indices]:
        """Return (sources, targets) of synapses ``start`` to ``stop``, each int64, counted within their populations."""
        del source_size, seed, part
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

    def edges(self, start: int, stop: int, source_size: int, seed: int, part: int) -> tuple[Indices, Indices]:
        """Return (sources, targets) of synapses ``start`` to ``stop``, each int64, counted within their populations."""
        del source_size, seed, part
        sources, targets = (np.asarray(ends[start:stop]).astype(np.int64) for ends in (self.sources, self.targets))
        return sources, targets


RowRule = FixedOutdegree | FixedTotal | CommunityOutdegree | DistanceOutdegree
EdgeRule = FixedIndegree | OneToOne | Edges | EdgeStream
Rule = RowRule | EdgeRule


def edge_bits(start: int, stop: int, seed: int, part: int, draw: int) -> NDArray[np.uint64]:
    """Return 64 random bits for each listed synapse of a range; ``draw`` tells apart source, weight and delay."""
    return stream_keys(seed, PURPOSE_EDGE, np.arange(start, stop), part=4 * part + draw)


def row_gammas(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the odd increment of each row's own sequence, so that no two rows walk along the same one."""
    gammas: NDArray[np.uint64] = mix64(keys + GOLDEN) | np.uint64(1)
    return gammas


def lattice_side(size: int) -> int:
    """Return the neurons in one line of a square lattice of ``size``."""
    return max(1, int(np.ceil(np.sqrt(size))))


def lattice(indices: Indices, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the place (x, y) of each neuron of a population that covers the unit square, each (n,) float64."""
    side = lattice_side(size)
    lines = -(-size // side)
    return (indices % side + 0.5) / side, (indices // side + 0.5) / lines
