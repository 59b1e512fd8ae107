"""How is memory divided when the rows of a circuit do not fit in it?

After state and tables, one *pool*: first the heads of all rows, then the ring of tails. Heads are as deep as fits in
half of the pool: a deeper head gives reads more time and leaves shorter tails, and the ring keeps what is read.
`Stream` makes all of it and owns the readers; `neurograph.tails` says what happens then.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.delivery import Graph
from neurograph.epoch import MAX_EPOCH
from neurograph.statistics import PrefetchStatistics
from neurograph.tails import COPIED, COUNTERS, DIVIDED, PLACED, REQUESTED, SPLIT, Tails
from neurograph_storage.codec import COMPRESSED
from neurograph_storage.errors import CorruptionError, MemoryBudgetError
from neurograph_storage.fetching import ASKED, BYTES, FIELDS, NANOSECONDS, PAGE, READS, ROW, WORDS, Fetching
from neurograph_storage.heads import Heads, head_words, read_heads
from neurograph_storage.layout import GRANULE_BYTES, ArraySpec
from neurograph_storage.libc import read_address
from neurograph_storage.loading import read_stored
from neurograph_storage.readers import ChunkFiles, Readers
from neurograph_storage.sizes import format_size
from neurograph_storage.store import ROW_STARTS, ROW_WORDS, CircuitStore

MAX_READERS = 8
# Bytes that are read at once at most, unless a row is longer.
_EXTENT_BYTES = 2**18
_HEADS_SHARE, _MAX_DEPTH = 2, 64
# What is divided gets this share of the room for tails. The rest is also a cache.
_DIVIDED_SHARE = 4
# Classes of delays that a tail is divided into when room is short, and how finely their borders are looked for.
_CLASSES, _BORDERS = 8, 64
# Of each row: where it and its head begin, its sum, the words of its tail and of its classes, its latest request.
_ROW_BYTES, _REQUEST_BYTES = 8 + 8 + 8 + 4 + 2 * _CLASSES + 8, 8 * (FIELDS + 1)
# The ring must hold the largest tail so many times, or it is no use to begin.
_LEAST_TAILS = 4
# An epoch is short enough for a read to have this many while its deadline comes nearer.
_EPOCHS_AHEAD = 4


def epoch_length(min_delay: int, first_delay: int) -> int:
    """Return the steps of an epoch, when the smallest delays of all synapses and of all tails are these.

    Examples
    --------
    >>> epoch_length(1, 8), epoch_length(15, 15), epoch_length(2, 30)
    (1, 3, 2)
    """
    return int(max(1, min(min_delay, first_delay // _EPOCHS_AHEAD, MAX_EPOCH)))


def choose_depth(heads: NDArray[np.int64], depths: NDArray[np.int64], pool_words: int) -> int:
    """Return the largest depth whose heads take at most half of the pool, or 0."""
    fitting: list[int] = depths[heads <= pool_words // _HEADS_SHARE].tolist()
    return max(fitting, default=0)


def class_bounds(depth: int, borders: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the largest delay of heads, then of each class, so that classes take about equally much.

    That is words in memory, all at once after a burst of spikes, and steps that they must stay there.

    Parameters
    ----------
    depth : int
    borders : (n,) int64
        Delays at which a class may end, rising; classes end with the last one.
    words : (n,) int64
        Of all groups up to each border.

    Examples
    --------
    >>> class_bounds(2, np.arange(3, 20), 10 * np.arange(3, 20)).tolist()
    [2, 5, 7, 9, 11, 13, 15, 17, 19]
    """
    shares = [(measure - measure[0]) / max(1, measure[-1] - measure[0]) for measure in (words, borders)]
    ends = borders[np.searchsorted(shares[0] + shares[1], 2 * np.arange(1, _CLASSES) / _CLASSES)]
    return np.unique(np.concatenate([[depth], ends, borders[-1:]]))


def least_bytes(circuit: Circuit) -> int:
    """Return the memory without which streaming is impossible, besides the state, in bytes."""
    span = _row_bytes(circuit.store) + 2 * PAGE
    return circuit.neurons * _ROW_BYTES + span + _LEAST_TAILS * _row_bytes(circuit.store)


class Stream:
    """Rows that are brought from the disk while the circuit runs.

    Parameters
    ----------
    circuit : Circuit
    room : int
        Bytes for all of it.
    budget : int
        Of which ``room`` is what the state leaves, for errors.

    Attributes
    ----------
    graph : Graph
        Heads, and the pool.
    tails : Tails
    epoch_steps : int

    Raises
    ------
    CorruptionError
        If any row is damaged: all are read once.
    MemoryBudgetError
    """

    def __init__(self, circuit: Circuit, room: int, budget: int) -> None:
        self._store, self._budget = circuit.store, budget
        room -= circuit.neurons * _ROW_BYTES
        span = -(-_row_bytes(self._store) // PAGE) * PAGE + 2 * PAGE
        threads = min(max(room // 16 // span, 1), MAX_READERS)
        scratch = max(span, min(_EXTENT_BYTES, room // (32 * threads)))
        slots, pool = _divide(self._store, room - threads * scratch)
        self.bounds, heads, words = self._heads(pool)
        # Where rows are compressed each reader also needs room for a plain one.
        plain = heads.largest if self._store.codec == COMPRESSED else 0
        first = int(heads.starts[-1])
        ring = _rings(first, len(words) - first - threads * plain)
        self._check_ring(int(ring[0, 1]), int(heads.tails.max(initial=0)))
        self.graph = Graph(heads.starts, words, words.view(np.int8), self._store.block_neurons)
        self._files = ChunkFiles([self._store.chunk_path(ROW_WORDS, k) for k in range(self._spec.chunks)])
        self._readers = Readers(threads, scratch // 2, plain)
        self.tails = self._tails(heads, ring, slots)
        self._fetching = self._fetching_of(heads, ring)
        self.epoch_steps = epoch_length(self._store.min_delay, self.tails.first_delay)

    def start(self) -> None:
        """Start the readers, if they are not there yet."""
        self._readers.start(self._fetching, partial(_diagnose, self._store, self.tails.requests))

    def check(self) -> None:
        """Raise what went wrong in a reader, if anything did."""
        self._readers.check()

    def full(self) -> MemoryBudgetError:
        """Return the error for spikes whose tails do not fit in the ring all at once."""
        slots, counters = len(self.tails.state), self.tails.counters
        waiting = self.tails.requests[np.arange(counters[PLACED], counters[REQUESTED]) % slots, WORDS]
        missing = 2 * int(waiting.sum()) + PAGE
        needed = self._budget + _DIVIDED_SHARE * missing * _HEADS_SHARE // (_HEADS_SHARE - 1)
        return MemoryBudgetError(
            f"the rows of the spikes in flight take {format_size(missing)} more than the "
            f"{format_size(2 * int(self.tails.ring[DIVIDED, 1]))} that the memory budget leaves for them; "
            f"give at least --memory {needed // 2**20 + 1}MiB",
            needed=needed,
            budget=self._budget,
        )

    def figures(self) -> dict[str, int]:
        """Return bytes and requests read, nanoseconds that readers took, bytes of rows; copies, divided tails."""
        total = self._readers.figures.sum(axis=0)
        names = {"bytes": BYTES, "reads": READS, "nanoseconds": NANOSECONDS, "asked": ASKED}
        counters = {"copied": COPIED, "divided": SPLIT}
        counted = {name: int(self.tails.counters[k]) for name, k in counters.items()}
        return {name: int(total[k]) for name, k in names.items()} | counted

    def prefetch(self, hits: int, misses: int) -> PrefetchStatistics:
        """Return what reading ahead achieved, given how many tails were there in time, and how many were not."""
        figures = self.figures()
        return PrefetchStatistics("delay", hits, misses, max(0, figures["bytes"] - figures["asked"]))

    def close(self) -> None:
        """Join the readers and close all files."""
        self._readers.close()
        self._files.close()

    @property
    def _spec(self) -> ArraySpec:
        return self._store.specs[ROW_WORDS]

    def _heads(self, words: int) -> tuple[NDArray[np.int64], Heads, NDArray[np.uint16]]:
        """Return the largest delays of heads and classes, the heads, and the pool that they lie in."""
        store = self._store
        depths = np.arange(store.min_delay, min(store.max_delay, _MAX_DEPTH + 1), dtype=np.int64)
        depth = choose_depth(head_words(store, depths), depths, words)
        pool = np.empty(max(words, 0), np.uint16)
        while (heads := read_heads(store, self._bounds(depth), pool)) is None and depth > 0:
            depth = depth // 2 if depth // 2 >= store.min_delay else 0
        if heads is None:
            raise self._too_small(2 * store.neurons)
        return self._bounds(depth), heads, pool

    def _bounds(self, depth: int) -> NDArray[np.int64]:
        first = max(depth + 1, self._store.min_delay)
        borders = np.unique(np.linspace(first, self._store.max_delay, _BORDERS).astype(np.int64))
        return class_bounds(depth, borders, head_words(self._store, borders))

    def _check_ring(self, words: int, largest: int) -> None:
        if words < _LEAST_TAILS * largest:
            raise self._too_small(2 * (_LEAST_TAILS * largest - words))

    def _too_small(self, missing: int) -> MemoryBudgetError:
        needed = self._budget + missing * _HEADS_SHARE // (_HEADS_SHARE - 1)
        return MemoryBudgetError(
            f"the memory budget is {format_size(self._budget)}, which is too little to read rows of {self._store.path} "
            f"as they are needed; give at least --memory {needed // 2**20 + 1}MiB",
            needed=needed,
            budget=self._budget,
        )

    def _tails(self, heads: Heads, ring: NDArray[np.int64], slots: int) -> Tails:
        store = self._store
        return Tails(
            1, max(int(self.bounds[0]) + 1, store.min_delay), self._readers.into, self.graph.words, ring, heads.tails,
            self.bounds, heads.classes, np.zeros(len(self.bounds) - 1, np.int64),
            np.full(store.neurons, -1, np.int64), np.zeros((slots, FIELDS), np.int64), np.zeros(slots, np.int64),
            np.zeros(COUNTERS, np.int64), np.zeros(1, np.int64),
        )  # fmt: skip

    def _fetching_of(self, heads: Heads, ring: NDArray[np.int64]) -> Fetching:
        store = self._store
        return Fetching(
            # A copy: whoever shortens the file must not stop the process.
            np.array(store.arrays[ROW_STARTS]), heads.sums, self._files.descriptors,
            self._spec.chunk_bytes, int(store.codec == COMPRESSED), store.block_neurons,
            read_address(), self._readers.pipe, self.graph.words, ring, self.tails.requests, self.tails.state,
            np.zeros(1, np.int64),
        )  # fmt: skip


def _diagnose(store: CircuitStore, requests: NDArray[np.int64], number: int) -> None:
    """Raise what is wrong with the row of a request."""
    row = int(requests[number % len(requests), ROW])
    for granule in read_stored(store, row, row + 1).damaged.tolist():
        raise store.granule_error(ROW_WORDS, granule)
    path = store.granule_path(ROW_WORDS, int(store.arrays[ROW_STARTS][row]) * 2 // GRANULE_BYTES)
    raise CorruptionError(f"row {row} of {store.path} could not be read, from {path} on", path=path)


def _rings(first: int, words: int) -> NDArray[np.int64]:
    """Return the two rings that lie in some words of the pool; see `Tails`."""
    divided = max(0, words // _DIVIDED_SHARE)
    whole = max(0, words - divided)
    return np.array([[first, whole], [first + whole, divided]], np.int64)


def _row_bytes(store: CircuitStore) -> int:
    """Return the bytes of the largest row on the disk."""
    return 2 * int(np.diff(store.arrays[ROW_STARTS]).max(initial=0))


def _divide(store: CircuitStore, room: int) -> tuple[int, int]:
    """Return how many requests there can be, a power of two, and the words of the pool."""
    mean = max(1, store.counts.plain_words // max(1, store.neurons))
    wanted, affordable = _CLASSES * room // mean, room // 4 // _REQUEST_BYTES
    slots = 2 ** max(4, min(wanted, affordable, 2**40).bit_length() - 1)
    return slots, (room - slots * _REQUEST_BYTES) // 2
