"""How does a described network become rows?

`NetworkRows` is a row source that stores nothing but the description: any range of rows is made when asked for.

1. The length of every row is known beforehand, from the rules' degrees and the listed synapses.
2. Each projection fills its part of each row, drawing from (seed, projection, source) only.
3. Rows are sorted and split into arrays (`neurograph.row_kernels`).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph import row_kernels as kernels
from neurograph.codes import Scale, choose_scale
from neurograph.distributions import discrete
from neurograph.draws import PURPOSE_ROW, DiscreteTable, stream_keys
from neurograph.network import Network, Projection
from neurograph.rules import (
    CommunityOutdegree,
    DistanceDelay,
    DistanceOutdegree,
    EdgeRule,
    FixedOutdegree,
    edge_bits,
    row_gammas,
)
from neurograph_storage import ArgumentError, DataError, Rows
from neurograph_storage.layout import MAX_DELAY_STEPS

_QUANTILES = 2**12

Scales = dict[str, list[Scale]]


def receptors_of(projection: Projection) -> tuple[int, int]:
    """Return the receptor for weights of positive and of negative sign."""
    model = type(projection.target.model)
    if projection.receptor is not None:
        number = model.receptor_number(projection.receptor)
        return number, number
    return model.receptor_of_sign(negative=False), model.receptor_of_sign(negative=True)


def network_scales(network: Network, weight_unit: float | None = None) -> Scales:
    """Return the scale of each receptor of each model, by the model's name."""
    models = {type(setup.population.model) for setup in network.setups}
    scales: Scales = {}
    for model in sorted(models, key=lambda m: m.__name__):
        into = [p for p in network.projections if type(p.target.model) is model]
        scales[model.__name__] = [
            choose_scale([p.weight for p in into if k in receptors_of(p)], weight_unit)
            for k in range(len(model.receptors))
        ]
    return scales


@dataclass(frozen=True)
class _Listed:
    """The synapses of an edge rule: packed, by source."""

    first: NDArray[np.int64]
    packed: NDArray[np.uint64]


class NetworkRows:
    """The rows of a network, by storage id; a `RowSource`.

    Parameters
    ----------
    network : Network
    seed : int
    storage : (neurons,) uint32
        Storage id of each index.
    scales : dict
        From `network_scales`.
    """

    def __init__(self, network: Network, *, seed: int, storage: NDArray[np.uint32], scales: Scales) -> None:
        self._network, self._seed, self._storage, self._scales = network, seed, storage, scales
        self._index = np.argsort(storage)
        self._listed: dict[int, _Listed] = {}
        self._tables: dict[int, tuple[DiscreteTable, DiscreteTable | None]] = {}
        self.max_delay_change = 0.0
        for part, projection in enumerate(network.projections):
            if isinstance(projection.rule, EdgeRule):
                self._listed[part] = self._list(part, projection, projection.rule)
            else:
                self._tables[part] = self._table_pair(projection)

    @property
    def neurons(self) -> int:
        """Number of rows."""
        return self._network.size

    def lengths(self) -> NDArray[np.int64]:
        """Return the synapses in each row, (neurons,) int64."""
        by_index = np.zeros(self.neurons, np.int64)
        for part, projection in enumerate(self._network.projections):
            span = slice(projection.source.first, projection.source.first + projection.source.size)
            listed = self._listed.get(part)
            by_index[span] += projection.rule.degree if listed is None else np.diff(listed.first)  # type: ignore[union-attr]
        return by_index[self._index]

    def groups_bound(self) -> int:
        """Return a number that the delay groups of all rows cannot exceed."""
        keys = 0
        for part, projection in enumerate(self._network.projections):
            table = self._tables[part][1] if part in self._tables else None
            keys += MAX_DELAY_STEPS if table is None else 2 * len(table.values)
            del projection
        return int(np.minimum(self.lengths(), keys).sum())

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``."""
        indices = self._index[start:stop]
        offsets = np.zeros(len(indices) + 1, np.int64)
        place, parts = offsets[:-1].copy(), []
        for part, projection in enumerate(self._network.projections):
            chosen = np.flatnonzero((indices >= projection.source.first) & (indices - projection.source.first < projection.source.size))
            sources = indices[chosen] - projection.source.first
            degree = self._degrees(part, projection, sources)
            parts.append((part, projection, chosen, sources, place[chosen]))
            place[chosen] += degree
        # Until now `place` counted within each row; adding the row's offset makes it a position.
        np.cumsum(place, out=offsets[1:])
        packed = np.empty(offsets[-1], np.uint64)
        for part, projection, chosen, sources, within in parts:
            self._fill(packed, part, projection, sources, offsets[chosen] + within)
        return _finish(packed, offsets)

    def _degrees(self, part: int, projection: Projection, sources: NDArray[np.int64]) -> NDArray[np.int64] | int:
        if part in self._listed:
            return np.diff(self._listed[part].first)[sources]
        degree: int = projection.rule.degree  # type: ignore[union-attr]
        return degree

    def _fill(
        self, packed: NDArray[np.uint64], part: int, projection: Projection, sources: NDArray[np.int64], place: NDArray[np.int64]
    ) -> None:
        if part in self._listed:
            listed = self._listed[part]
            kernels.copy_listed(packed, place, listed.packed, listed.first[sources], listed.first[sources + 1])
            return
        keys = stream_keys(self._seed, PURPOSE_ROW, sources, part=part)
        row = kernels.Row(place, keys, row_gammas(keys), projection.rule.degree)  # type: ignore[union-attr]
        target, rule = projection.target, projection.rule
        storage = self._storage[target.first : target.first + target.size]
        weight, delay = self._tables[part]
        receptors = receptors_of(projection)
        if isinstance(rule, DistanceOutdegree):
            self._fill_distance(packed, row, projection, rule, sources, storage, weight, receptors)
        elif isinstance(rule, FixedOutdegree | CommunityOutdegree):
            ranges = rule.target_ranges(sources, projection.source.size, target.size)
            kernels.fill_ranges(packed, row, *ranges, target.size, storage, weight, delay, receptors)

    def _fill_distance(
        self,
        packed: NDArray[np.uint64],
        row: kernels.Row,
        projection: Projection,
        rule: DistanceOutdegree,
        sources: NDArray[np.int64],
        storage: NDArray[np.uint32],
        weight: DiscreteTable,
        receptors: tuple[int, int],
    ) -> None:
        delay = projection.delay
        assert isinstance(delay, DistanceDelay)
        dt, size = self._network.dt, projection.target.size
        x, y = lattice(sources, projection.source.size)
        u = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        quantiles = special.ndtri(u) * (rule.sigma / rule.extent)
        steps = (delay.base / dt, rule.extent / delay.speed / dt)
        kernels.fill_distance(packed, row, x, y, lattice_side(size), size, quantiles, storage, weight, steps, receptors)

    def _scale(self, projection: Projection, receptor: int) -> Scale:
        return self._scales[type(projection.target.model).__name__][receptor]

    def _weight_table(self, projection: Projection) -> DiscreteTable:
        weight = projection.weight
        assert not isinstance(weight, np.ndarray)
        units = {self._scale(projection, k).unit for k in receptors_of(projection)}
        low, high = weight.bounds()
        if len(units) > 1 and low < 0 < high:
            raise ArgumentError(f"weights from {low} to {high} go to two receptors; name one with receptor=")
        receptor = receptors_of(projection)[int(low < 0)]
        return discrete(weight, self._scale(projection, receptor).unit)

    def _table_pair(self, projection: Projection) -> tuple[DiscreteTable, DiscreteTable | None]:
        weight = self._weight_table(projection)
        return weight, None if isinstance(projection.delay, DistanceDelay) else self._delay_table(projection)

    def _delay_table(self, projection: Projection) -> DiscreteTable:
        delay, dt = projection.delay, self._network.dt
        assert not isinstance(delay, np.ndarray | DistanceDelay)
        low, high = delay.bounds()
        if low == high:
            self.max_delay_change = max(self.max_delay_change, abs(round(low / dt) * dt - low))
        table = discrete(delay, dt)
        _check_steps(table.values, dt)
        return table

    def _list(self, part: int, projection: Projection, rule: EdgeRule) -> _Listed:
        source, target = projection.source, projection.target
        sources, targets = rule.edges(source.size, target.size, self._seed, part)
        codes, receptor = self._listed_codes(part, projection, len(sources))
        steps = self._listed_steps(part, projection, len(sources))
        storage = self._storage[target.first + targets].astype(np.uint64)
        packed = steps.astype(np.uint64) << np.uint64(51) | receptor.astype(np.uint64) << np.uint64(48)
        packed |= storage << np.uint64(16) | (codes.astype(np.int64) + 2**15).astype(np.uint64)
        order = np.argsort(sources, kind="stable")
        first = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=source.size))]).astype(np.int64)
        return _Listed(first, packed[order])

    def _listed_codes(
        self, part: int, projection: Projection, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        positive, negative = receptors_of(projection)
        if not isinstance(projection.weight, np.ndarray):
            codes = self._weight_table(projection).sample(edge_bits(count, self._seed, part, 1))
            return codes, np.where(codes < 0, negative, positive)
        _check_count(projection.weight, "weights", count)
        receptor = np.where(projection.weight < 0, negative, positive)
        codes = np.empty(count, np.int64)
        for k in {positive, negative}:
            codes[receptor == k] = self._scale(projection, k).encode(projection.weight[receptor == k])
        return codes, receptor

    def _listed_steps(self, part: int, projection: Projection, count: int) -> NDArray[Any]:
        delay, dt = projection.delay, self._network.dt
        if not isinstance(delay, np.ndarray):
            return self._delay_table(projection).sample(edge_bits(count, self._seed, part, 2))
        _check_count(delay, "delays", count)
        steps = np.floor(delay / dt + 0.5)
        _check_steps(steps, dt)
        if count:
            self.max_delay_change = max(self.max_delay_change, float(np.abs(steps * dt - delay).max()))
        return steps


def lattice_side(size: int) -> int:
    """Return the neurons in one line of a square lattice of ``size``."""
    return max(1, int(np.ceil(np.sqrt(size))))


def lattice(indices: NDArray[np.int64], size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the place (x, y) of each neuron of a population that covers the unit square, each (n,) float64."""
    side = lattice_side(size)
    lines = -(-size // side)
    return (indices % side + 0.5) / side, (indices // side + 0.5) / lines


def _check_count(values: NDArray[Any], what: str, count: int) -> None:
    if len(values) != count:
        raise ArgumentError(f"{len(values)} {what} were given for {count} synapses")


def _check_steps(steps: NDArray[Any], dt: float) -> None:
    if len(steps) and steps.min() < 1:
        raise DataError(f"a delay of {steps.min() * dt:g} ms is shorter than one step; the smallest allowed is {dt:g} ms")
    if len(steps) and steps.max() > MAX_DELAY_STEPS:
        raise DataError(f"a delay of {steps.max() * dt:g} ms is too long; the largest allowed is {MAX_DELAY_STEPS * dt:g} ms")


def _finish(packed: NDArray[np.uint64], offsets: NDArray[np.int64]) -> Rows:
    # NumPy's vectorised sort, called row by row, is 2.5 times as fast as a compiled loop over numba's.
    for start, stop in pairwise(offsets.tolist()):
        packed[start:stop].sort()
    counts = np.empty(len(offsets) - 1, np.int64)
    groups = kernels.count_groups(packed, offsets, counts)
    rows = Rows(
        counts,
        np.empty(groups, np.int64),
        np.empty(groups, np.uint16),
        np.empty(groups, np.uint8),
        np.empty(len(packed), np.uint32),
        np.empty(len(packed), np.int16),
    )
    kernels.unpack(packed, offsets, rows.group_lengths, rows.delay, rows.receptor, rows.target, rows.weight)
    return rows
