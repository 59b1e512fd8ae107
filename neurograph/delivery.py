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
from neurograph_storage.jit import kernel, prefetch
from neurograph_storage.loading import load_plain
from neurograph_storage.stream import BYTES, SHARED, group_words, section_words

_NONE = -1
_FREE, _COUNT = 0, 1
# How many groups before its turn a group's first lines are asked for, and how many before, the lines behind them.
_FIRST_AHEAD, _REST_AHEAD = 16, 8
_LINE = 32  # words in a cache line


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
    """Cursors of one worker's blocks, and the calendar they lie in.

    Attributes
    ----------
    at, end : (capacity,) int64
        Word of the next group, and end of the section.
    next : (capacity,) int32
        The next cursor of the same step and block, or of the free list.
    heads : (slots, blocks) int32
        First cursor of each step, by the step's low bits, and block.
    counters : (2,) int64
        First free cursor; cursors in use.
    first_block : int
    """

    at: NDArray[np.int64]
    end: NDArray[np.int64]
    next: NDArray[np.int32]
    heads: NDArray[np.int32]
    counters: NDArray[np.int64]
    first_block: int

    @staticmethod
    def make(first_block: int, blocks: int, max_delay: int) -> "Cursors":
        """Return a calendar for delays up to ``max_delay``, with no cursors yet."""
        heads = np.full((2 ** int(max_delay).bit_length(), blocks), _NONE, np.int32)
        empty = np.empty(0, np.int64)
        return Cursors(empty, empty, np.empty(0, np.int32), heads, np.array([_NONE, 0], np.int64), first_block)

    def grown(self, more: int) -> "Cursors":
        """Return the same cursors with room for at least ``more``."""
        size, used = len(self.at), int(self.counters[_COUNT])
        capacity = max(used + more, 2 * size, 1024)
        at, end = (np.resize(part, capacity) if size else np.empty(capacity, np.int64) for part in (self.at, self.end))
        following = np.arange(1, capacity + 1, dtype=np.int32)
        following[:size] = self.next
        following[-1] = self.counters[_FREE]
        self.counters[_FREE] = size
        return self._replace(at=at, end=end, next=following)


@kernel
def room(cursors: Cursors) -> int:
    """Return how many cursors are free."""
    return len(cursors.at) - cursors.counters[_COUNT]


@kernel
def _enter(cursors: Cursors, cursor: int, step: int, block: int) -> None:
    slot = step & (len(cursors.heads) - 1)
    cursors.next[cursor] = cursors.heads[slot, block]
    cursors.heads[slot, block] = cursor


@kernel
def launch(cursors: Cursors, graph: Graph, step: int, spike: int) -> None:
    """Make a cursor for each section of a spike's row onto a block that the worker owns; there must be room."""
    words, start = graph.words, np.int64(graph.start[spike])
    sections = np.int64(words[start])
    at = start + 1 + 3 * sections
    for entry in range(start + 1, start + 1 + 3 * sections, 3):
        end = at + section_words(words, entry)
        block = np.int64(words[entry]) - cursors.first_block
        if 0 <= block < cursors.heads.shape[1]:
            cursor = np.int64(cursors.counters[_FREE])
            cursors.counters[_FREE] = cursors.next[cursor]
            cursors.counters[_COUNT] += 1
            cursors.at[cursor], cursors.end[cursor] = at, end
            _enter(cursors, cursor, step + (np.int64(words[at]) >> 3), block)
        at = end


@kernel
def _add_group(into: NDArray[np.integer[Any]], graph: Graph, at: int, count: int, kind: int) -> None:
    """Add one group to ``into``, the inputs of its block.

    Memory traffic of an event: 2 to 4 bytes read in sequence, 4 or 8 read and written at random within the block.
    """
    words = graph.words
    if kind == SHARED:
        code = np.int16(words[at + 2])
        for k in range(at + 3, at + 3 + count):
            into[words[k]] += code
    elif kind == BYTES:
        body = at + 2
        first = 2 * (body + count)
        for k in range(count):
            into[words[body + k]] += graph.halves[first + k]
    else:
        for k in range(at + 2, at + 2 + 2 * count, 2):
            into[words[k]] += np.int16(words[k + 1])


@kernel
def _take_due(cursors: Cursors, slot: int, block: int, due: NDArray[np.int32]) -> int:
    """Empty one place of the calendar into ``due``; return how many cursors that are, as far as there is room."""
    cursor, count = cursors.heads[slot, block], 0
    while cursor != _NONE and count < len(due):
        due[count] = cursor
        count += 1
        cursor = cursors.next[cursor]
    cursors.heads[slot, block] = cursor
    return count


@kernel
def _prefetch_rest(words: NDArray[np.uint16], at: int) -> None:
    """Ask for the lines behind a group's first two, which have come in by now and say how long it is.

    The head of the group that follows is among them: it says when that is due.
    """
    following = at + group_words(np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3)
    for line in range(at + 2 * _LINE, following, _LINE):
        prefetch(words, line)
    prefetch(words, following)


@kernel
def _deliver_due(
    cursors: Cursors, graph: Graph, step: int, block: int, codes: NDArray[np.integer[Any]], due: NDArray[np.int32]
) -> int:
    """Add the groups of some cursors that are due now; return the number of events."""
    events, words = 0, graph.words
    for k in range(len(due)):
        # The calendar knows what comes next, so the cache can be told: groups lie all over memory.
        if k + _FIRST_AHEAD < len(due):
            prefetch(words, cursors.at[due[k + _FIRST_AHEAD]])
            prefetch(words, cursors.at[due[k + _FIRST_AHEAD]] + _LINE)
        if k + _REST_AHEAD < len(due):
            _prefetch_rest(words, cursors.at[due[k + _REST_AHEAD]])
        cursor = np.int64(due[k])
        at, end = cursors.at[cursor], cursors.end[cursor]
        delay = np.int64(words[at]) >> 3
        while at < end and np.int64(words[at]) >> 3 == delay:
            count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
            _add_group(codes[words[at] & 7][block * graph.block_neurons :], graph, at, count, kind)
            events += count
            at += group_words(count, kind)
        if at < end:
            cursors.at[cursor] = at
            _enter(cursors, cursor, step + (np.int64(words[at]) >> 3) - delay, block)
        else:
            cursors.next[cursor] = cursors.counters[_FREE]
            cursors.counters[_FREE] = cursor
            cursors.counters[_COUNT] -= 1
    return events


@kernel
def deliver(cursors: Cursors, graph: Graph, step: int, codes: NDArray[np.integer[Any]], due: NDArray[np.int32]) -> int:
    """Add all groups due at ``step`` to ``codes``, block by block; return the number of events.

    Parameters
    ----------
    codes : (receptors, own neurons) int32 or int64
        From the first neuron of the worker's first block on.
    due : (any,) int32
        Scratch.
    """
    events, slot = 0, step & (len(cursors.heads) - 1)
    for block in range(cursors.heads.shape[1]):
        while cursors.heads[slot, block] != _NONE:
            count = _take_due(cursors, slot, block, due)
            events += _deliver_due(cursors, graph, step, block, codes, due[:count])
    return events
