"""How do spikes reach their targets, some steps later?

Delivery by age and by target block. A spike in flight has a cursor into each section of its row that a worker owns; the
cursor stands at the section's next group and lies in a calendar, at the step when that group is due. A step takes its
cursors from the calendar, adds their groups to one vector of inputs per receptor, which stays in cache, and puts
them back at the step of the group that follows. Nothing is written ahead of time, so there is no ring buffer of inputs.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph_storage.codec import RAW
from neurograph_storage.jit import kernel, lend, part, prefetch
from neurograph_storage.loading import load_plain
from neurograph_storage.stream import BYTES, SHARED, group_words, section_words

_NONE = -1
_FREE, _COUNT = 0, 1
_SMALL_CHUNK, _LARGE_CHUNK, _FEW_BINS = 8, 64, 2**13
# Where more cursors are needed, there will be a quarter more at least.
_GROWTH = 4
# How many groups before its turn a group's first lines are asked for, and how many before, the lines behind them.
_FIRST_AHEAD, _REST_AHEAD = 32, 8
_LINE = 32  # words in a cache line
_ONE = np.uint64(1)


class Graph(NamedTuple):
    """The arrays of a stored circuit that delivery reads; see docs/data-model.md."""

    start: NDArray[np.uint64]
    words: NDArray[np.uint16]
    halves: NDArray[np.int8]
    block_neurons: int

    @staticmethod
    def of(circuit: Circuit) -> "Graph":
        """Return the arrays of a circuit: mapped if its rows are raw, else read, checked and made plain."""
        store = circuit.store
        if store.codec == RAW:
            start, words = store.arrays["rows/start"], store.arrays["rows/words"]
        else:
            start, words = load_plain(store)
        return Graph(start, words, words.view(np.int8), store.block_neurons)


class Cursors(NamedTuple):
    """Cursors of one worker's blocks, in a calendar: a *bin* for each step, by its low bits, and block.

    A bin is a chain of *chunks* of some cursors each, so that what is due lies together in memory.

    Attributes
    ----------
    at, end : (chunks, size) int64
        Word of the next group, and end of the section.
    filled : (chunks,) int32
        Cursors in a chunk.
    chain : (chunks,) int32
        The next chunk of the same bin, or of the free list.
    bins : (slots, blocks) int32
        First chunk of each bin.
    counters : (2,) int64
        First free chunk; cursors in use.
    first_block : int
    """

    at: NDArray[np.int64]
    end: NDArray[np.int64]
    filled: NDArray[np.int32]
    chain: NDArray[np.int32]
    bins: NDArray[np.int32]
    counters: NDArray[np.int64]
    first_block: int

    @staticmethod
    def make(first_block: int, blocks: int, max_delay: int) -> "Cursors":
        """Return a calendar for delays up to ``max_delay``, with no chunks yet."""
        bins = np.full((2 ** int(max_delay).bit_length(), blocks), _NONE, np.int32)
        # Nearly every bin has a chunk that is not full: large chunks only where there are few bins.
        size = _LARGE_CHUNK if bins.size <= _FEW_BINS else _SMALL_CHUNK
        at, end = np.empty((0, size), np.int64), np.empty((0, size), np.int64)
        filled, chain = np.empty(0, np.int32), np.empty(0, np.int32)
        return Cursors(at, end, filled, chain, bins, np.array([_NONE, 0], np.int64), first_block)

    def grow(self, more: int) -> None:
        """Make room for at least ``more`` cursors besides those in use."""
        size = len(self.chain)
        chunks = max(_chunks_needed(self, more), size + size // _GROWTH, 64)
        for column in (self.at, self.end, self.filled, self.chain):
            # In place: for a moment, old and new side by side would be more than all that is accounted for.
            column.resize((chunks, *column.shape[1:]), refcheck=False)
        self.chain[size:] = np.arange(size + 1, chunks + 1)
        self.chain[-1] = self.counters[_FREE]
        self.counters[_FREE] = size


@kernel
def _chunks_needed(cursors: Cursors, more: int) -> int:
    """Return the chunks that suffice for ``more`` cursors, however they fall into bins."""
    cursors_then = cursors.counters[_COUNT] + more
    return cursors_then // cursors.at.shape[1] + min(cursors_then, cursors.bins.size) + 1


@kernel
def has_room(cursors: Cursors, more: int) -> bool:
    """Return whether ``more`` cursors can be launched."""
    return len(cursors.chain) >= _chunks_needed(cursors, more)


@part
def _enter(cursors: Cursors, at: int, end: int, step: int, block: int) -> None:
    """Put a cursor into the bin of a step and block."""
    slot = step & (len(cursors.bins) - 1)
    chunk = np.int64(cursors.bins[slot, block])
    if chunk == _NONE or cursors.filled[chunk] == cursors.at.shape[1]:
        following, chunk = chunk, cursors.counters[_FREE]
        cursors.counters[_FREE] = cursors.chain[chunk]
        cursors.chain[chunk], cursors.filled[chunk] = following, 0
        cursors.bins[slot, block] = chunk
    place = cursors.filled[chunk]
    cursors.at[chunk, place], cursors.end[chunk, place] = at, end
    cursors.filled[chunk] = place + 1
    cursors.counters[_COUNT] += 1


@kernel
def launch(cursors: Cursors, graph: Graph, step: int, row: int) -> None:
    """Make a cursor for each section of a spike's row onto a block that the worker owns; there must be room.

    Parameters
    ----------
    row : int
        Word at which the row begins, or a part of it that is a row.
    """
    cursors, graph = lend((cursors, graph))
    words, start = graph.words, np.int64(row)
    sections = np.int64(words[start])
    at = start + 1 + 3 * sections
    for entry in range(start + 1, start + 1 + 3 * sections, 3):
        end = at + section_words(words, entry)
        block = np.int64(words[entry]) - cursors.first_block
        if 0 <= block < cursors.bins.shape[1]:
            _enter(cursors, at, end, step + (np.int64(words[at]) >> 3), block)
        at = end


@part
def _add_group(sums: NDArray[np.integer[Any]], first: int, graph: Graph, at: int, count: int, kind: int) -> None:
    """Add one group to ``sums``, where the inputs of its receptor and block begin at ``first``.

    Memory traffic of an event: 2 to 4 bytes read in sequence, 4 or 8 read and written at random within the block.
    """
    words, base, body = graph.words, np.uint64(first), np.uint64(at + 2)
    # Unsigned, since numba lets negative indices count from the end, which costs at every event.
    if kind == SHARED:
        code = np.int16(words[body])
        for k in range(body + _ONE, body + _ONE + np.uint64(count)):
            sums[base + np.uint64(words[k])] += code
    elif kind == BYTES:
        half = np.uint64(2) * (body + np.uint64(count))
        for k in range(np.uint64(count)):
            sums[base + np.uint64(words[body + k])] += graph.halves[half + k]
    else:
        for k in range(body, body + np.uint64(2 * count), np.uint64(2)):
            sums[base + np.uint64(words[k])] += np.int16(words[k + _ONE])


@part
def _take_due(cursors: Cursors, slot: int, block: int, due: NDArray[np.int64]) -> int:
    """Move cursors from a bin to ``due``, (2, any), as far as there is room for whole chunks; return how many."""
    chunk, count = np.int64(cursors.bins[slot, block]), 0
    while chunk != _NONE and count + cursors.at.shape[1] <= due.shape[1]:
        for k in range(cursors.filled[chunk]):
            due[0, count], due[1, count] = cursors.at[chunk, k], cursors.end[chunk, k]
            count += 1
        following = np.int64(cursors.chain[chunk])
        cursors.chain[chunk] = cursors.counters[_FREE]
        cursors.counters[_FREE] = chunk
        chunk = following
    cursors.bins[slot, block] = chunk
    cursors.counters[_COUNT] -= count
    return count


@part
def _prefetch_rest(words: NDArray[np.uint16], at: int) -> None:
    """Ask for the lines behind a group's first two, which have come in by now and say how long it is.

    The head of the group that follows is among them: it says when that is due.
    """
    following = at + group_words(np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3)
    for line in range(at + 2 * _LINE, following, _LINE):
        prefetch(words, line)
    prefetch(words, following)


@part
def _deliver_due(
    cursors: Cursors,
    graph: Graph,
    step: int,
    block: int,
    sums: NDArray[np.integer[Any]],
    neurons: int,
    due: NDArray[np.int64],
    count_due: int,
) -> int:
    """Add the groups of some cursors that are due now; return the number of events.

    ``sums`` has one vector of ``neurons`` for each receptor, one behind the other: a view for each group would cost
    as much as five events.
    """
    events, words, places, ends = 0, graph.words, due[0], due[1]
    for k in range(count_due):
        # The calendar knows what comes next, so the cache can be told: groups lie all over memory.
        if k + _FIRST_AHEAD < count_due:
            prefetch(words, places[k + _FIRST_AHEAD])
            prefetch(words, min(places[k + _FIRST_AHEAD] + _LINE, ends[k + _FIRST_AHEAD] - 1))
        if k + _REST_AHEAD < count_due:
            _prefetch_rest(words, places[k + _REST_AHEAD])
        at, end = places[k], ends[k]
        delay = np.int64(words[at]) >> 3
        while at < end and np.int64(words[at]) >> 3 == delay:
            count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
            first = (np.int64(words[at]) & 7) * neurons + block * graph.block_neurons
            _add_group(sums, first, graph, at, count, kind)
            events += count
            at += group_words(count, kind)
        if at < end:
            _enter(cursors, at, end, step + (np.int64(words[at]) >> 3) - delay, block)
    return events


@kernel
def deliver(cursors: Cursors, graph: Graph, step: int, codes: NDArray[np.integer[Any]], due: NDArray[np.int64]) -> int:
    """Add all groups due at ``step`` to ``codes``, block by block; return the number of events.

    Parameters
    ----------
    codes : (receptors, own neurons) int32 or int64
        From the first neuron of the worker's first block on.
    due : (2, at least 64) int64
        Scratch.
    """
    cursors, graph, codes, due = lend((cursors, graph, codes, due))
    events, slot, sums = 0, step & (len(cursors.bins) - 1), codes.reshape(-1)
    for block in range(cursors.bins.shape[1]):
        while cursors.bins[slot, block] != _NONE:
            count = _take_due(cursors, slot, block, due)
            events += _deliver_due(cursors, graph, step, block, sums, codes.shape[1], due, count)
    return events
