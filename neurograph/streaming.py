"""What is made, and by whom is it owned, when the rows of a circuit do not fit in memory?

`Stream` makes the pool (`neurograph.pool`), what workers share about it, and the readers that fill it;
`neurograph.tails` says what happens then.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.delivery import Graph
from neurograph.foresight import Foresight, Prefetch
from neurograph.kept import HITS, MOVED, USED, Kept
from neurograph.pieces import Pieces
from neurograph.pool import (
    BORDERS,
    HEADS_SHARE,
    LEAST_TAILS,
    REQUEST_BYTES,
    ROW_BYTES,
    choose_depth,
    class_bounds,
    cut_segments,
    divide,
    epoch_length,
    steps_to_read,
)
from neurograph.prediction import NONE
from neurograph.segments import FREE, GONE, Segments, shrink
from neurograph.statistics import PrefetchStatistics
from neurograph.tails import COUNTERS, FREED, PLACED, REQUESTED, SENT, SPLIT, Tails, start_over
from neurograph_storage.calibration import gap_of
from neurograph_storage.codec import COMPRESSED
from neurograph_storage.errors import CorruptionError, MemoryBudgetError
from neurograph_storage.heads import Heads, head_words, read_heads
from neurograph_storage.layout import GRANULE_BYTES, ArraySpec
from neurograph_storage.libc import read_address
from neurograph_storage.loading import read_stored
from neurograph_storage.mapping import discard, given_meanwhile
from neurograph_storage.queueing import PAGE
from neurograph_storage.readers import ChunkFiles, Readers, reader_sizes
from neurograph_storage.requests import ASKED, BYTES, FIELDS, NANOSECONDS, READS, ROW, WAITING, WORDS, Fetching
from neurograph_storage.sizes import format_size
from neurograph_storage.store import ROW_STARTS, ROW_WORDS, CircuitStore


class Stream:
    """Rows that are brought from the disk while the circuit runs.

    Parameters
    ----------
    circuit : Circuit
    room : int
        Bytes for all of it.
    budget : int
        Of which ``room`` is what the state leaves, for errors.
    workers : int
    prefetch : Prefetch

    Attributes
    ----------
    graph : Graph
        Heads, and the pool.
    tails : Tails
    foresight : Foresight
    epoch_steps : int

    Raises
    ------
    CorruptionError
        If any row is damaged: all are read once.
    MemoryBudgetError
    """

    def __init__(self, circuit: Circuit, room: int, budget: int, workers: int, prefetch: Prefetch) -> None:
        self._store, self._budget = circuit.store, budget
        room -= circuit.neurons * ROW_BYTES
        workers = min(workers, -(-circuit.neurons // self._store.block_neurons))
        sizes = reader_sizes(self._store.row_bytes, room)
        self.foresight = Foresight(circuit, prefetch, room)
        slots, pool = divide(self._store, room - sizes.nbytes - self.foresight.nbytes)
        self.bounds, heads, words = self._heads(pool, steps_to_read(circuit.neurons, workers))
        first = int(heads.starts[-1])
        # Where rows are compressed each reader also needs room for a plain one.
        plain = heads.largest if self._store.codec == COMPRESSED else 0
        taken = sizes.readers(workers) * plain
        segments = cut_segments(first, len(words) - first - taken, int(heads.tails.max(initial=1)))
        self._check_room(segments, int(heads.tails.max(initial=0)))
        self.graph = Graph(heads.starts, words, words.view(np.int8), self._store.block_neurons)
        self._files = ChunkFiles([self._store.chunk_path(ROW_WORDS, k) for k in range(self._spec.chunks)])
        self.readers = Readers(workers, sizes, plain)
        self.tails = self._tails(heads, segments, slots)
        self.fetching = self._fetching_of(heads)
        self.foresight.begin(heads.tails, self.readers.into_guesses)
        self.epoch_steps = epoch_length(self._store.min_delay, self._first_delay)

    def start(self) -> None:
        """Start threads that read, where workers do not."""
        self.readers.start(self.fetching)

    def check(self) -> None:
        """Raise what is wrong with a row that could not be brought in, if there is one."""
        if self.fetching.failed[0]:
            _diagnose(self._store, int(self.tails.requests[self.fetching.failed[1] % self.tails.slots, ROW]))

    def start_over(self, step: int, *, cautious: bool) -> None:
        """Empty the pool, to go on at ``step``; ``cautious``: from then on keep and hold no whole tails.

        No worker may be running, and the spikes that are in flight must be launched again.
        """
        while self._is_reading():
            self.check()
            self.readers.wait(self.fetching)
        self.foresight.start_over(step)
        start_over(self.tails, self.epoch_steps if cautious else self._first_delay, cautious=cautious)

    def set_aside(self, nbytes: int) -> None:
        """Give back memory of the pool for something else that takes ``nbytes`` by now, as it becomes free."""
        segments = self.tails.segments
        if nbytes <= 0:
            return
        for segment in shrink(segments, -(-nbytes // (2 * segments.size))).tolist():
            at = segments.first + segment * segments.size
            discard(self.graph.words[at : at + segments.size])

    @property
    def resident_bytes(self) -> int:
        """Bytes of the pool that hold rows now."""
        segments = self.tails.segments
        used = sum(segments.used[(segments.kind != FREE) & (segments.kind != GONE)].tolist())
        return 2 * (segments.first + int(used))

    def full(self) -> MemoryBudgetError:
        """Return the error for spikes whose tails do not fit in the pool all at once, or are too many for the table."""
        slots, counters = self.tails.slots, self.tails.counters
        if counters[REQUESTED] - counters[FREED] >= slots:
            # Lines go by room.
            needed = self._budget + 2 * len(self.graph.words) + slots * REQUEST_BYTES
            return MemoryBudgetError(
                f"{slots:,} rows of spikes in flight are more than the memory budget has lines for in its table; "
                f"give at least --memory {needed // 2**20 + 1}MiB",
                needed=needed,
                budget=self._budget,
            )
        waiting = self.tails.requests[np.arange(counters[PLACED], counters[REQUESTED]) % slots, WORDS]
        missing, segments = 2 * int(waiting.sum()) + PAGE, self.tails.segments
        room = 2 * len(segments.kind) * segments.size
        needed = self._budget + missing * HEADS_SHARE // (HEADS_SHARE - 1)
        return MemoryBudgetError(
            f"the rows of the spikes in flight take {format_size(missing)} more than the "
            f"{format_size(room)} that the memory budget leaves for them; "
            f"give at least --memory {needed // 2**20 + 1}MiB",
            needed=needed,
            budget=self._budget,
        )

    def figures(self) -> dict[str, int]:
        """Return bytes and requests read, nanoseconds that readers took, bytes of rows; tails divided, hit, moved."""
        total = self.readers.total()
        names = {"bytes": BYTES, "reads": READS, "nanoseconds": NANOSECONDS, "asked": ASKED}
        kept = self.tails.kept.numbers
        counted = {"divided": self.tails.counters[SPLIT], "hits": kept[HITS], "moved": kept[MOVED]}
        return {name: int(total[k]) for name, k in names.items()} | {name: int(n) for name, n in counted.items()}

    def prefetch(self, hits: int, misses: int) -> PrefetchStatistics:
        """Return what reading ahead achieved, given how many tails were there in time, and how many were not."""
        figures = self.figures()
        unused = self.foresight.read_bytes - 2 * int(self.tails.kept.numbers[USED])
        wasted = max(0, figures["bytes"] - figures["asked"]) + unused
        return PrefetchStatistics(self.foresight.prefetch.policy, hits, misses, wasted)

    def close(self) -> None:
        """End the readers and close all files."""
        self.readers.close()
        self._files.close()

    def _is_reading(self) -> bool:
        """Return whether any read is under way."""
        state, slots, counters = self.tails.state, self.tails.slots, self.tails.counters
        first, count = int(counters[FREED]) % slots, int(counters[SENT] - counters[FREED])
        # Slices: a list of lines would take as much memory as the table itself.
        parts = state[first : min(first + count, slots)], state[: max(0, first + count - slots)]
        return any((part == WAITING).any() for part in (*parts, state[slots + self.foresight.waiting()]))

    @property
    def _first_delay(self) -> int:
        """Smallest delay that a tail may have."""
        return int(max(int(self.bounds[0]) + 1, self._store.min_delay))

    @property
    def _spec(self) -> ArraySpec:
        return self._store.specs[ROW_WORDS]

    def _heads(self, words: int, wanted: int) -> tuple[NDArray[np.int64], Heads, NDArray[np.uint16]]:
        """Return the largest delays of heads and classes, the heads, and the pool that they lie in."""
        store = self._store
        depths = np.arange(store.min_delay, min(store.max_delay, wanted + 1), dtype=np.int64)
        depth = choose_depth(head_words(store, depths), depths, words)
        pool = np.empty(max(words, 0), np.uint16)
        with given_meanwhile(pool):
            while (heads := read_heads(store, self._bounds(depth), pool)) is None and depth > 0:
                depth = depth // 2 if depth // 2 >= store.min_delay else 0
        if heads is None:
            raise self._too_small(2 * store.neurons)
        return self._bounds(depth), heads, pool

    def _bounds(self, depth: int) -> NDArray[np.int64]:
        first = max(depth + 1, self._store.min_delay)
        borders = np.unique(np.linspace(first, self._store.max_delay, BORDERS).astype(np.int64))
        return class_bounds(depth, borders, head_words(self._store, borders))

    def _check_room(self, segments: Segments, largest: int) -> None:
        words = len(segments.kind) * segments.size
        if len(segments.kind) < LEAST_TAILS:
            raise self._too_small(2 * max(1, LEAST_TAILS * largest - words))

    def _too_small(self, missing: int) -> MemoryBudgetError:
        needed = self._budget + missing * HEADS_SHARE // (HEADS_SHARE - 1)
        return MemoryBudgetError(
            f"the memory budget is {format_size(self._budget)}, which is too little to read rows of {self._store.path} "
            f"as they are needed; give at least --memory {needed // 2**20 + 1}MiB",
            needed=needed,
            budget=self._budget,
        )

    def _tails(self, heads: Heads, segments: Segments, slots: int) -> Tails:
        store, largest = self._store, int(heads.tails.max(initial=0))
        count, mean = len(segments.kind), float(heads.tails.mean()) if len(heads.tails) else 1.0
        usable = max(largest, segments.size - largest)
        lines, lazy = slots + self.foresight.lines, self.foresight.prefetch.number == NONE
        return Tails(
            1, slots, np.array([self._first_delay, 0, lazy]), self.readers.into, self.graph.words, segments,
            Kept.make(store.neurons, count, max(mean, 1.0)),
            Pieces.make(self.bounds, heads.classes.sum(axis=0, dtype=np.int64), self._first_delay), usable, heads.tails,
            self.bounds, heads.classes, np.zeros((len(self.bounds) - 1,) * 2, np.int64),
            np.zeros((lines, FIELDS), np.int64), np.zeros(lines, np.int64),
            np.zeros(COUNTERS, np.int64), np.zeros(1, np.int64),
        )  # fmt: skip

    def _fetching_of(self, heads: Heads) -> Fetching:
        store = self._store
        return Fetching(
            # A copy: whoever shortens the file must not stop the process.
            np.array(store.arrays[ROW_STARTS]), heads.sums, self._files.descriptors,
            self._spec.chunk_bytes, int(store.codec == COMPRESSED), store.block_neurons, store.max_delay,
            self._files.unit, gap_of(store.path, self._files, store.synapse_bytes),
            read_address(), self.readers.pipe, self.readers.guesses if self.foresight.lines else -1, self.tails.slots,
            self.graph.words, self.tails.requests, self.tails.state,
            np.zeros(2, np.int64), 0,
        )  # fmt: skip


def _diagnose(store: CircuitStore, row: int) -> None:
    """Raise what is wrong with a row."""
    for granule in read_stored(store, row, row + 1).damaged.tolist():
        raise store.granule_error(ROW_WORDS, granule)
    path = store.granule_path(ROW_WORDS, int(store.arrays[ROW_STARTS][row]) * 2 // GRANULE_BYTES)
    raise CorruptionError(f"row {row} of {store.path} could not be read, from {path} on", path=path)
