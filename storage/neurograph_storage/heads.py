"""What is kept of rows whose tails stay on the disk?

`read_heads` goes once through all rows, in the order in which they lie, comparing checksums. It keeps the groups of
short delays, how long each tail is, and a sum of each row, so that no row that is read again need be compared with the
checksums of its granules, which are several times as long.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.cut import cut_words, heads_of, row_sums
from neurograph_storage.loading import decode_stored, read_stored
from neurograph_storage.ordered import in_order, readers_of
from neurograph_storage.store import CircuitStore

_BATCH_WORDS = 2**18
_SAMPLES = 200
# Words of a class are kept in units of so many, rounded up, in 16 bits; `MORE` where that is not enough.
UNIT, MORE = 16, 2**16 - 1


class Heads(NamedTuple):
    """The heads of all rows, and what must be known of their tails.

    Attributes
    ----------
    starts : (rows + 1,) uint64
        Where each head begins, and the end.
    tails : (rows,) uint32
        Words of each tail; 0 if there is none.
    classes : (rows, classes) uint16
        The same of each class, in units.
    sums : (rows,) uint64
        Of each row as it lies on the disk.
    largest : int
        Words of the largest row, plain.
    """

    starts: NDArray[np.uint64]
    tails: NDArray[np.uint32]
    classes: NDArray[np.uint16]
    sums: NDArray[np.uint64]
    largest: int


class _Piece(NamedTuple):
    words: NDArray[np.uint16]
    places: NDArray[np.int64]
    tails: NDArray[np.int64]
    sums: NDArray[np.uint64]
    largest: int


def head_words(store: CircuitStore, depths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return about how many words the heads of each depth, in steps, would take; from some rows, spread evenly.

    Raises
    ------
    CorruptionError
    """
    totals, rows = np.zeros(len(depths), np.int64), np.unique(np.linspace(0, store.neurons - 1, _SAMPLES, dtype=int))
    for row in rows.tolist():
        plain = decode_stored(store, row, read_stored(store, row, row + 1))
        totals += np.array([cut_words(plain.words, 0, 0, depth) for depth in depths.tolist()], np.int64)
    return totals * store.neurons // len(rows)


def read_heads(store: CircuitStore, bounds: NDArray[np.int64], pool: NDArray[np.uint16]) -> Heads | None:
    """Read all rows, and write their heads to the beginning of ``pool``; return None if that is too short.

    Parameters
    ----------
    bounds : (classes + 1,) int64
        Largest delay, in steps, of a head, and of each class of delays that tails are divided into.
    pool : (any,) uint16

    Raises
    ------
    CorruptionError
        Names the granule and its chunk file, or the row.
    """
    starts, tails = np.zeros(store.neurons + 1, np.uint64), np.zeros(store.neurons, np.uint32)
    classes = np.zeros((store.neurons, len(bounds) - 1), np.uint16)
    sums, row, at, largest = np.zeros(store.neurons, np.uint64), 0, 0, 0
    read: Callable[[tuple[int, int]], _Piece] = partial(_read, store, bounds)
    for piece in in_order(read, store.row_batches(_BATCH_WORDS), readers_of(None)):
        end, last = at + len(piece.words), row + len(piece.tails)
        if end > len(pool):
            return None
        pool[at:end], starts[row + 1 : last + 1] = piece.words, at + piece.places[1:]
        tails[row:last], sums[row:last] = piece.tails[:, 0], piece.sums
        classes[row:last] = np.minimum(-(-piece.tails[:, 1:] // UNIT), MORE)
        row, at, largest = last, end, max(largest, piece.largest)
    return Heads(starts, tails, classes, sums, largest)


def _read(store: CircuitStore, bounds: NDArray[np.int64], batch: tuple[int, int]) -> _Piece:
    stored = read_stored(store, *batch)
    rows = decode_stored(store, batch[0], stored)
    heads, places, tails = heads_of(rows.words, rows.starts, bounds)
    largest = int(np.diff(rows.starts).max())
    return _Piece(heads, places, tails, row_sums(stored.words, stored.starts), largest)
