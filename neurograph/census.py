"""How is a circuit wired: how many synapses leave and reach a neuron, with which delays, from where to where?

One pass over the rows, some at a time, each checked on the way; memory is some 50 bytes a neuron. Of a circuit that is
too large to read for a picture, pieces of it that lie evenly apart are taken: then out-degrees are those of some
neurons, and in-degrees an estimate, which spreads more than the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph_storage.jit import kernel
from neurograph_storage.loading import load_rows
from neurograph_storage.ordered import in_order
from neurograph_storage.store import ROW_STARTS, CircuitStore

I64 = NDArray[np.int64]

# Words of rows that are read at most, 2 GiB, and at a time.
_MOST_WORDS, _PIECE_WORDS = 2**30, 2**20
_CELLS = 200
_SHIFT = 48


@dataclass(frozen=True, eq=False)
class Census:
    """What was counted.

    Attributes
    ----------
    rows : (n,) int64
        Storage ids of the neurons whose rows were read.
    out_degree : (n,) int64
        Synapses that leave each of them.
    in_degree : (neurons,) int64
        Synapses that reach each neuron, by storage id; an estimate if not all rows were read.
    delays : (max_delay + 1,) int64
        Synapses of the rows that were read, by delay in steps.
    adjacency : (cells, cells) float64
        Synapses for each pair of a source (first axis) and a target, the neurons being cut into cells of equal size in
        storage order; NaN where no row was read.
    """

    rows: NDArray[np.int64]
    out_degree: NDArray[np.int64]
    in_degree: NDArray[np.int64]
    delays: NDArray[np.int64]
    adjacency: NDArray[np.float64]

    @property
    def share(self) -> float:
        """Share of the rows that were read."""
        return len(self.rows) / max(1, len(self.in_degree))


def take_census(circuit: Circuit, *, most_words: int = _MOST_WORDS, jobs: int | None = None) -> Census:
    """Count all synapses, or those of about ``most_words`` words of rows (16 bits each).

    Raises
    ------
    CorruptionError
        If stored arrays are damaged.
    """
    store = circuit.store
    store.check_tables()
    neurons, cells = store.neurons, min(_CELLS, max(1, store.neurons))
    # Cell of a neuron: number * cells // neurons, without a division.
    scale = np.int64(-(-cells * 2**_SHIFT // max(1, neurons)))
    read, out_degree = np.zeros(neurons, bool), np.zeros(neurons, np.int64)
    in_degree, delays = np.zeros(neurons, np.int64), np.zeros(store.max_delay + 1, np.int64)
    adjacency = np.zeros((cells, cells), np.int64)
    batches = _batches(store, most_words)
    for (first, stop), rows in in_order(lambda batch: (batch, load_rows(store, batch)), batches, jobs, ahead=2):
        read[first:stop], out_degree[first:stop] = True, rows.lengths()
        found = rows.synapses()
        _count(first + found.row, found.target, found.delay, scale, in_degree, delays, adjacency)
    cell = (np.arange(neurons) * scale) >> _SHIFT
    size, sources = np.bincount(cell, minlength=cells), np.bincount(cell[read], minlength=cells)
    with np.errstate(invalid="ignore"):
        density = adjacency / (sources[:, None] * size[None, :])
    whole = np.flatnonzero(read)
    estimate = np.round(in_degree * (neurons / max(1, len(whole)))).astype(np.int64)
    return Census(whole, out_degree[whole], estimate, delays, density)


def _batches(store: CircuitStore, most_words: int) -> Iterator[tuple[int, int]]:
    total = int(store.arrays[ROW_STARTS][-1])
    stride = max(1, -(-total // most_words))
    # At least one piece for each cell, so that none of them stays empty.
    piece = _PIECE_WORDS if stride == 1 else max(1, min(_PIECE_WORDS, total // (_CELLS * stride)))
    return islice(store.row_batches(piece), 0, None, stride)


@kernel
def _count(source: I64, target: I64, delay: I64, scale: int, in_degree: I64, delays: I64, adjacency: I64) -> None:
    for s in range(len(target)):
        in_degree[target[s]] += 1
        delays[delay[s]] += 1
        adjacency[(source[s] * scale) >> _SHIFT, (target[s] * scale) >> _SHIFT] += 1
