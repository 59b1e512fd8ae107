"""How does one projection fill its part of any rows it is asked for?

One class for each kind of rule, all with the same two methods; `filler_of` chooses. Tables of weights and delays are
made once, so that filling is only drawing.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph import row_kernels as kernels
from neurograph.degrees import TotalDegrees
from neurograph.delays import delay_table
from neurograph.draws import PURPOSE_ROW, DiscreteTable, stream_keys
from neurograph.edges import ListedValues
from neurograph.listed import ListedCoder, ListedFiller
from neurograph.network import Projection
from neurograph.rules import (
    CommunityOutdegree,
    DistanceDelay,
    DistanceOutdegree,
    EdgeRule,
    FixedOutdegree,
    FixedTotal,
    lattice,
    lattice_side,
    row_gammas,
)
from neurograph.scales import Scales, receptors_of, weight_table
from neurograph.spill import RunStore
from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import MAX_DELAY_STEPS

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

Degrees = Callable[[I64], I64]

_QUANTILES = 2**12


class Filler(Protocol):
    """What fills a projection's part of rows; sources are counted within the source population."""

    @property
    def degrees(self) -> Degrees:
        """Function that gives the synapses of each source, (n,) int64."""

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Write each source's synapses, from ``into`` on; one integer each, see `neurograph_storage.stream.pack`."""


def filler_of(
    projection: Projection,
    *,
    part: int,
    seed: int,
    places: NDArray[np.uint32],
    order: NDArray[np.uint32],
    dt: float,
    scales: Scales,
    keep: int,
    runs: RunStore,
) -> Filler:
    """Return the filler of a projection.

    Parameters
    ----------
    part : int
        Number of the projection, which keeps its draws apart from those of others.
    places : (target size,) uint32
        Block x 2^16 + number within the block of each neuron of the target population.
    order : (source size,) uint32
        Storage id of each neuron of the source population.
    keep : int
        Blocks of out-degrees that may be remembered, see `neurograph.degrees`.
    runs : RunStore
        Where listed synapses are sorted.
    """
    rule, delay = projection.rule, projection.delay
    if isinstance(rule, EdgeRule):
        coder = ListedCoder(projection, rule, part=part, seed=seed, dt=dt, scales=scales)
        return ListedFiller(coder, part=part, places=places, order=order, runs=runs)
    draws = _RowDraws(projection, part=part, seed=seed, places=places, scales=scales)
    if isinstance(rule, DistanceOutdegree):
        assert isinstance(delay, DistanceDelay)
        return DistanceFiller(draws, rule, delay, dt)
    assert not isinstance(delay, DistanceDelay | ListedValues)
    if isinstance(rule, FixedTotal):
        degrees: Degrees = TotalDegrees(rule.total, projection.source.size, seed=seed, part=part, keep=keep)
    else:
        degrees = partial(_constant, rule)
    return RangeFiller(draws, rule, degrees, delay_table(delay, dt))


def _constant(rule: FixedOutdegree | CommunityOutdegree | DistanceOutdegree, sources: I64) -> I64:
    return np.full(len(sources), rule.degree)


class _RowDraws:
    """What all row rules share: the draws of each row, the weights, the targets' storage ids."""

    def __init__(
        self, projection: Projection, *, part: int, seed: int, places: NDArray[np.uint32], scales: Scales
    ) -> None:
        self.places = places
        self.weight = weight_table(projection, scales)
        self.receptors = receptors_of(projection)
        self.source_size, self.target_size = projection.source.size, projection.target.size
        self._seed, self._part, self._first = seed, part, projection.source.first

    def row(self, first: I64, sources: I64, degrees: I64) -> kernels.Row:
        keys = stream_keys(self._seed, PURPOSE_ROW, self._first + sources, part=self._part)
        return kernels.Row(first, keys, row_gammas(keys), degrees)


class RangeFiller:
    """Targets uniform over a range, or over all but a range."""

    def __init__(
        self,
        draws: _RowDraws,
        rule: FixedOutdegree | FixedTotal | CommunityOutdegree,
        degrees: Degrees,
        delay: DiscreteTable,
    ) -> None:
        self._draws, self._rule, self._delay = draws, rule, delay
        self.degrees = degrees

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Draw targets, weights and delays."""
        d = self._draws
        low, high, inside = self._rule.target_ranges(sources, d.source_size, d.target_size)
        row = d.row(into, sources, degrees)
        kernels.fill_ranges(packed, row, low, high, inside, d.target_size, d.places, d.weight, self._delay, d.receptors)


class DistanceFiller:
    """Targets around each source's place; delays by distance."""

    def __init__(self, draws: _RowDraws, rule: DistanceOutdegree, delay: DistanceDelay, dt: float) -> None:
        self._draws, self._rule = draws, rule
        self._steps = (delay.base / dt, rule.extent / delay.speed / dt)
        u = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        self._quantiles = special.ndtri(u) * (rule.sigma / rule.extent)
        if self._steps[0] < 0.5:
            raise ArgumentError(f"DistanceDelay.base is {delay.base} ms, shorter than one step of {dt:g} ms")
        longest = int(self._steps[0] + self._steps[1]) + 1
        if longest > MAX_DELAY_STEPS:
            raise ArgumentError(f"delays could reach {longest * dt:g} ms; allowed are {MAX_DELAY_STEPS * dt:g} ms")

    def degrees(self, sources: I64) -> I64:
        """Return the rule's degree for every source."""
        return _constant(self._rule, sources)

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Draw displacements and weights."""
        d = self._draws
        x, y = lattice(sources, d.source_size)
        kernels.fill_distance(
            packed, d.row(into, sources, degrees), x, y, lattice_side(d.target_size), d.target_size,
            self._quantiles, d.places, d.weight, self._steps, d.receptors,
        )  # fmt: skip
