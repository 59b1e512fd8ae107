"""How are rows read from the disk and checked on the way, and how do compressed ones come into memory?

A piece of rows is read by the granules it lies on, so each is compared with its checksum before anything else looks at
its words. `load_rows` does that for some rows, `load_plain` for a whole circuit, by threads.
"""

import threading
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.codec import RAW, decode
from neurograph_storage.errors import CorruptionError
from neurograph_storage.layout import GRANULE_BYTES
from neurograph_storage.ordered import in_order
from neurograph_storage.reading import read_granules
from neurograph_storage.rows import Rows
from neurograph_storage.store import ROW_STARTS, ROW_WORDS, CircuitStore

BATCH_WORDS = 2**21
GRANULE_WORDS = GRANULE_BYTES // 2


class StoredRows(NamedTuple):
    """Consecutive rows as they lie on disk.

    Attributes
    ----------
    starts : (rows + 1,) int64
        First word of each row, and the end.
    words : (words,) uint16
    damaged : (n,) int64
        Granules that differ from their checksums; if there are any, the words mean nothing.
    """

    starts: NDArray[np.int64]
    words: NDArray[np.uint16]
    damaged: NDArray[np.int64]


class Scratch(threading.local):
    """Memory that a thread reads into, again and again."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def of(self, size: int) -> NDArray[np.uint8]:
        """Return at least ``size`` bytes; what was there before is gone."""
        if len(self._bytes) < size:
            self._bytes = np.empty(size + size // 4, np.uint8)
        return self._bytes


_SCRATCH = Scratch()


def read_stored(store: CircuitStore, start: int, stop: int, scratch: Scratch | None = None) -> StoredRows:
    """Read and check rows ``start <= r < stop``, of which there is at least one.

    With ``scratch`` the words are valid until the same thread reads again.
    """
    starts = store.arrays[ROW_STARTS][start : stop + 1].astype(np.int64)
    first, last = int(starts[0]) // GRANULE_WORDS, -(-int(starts[-1]) // GRANULE_WORDS)
    into = None if scratch is None else scratch.of((last - first) * GRANULE_BYTES)
    data = read_granules(partial(store.chunk_path, ROW_WORDS), store.specs[ROW_WORDS], first, last, into)
    damaged = first + np.flatnonzero(granule_checksums(data) != store.checksums(ROW_WORDS)[first:last])
    words = data.view(np.uint16)[starts[0] - first * GRANULE_WORDS : starts[-1] - first * GRANULE_WORDS]
    return StoredRows(starts - starts[0], words, damaged)


def load_plain(store: CircuitStore, jobs: int | None = None) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    """Return where each row begins, (neurons + 1,) uint64, and the words of all rows, plain, in memory.

    Raises
    ------
    CorruptionError
        Names the granule and its chunk file, or the row.
    """
    starts, words = np.zeros(store.neurons + 1, np.uint64), np.empty(store.counts.plain_words, np.uint16)
    row = at = 0
    for rows in in_order(partial(load_rows, store), store.row_batches(BATCH_WORDS), jobs):
        count, length = len(rows.starts) - 1, len(rows.words)
        if at + length > len(words):
            break
        starts[row + 1 : row + count + 1] = at + rows.starts[1:]
        words[at : at + length] = rows.words
        row, at = row + count, at + length
    if (row, at) != (store.neurons, len(words)):
        raise CorruptionError(f"rows of {store.path} do not have the {len(words)} plain words that its metadata says")
    return starts, words


def load_rows(store: CircuitStore, batch: tuple[int, int]) -> Rows:
    """Read, check and make plain the rows ``batch[0] <= r < batch[1]``, of which there is at least one.

    Raises
    ------
    CorruptionError
        Names the granule and its chunk file, or the row.
    """
    return decode_stored(store, batch[0], read_stored(store, *batch, None if store.codec == RAW else _SCRATCH))


def decode_stored(store: CircuitStore, first: int, stored: StoredRows) -> Rows:
    """Return stored rows, of which the first is ``first``, as plain ones.

    Raises
    ------
    CorruptionError
        Names the granule and its chunk file, or the row.
    """
    for granule in stored.damaged.tolist():
        raise store.granule_error(ROW_WORDS, granule)
    try:
        return decode(stored.starts, stored.words, store.block_neurons, store.codec)
    except CorruptionError as error:
        raise CorruptionError(
            f"row {first + (error.row or 0)} of {store.path} is damaged: its bits say nothing"
        ) from error
