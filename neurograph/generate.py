"""How does a described network become rows?

`NetworkRows` is a row source that stores nothing but the description: any range of rows is made when asked for.

1. The length of every row is known beforehand, from the rules' degrees and the listed synapses.
2. Each projection fills its part of each row, drawing from (seed, projection, source) only (`neurograph.fillers`).
3. Rows are sorted and encoded (`neurograph_storage.stream`).
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.degrees import BLOCK
from neurograph.fillers import Filler, filler_of
from neurograph.listed import ListedFiller
from neurograph.network import Network, Population
from neurograph.scales import Scales, digits_of
from neurograph.spill import MEMORY, RunStore
from neurograph_storage.rows import Rows
from neurograph_storage.sorting import sort_rows
from neurograph_storage.stream import encode

# Remembered out-degrees, over all projections, may take this part of the budget.
_KEEP_SHARE = 4
# Sources whose degrees are found at a time, so that what rules need for that stays small.
_SOURCES = 2**16


class NetworkRows:
    """The rows of a network, by storage id; a `neurograph_storage.rows.RowSource`.

    Parameters
    ----------
    network : Network
    seed : int
    storage : (neurons,) uint32
        Storage id of each index.
    scales : dict
        From `neurograph.scales.network_scales`.
    block_neurons : int
        Neurons in a target block, at most 65,536.
    runs : RunStore, optional
        Where listed synapses are sorted; in memory if not given.
    memory : int
        Bytes of which a part may go to remembered out-degrees.
    """

    def __init__(
        self,
        network: Network,
        *,
        seed: int,
        storage: NDArray[np.uint32],
        scales: Scales,
        block_neurons: int,
        runs: RunStore | None = None,
        memory: int = MEMORY,
    ) -> None:
        self.neurons, self._digits = network.size, digits_of(scales)
        self._index, self.block_neurons = np.argsort(storage), block_neurons
        places = storage // block_neurons << np.uint32(16) | storage % block_neurons
        self._parts: list[tuple[Population, Filler]] = []
        keep = max(1, memory // _KEEP_SHARE // (4 * BLOCK * max(1, len(network.projections))))
        runs = runs or RunStore()
        for part, projection in enumerate(network.projections):
            source, target = (slice(p.first, p.first + p.size) for p in (projection.source, projection.target))
            filler = filler_of(
                projection, part=part, seed=seed, places=places[target], order=storage[source], dt=network.dt,
                scales=scales, keep=keep, runs=runs,
            )  # fmt: skip
            self._parts.append((projection.source, filler))
        for _, filler in self._parts:
            if isinstance(filler, ListedFiller):
                filler.sort()
        self._first = np.array([source.first for source, _ in self._parts], np.int64)
        self._last = self._first + np.array([source.size for source, _ in self._parts], np.int64)

    def lengths(self) -> NDArray[np.int64]:
        """Return the synapses in each row, (neurons,) int64."""
        by_index = np.zeros(self.neurons, np.int64)
        for source, filler in self._parts:
            for start in range(0, source.size, _SOURCES):
                some = np.arange(start, min(start + _SOURCES, source.size))
                by_index[source.first + some] += filler.degrees(some)
        return by_index[self._index]

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``."""
        return Rows(*encode(*self.sorted_rows(start, stop)), self.block_neurons)

    def sorted_rows(self, start: int, stop: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the synapses of rows ``start <= r < stop`` as sorted integers, and where each row begins, and the end.

        Returns
        -------
        (synapses,) uint64, (stop - start + 1,) int64
        """
        indices = self._index[start:stop]
        lengths = np.zeros(len(indices), np.int64)
        filling = []
        for source, filler in self._touched(indices):
            chosen = np.flatnonzero((indices >= source.first) & (indices < source.first + source.size))
            sources = indices[chosen] - source.first
            degrees = filler.degrees(sources)
            filling.append((filler, chosen, sources, degrees, lengths[chosen]))
            lengths[chosen] += degrees
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        packed = np.empty(offsets[-1], np.uint64)
        for filler, chosen, sources, degrees, within in filling:
            filler.fill(packed, offsets[chosen] + within, sources, degrees)
        sort_rows(packed, offsets, self._digits)
        return packed, offsets

    def _touched(self, indices: NDArray[np.int64]) -> list[tuple[Population, Filler]]:
        """Return the projections that may have a source among ``indices``; there can be many thousands in all."""
        if len(indices) == 0:
            return []
        touched = (self._first <= indices.max()) & (self._last > indices.min())
        return [self._parts[part] for part in np.flatnonzero(touched).tolist()]
