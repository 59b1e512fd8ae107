"""How does one projection fill its part of any rows it is asked for?

One class for each kind of rule, all with the same two methods; `filler_of` chooses. Tables of weights and delays are
made once, so that filling is only drawing.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph import row_kernels as kernels
from neurograph.delays import delay_steps, delay_table
from neurograph.distributions import LinearInDistance
from neurograph.network import Projection
from neurograph.row_fillers import Degrees, DistanceFiller, RangeFiller
from neurograph.rules import EdgeRule, edge_bits
from neurograph.scales import Scales, listed_codes, receptors_of, weight_table
from neurograph.sheet import DistanceOutdegree
from neurograph_storage.errors import ArgumentError

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


class Filler(Protocol):
    """What fills a projection's part of rows; sources are counted within the source population."""

    @property
    def degrees(self) -> Degrees:
        """Function that gives the synapses of each source, (n,) int64."""

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Write each source's synapses, from ``into`` on; one integer each, see `neurograph_storage.stream.pack`."""


def filler_of(
    projection: Projection, *, part: int, seed: int, places: NDArray[np.uint32], dt: float, scales: Scales, keep: int
) -> Filler:
    """Return the filler of a projection.

    Parameters
    ----------
    part : int
        Number of the projection, which keeps its draws apart from those of others.
    places : (target size,) uint32
        Block x 2^16 + number within the block of each neuron of the target population.
    keep : int
        Blocks of out-degrees that may be remembered, see `neurograph.degrees`.
    """
    rule = projection.rule
    if isinstance(rule, EdgeRule):
        return ListedFiller(projection, rule, part=part, seed=seed, places=places, dt=dt, scales=scales)
    if isinstance(rule, DistanceOutdegree):
        return DistanceFiller(projection, rule, part=part, seed=seed, places=places, dt=dt, scales=scales)
    return RangeFiller(projection, rule, part=part, seed=seed, places=places, dt=dt, scales=scales, keep=keep)


class ListedFiller:
    """The synapses of a rule that lists them, held packed and by source."""

    def __init__(
        self,
        projection: Projection,
        rule: EdgeRule,
        *,
        part: int,
        seed: int,
        places: NDArray[np.uint32],
        dt: float,
        scales: Scales,
    ) -> None:
        source, target = projection.source, projection.target
        sources, targets = rule.edges(source.size, target.size, seed, part, projection.ends.offset)
        codes, receptor = _listed_codes(projection, len(sources), edge_bits(len(sources), seed, part, 1), scales)
        steps = _listed_steps(projection, len(sources), edge_bits(len(sources), seed, part, 2), dt)
        packed = kernels.pack_all(places[targets], steps, receptor, codes)
        self._packed = packed[np.argsort(sources, kind="stable")]
        self._first = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=source.size))]).astype(np.int64)

    def degrees(self, sources: I64) -> I64:
        """Return the listed synapses of each source."""
        return self._first[sources + 1] - self._first[sources]

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Copy."""
        del degrees
        kernels.copy_listed(packed, into, self._packed, self._first[sources], self._first[sources + 1])


def _listed_codes(projection: Projection, count: int, bits: U64, scales: Scales) -> tuple[I64, I64]:
    if isinstance(projection.weight, np.ndarray):
        _check_count(len(projection.weight), "weights", count)
        return listed_codes(projection, scales)
    codes, (positive, negative) = weight_table(projection, scales).sample(bits), receptors_of(projection)
    return codes, np.where(codes < 0, negative, positive)


def _listed_steps(projection: Projection, count: int, bits: U64, dt: float) -> I64:
    delay = projection.delay
    if isinstance(delay, np.ndarray):
        _check_count(len(delay), "delays", count)
        return delay_steps(delay, dt)
    assert not isinstance(delay, LinearInDistance)
    return delay_table(delay, dt).sample(bits)


def _check_count(found: int, what: str, count: int) -> None:
    if found != count:
        raise ArgumentError(f"{found} {what} were given for {count} synapses")
