"""Which neurons are wired alike, found in a few passes over the rows and 16 bytes a neuron?

Label propagation, in which every neuron carries a short vector of random signs in place of one label:

1. A row's vector is the sum of the vectors of its source and its targets, scaled to one length.
2. A neuron's new vector is the sum of the vectors of all rows that reach it, less the mean of all neurons.
3. After a few passes neurons that hear of the same rows, and so fire together, have vectors that are nearly the same.

Sums are of integers, so they do not depend on the threads. Memory is 16 bytes a neuron, and 64 for each thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from neurograph.draws import PURPOSE_ORDER, stream_keys
from neurograph.ordering.wiring import Piece, Wiring
from neurograph_storage.jit import kernel, prefetch

Vectors = NDArray[np.int8]
Totals = NDArray[np.int32]

WIDTH = 16
# Of many targets of a row, so many tell a pass enough.
TAKEN = 32
# A row's vector has a root mean square of this; the largest is cut at 127.
_ROW_RMS = 40.0
_NEURON_RMS = 42.0


@kernel
def _spread(
    first: int,
    own: bool,
    number: int,
    taken: int,
    starts: NDArray[np.int64],
    targets: NDArray[np.uint32],
    vectors: Vectors,
    totals: Totals,
) -> None:
    """Add the vector of each row to the totals of all that it reaches; its source too, if ``own``.

    Of a row with more than ``taken`` targets every so many-th is looked at, others in each pass, which is ``number``.
    Vectors and totals lie all over memory, so what a row needs is asked for before it is used: three times as fast.
    """
    row, all_vectors, all_totals = np.empty(WIDTH, np.int32), vectors.reshape(-1), totals.reshape(-1)
    for r in range(len(starts) - 1):
        stride = max(1, (starts[r + 1] - starts[r]) // taken)
        begin = starts[r] + number % stride
        row[:] = 0
        if own:
            for q in range(WIDTH):
                row[q] = vectors[first + r, q]
        for k in range(begin, starts[r + 1], stride):
            prefetch(all_vectors, WIDTH * np.int64(targets[k]))
        for k in range(begin, starts[r + 1], stride):
            prefetch(all_totals, WIDTH * np.int64(targets[k]))
            for q in range(WIDTH):
                row[q] += vectors[targets[k], q]
        _scale(row, _ROW_RMS)
        if own:
            for q in range(WIDTH):
                totals[first + r, q] += row[q]
        for k in range(begin, starts[r + 1], stride):
            for q in range(WIDTH):
                totals[targets[k], q] += row[q]


@kernel
def _scale(row: Totals, rms: float) -> None:
    """Scale a vector to a root mean square, as far as 8 bits hold it."""
    squares = 0.0
    for q in range(WIDTH):
        squares += float(row[q]) * float(row[q])
    factor = rms / np.sqrt(squares / WIDTH) if squares > 0.0 else 0.0
    for q in range(WIDTH):
        row[q] = np.int32(max(-127.0, min(127.0, np.floor(float(row[q]) * factor + 0.5))))


@kernel
def _centred(totals: Totals, mean: NDArray[np.int64], vectors: Vectors) -> None:
    row = np.empty(WIDTH, np.int32)
    for n in range(len(totals)):
        nothing = True
        for q in range(WIDTH):
            nothing &= totals[n, q] == 0
            row[q] = totals[n, q] - mean[q]
        if nothing:
            row[:] = 0
        _scale(row, _NEURON_RMS)
        for q in range(WIDTH):
            vectors[n, q] = row[q]


def signs(neurons: int) -> Vectors:
    """Return the vectors to begin with, (neurons, 16) int8, each +1 or -1."""
    keys = stream_keys(0, PURPOSE_ORDER, np.arange(neurons))
    bits: NDArray[np.uint64] = keys[:, None] >> np.arange(WIDTH, dtype=np.uint64) & np.uint64(1)
    return (2 * bits.astype(np.int8) - 1).astype(np.int8)


def sketch(wiring: Wiring, *, passes: int, threads: int = 1, neurons: int | None = None, taken: int = TAKEN) -> Vectors:
    """Return the vector of each neuron, (neurons, 16) int8; zero for those that nothing reaches.

    Parameters
    ----------
    threads : int
        How many may add at a time, each in memory of its own.
    neurons : int, optional
        Number of targets, where sources are none of them; by default rows are the neurons' own.
    taken : int
        Targets of a row that a pass looks at: no more than twice as many.
    """
    own, count = neurons is None, wiring.neurons if neurons is None else neurons
    vectors = signs(count)
    for number in range(passes):
        totals = _Totals(count, threads)

        def add(piece: Piece, number: int = number, vectors: Vectors = vectors, totals: "_Totals" = totals) -> None:
            with totals.taken() as mine:
                _spread(piece.first, own, number, taken, piece.starts, piece.targets, vectors, mine)

        for _result in wiring.each(add):
            pass
        summed = totals.sum()
        vectors = np.empty((count, WIDTH), np.int8)
        _centred(summed, summed.sum(axis=0, dtype=np.int64) // max(1, count), vectors)
    return vectors


class _Totals:
    """Sums that several threads add to, each to its own; which one matters nothing, since they are integers."""

    def __init__(self, neurons: int, threads: int) -> None:
        self._all = [np.zeros((neurons, WIDTH), np.int32) for _ in range(threads)]
        self._free: SimpleQueue[Totals] = SimpleQueue()
        for one in self._all:
            self._free.put(one)

    @contextmanager
    def taken(self) -> Iterator[Totals]:
        one = self._free.get()
        try:
            yield one
        finally:
            self._free.put(one)

    def sum(self) -> Totals:
        first, *rest = self._all
        for other in rest:
            first += other
        return first
