"""How does a row rule fill its part of any rows it is asked for?

Tables of weights and delays are made once, so that filling is only drawing.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph import row_kernels as kernels
from neurograph.degrees import BinomialDegrees, TotalDegrees
from neurograph.delays import check_delays, delay_table
from neurograph.distributions import Constant, Distribution, LinearInDistance, discrete
from neurograph.draws import PURPOSE_ROW, row_gammas, stream_keys
from neurograph.edges import ListedValues
from neurograph.network import Projection
from neurograph.row_rules import AllToAll, Bernoulli, FixedTotal, RangeRule, candidates
from neurograph.scales import Scales, receptors_of, weight_table, weight_unit_of
from neurograph.sheet import DistanceOutdegree, lattice, lattice_side
from neurograph.sheet_kernels import Places, Values, fill_distance

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

Degrees = Callable[[I64], I64]

_QUANTILE_BITS = 12


def _constant(degree: int, sources: I64) -> I64:
    return np.full(len(sources), degree)


class _Draws:
    """The draws of each row of a projection."""

    def __init__(self, projection: Projection, *, part: int, seed: int) -> None:
        self._seed, self._part, self._first = seed, part, projection.source.first

    def row(self, first: I64, sources: I64, degrees: I64) -> kernels.Row:
        keys = stream_keys(self._seed, PURPOSE_ROW, self._first + sources, part=self._part)
        return kernels.Row(first, keys, row_gammas(keys), degrees)


class RangeFiller:
    """Targets uniform over the candidates of a source.

    Parameters are those of `neurograph.fillers.filler_of`.
    """

    def __init__(
        self,
        projection: Projection,
        rule: RangeRule,
        *,
        part: int,
        seed: int,
        places: NDArray[np.uint32],
        dt: float,
        scales: Scales,
        keep: int,
    ) -> None:
        assert not isinstance(projection.delay, LinearInDistance | ListedValues)
        self._rule, self._ends, self._places = rule, projection.ends, places
        self._draws = _Draws(projection, part=part, seed=seed)
        self._weight, self._delay = weight_table(projection, scales), delay_table(projection.delay, dt)
        self._receptors = receptors_of(projection)
        self._distinct = isinstance(rule, AllToAll | Bernoulli) or not (isinstance(rule, FixedTotal) or rule.multapses)
        self.degrees = self._degrees(rule, part=part, seed=seed, keep=keep)

    def _degrees(self, rule: RangeRule, *, part: int, seed: int, keep: int) -> Degrees:
        if isinstance(rule, FixedTotal):
            return TotalDegrees(rule.total, self._ends.sources, seed=seed, part=part, keep=keep)
        if isinstance(rule, AllToAll):
            return self._candidates
        if isinstance(rule, Bernoulli):
            return BinomialDegrees(rule.probability, self._candidates, seed=seed, part=part)
        return partial(_constant, rule.degree)

    def _candidates(self, sources: I64) -> I64:
        return candidates(self._rule, sources, self._ends).size

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Draw targets, weights and delays."""
        kernels.fill_ranges(
            packed, self._draws.row(into, sources, degrees), candidates(self._rule, sources, self._ends),
            self._distinct, self._places, self._weight, self._delay, self._receptors,
        )  # fmt: skip


class DistanceFiller:
    """Targets around each source's place; weights and delays drawn, or by distance.

    Parameters are those of `neurograph.fillers.filler_of`.
    """

    def __init__(
        self,
        projection: Projection,
        rule: DistanceOutdegree,
        *,
        part: int,
        seed: int,
        places: NDArray[np.uint32],
        dt: float,
        scales: Scales,
    ) -> None:
        assert not isinstance(projection.weight, ListedValues)
        assert not isinstance(projection.delay, ListedValues)
        self._rule, self._ends = rule, projection.ends
        self._draws = _Draws(projection, part=part, seed=seed)
        self._receptors = receptors_of(projection)
        self._places = _places(rule, self._ends.targets, places)
        check_delays(projection.bounds(projection.delay), dt)
        self._weight = _values(projection.weight, rule, weight_unit_of(projection, scales))
        self._delay = _values(projection.delay, rule, dt)

    def degrees(self, sources: I64) -> I64:
        """Return the rule's degree for every source."""
        return _constant(self._rule.degree, sources)

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Draw displacements, weights and delays."""
        x, y = lattice(sources, self._ends.sources)
        own = np.full_like(sources, -1) if self._rule.autapses else sources + self._ends.offset
        fill_distance(
            packed, self._draws.row(into, sources, degrees), x, y, own, not self._rule.multapses,
            self._places, self._weight, self._delay, self._receptors,
        )  # fmt: skip


def _places(rule: DistanceOutdegree, size: int, storage: NDArray[np.uint32]) -> Places:
    """Return where ``size`` targets lie, for the kernel."""
    u = (np.arange(2**_QUANTILE_BITS) + 0.5) / 2**_QUANTILE_BITS
    side = lattice_side(size)
    quantiles = special.ndtri(u) * (rule.sigma / rule.extent)
    return Places(side, -(-size // side), size, quantiles, np.uint64(64 - _QUANTILE_BITS), storage)


def _values(value: Distribution | LinearInDistance, rule: DistanceOutdegree, unit: float) -> Values:
    """Return weights or delays in whole units, for the kernel."""
    if not isinstance(value, LinearInDistance):
        return Values(False, 0.0, 0.0, 0.0, 0.0, discrete(value, unit))
    low, high = value.bounds(rule.reach)
    slope = rule.extent * value.slope / unit
    return Values(True, value.base / unit, slope, low / unit, high / unit, discrete(Constant(0.0), 1.0))
