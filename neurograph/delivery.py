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
_AHEAD = 8  # groups; four to sixteen measured alike
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


class _Cursors(NamedTuple):
    """Cursors, and the calendar they lie in.

    Attributes
    ----------
    at, end : (capacity,) int64
        Word of the next group, and end of the section.
    base : (capacity,) int64
        Storage id of the section's first target.
    next : (capacity,) int32
        The next cursor of the same step, or of the free list.
    heads : (a power of two above the largest delay,) int32
        First cursor of each step, by the step's low bits.
    counters : (2,) int64
        First free cursor; cursors in use.
    """

    at: NDArray[np.int64]
    end: NDArray[np.int64]
    base: NDArray[np.int64]
    next: NDArray[np.int32]
    heads: NDArray[np.int32]
    counters: NDArray[np.int64]


@kernel
def _enter(cursors: _Cursors, cursor: int, step: int) -> None:
    slot = step & (len(cursors.heads) - 1)
    cursors.next[cursor] = cursors.heads[slot]
    cursors.heads[slot] = cursor


@kernel
def _launch(cursors: _Cursors, step: int, spikes: NDArray[np.uint32], graph: Graph, low: int, high: int) -> None:
    """Make a cursor for each section of each spike's row whose block is ``low <= block < high``."""
    words = graph.words
    for spike in spikes:
        start = np.int64(graph.start[spike])
        sections = np.int64(words[start])
        at = start + 1 + 3 * sections
        for section in range(sections):
            entry = start + 1 + 3 * section
            end = at + section_words(words, entry)
            if low <= words[entry] < high:
                cursor = cursors.counters[_FREE]
                cursors.counters[_FREE] = cursors.next[cursor]
                cursors.counters[_COUNT] += 1
                cursors.at[cursor], cursors.end[cursor] = at, end
                cursors.base[cursor] = np.int64(words[entry]) * graph.block_neurons
                _enter(cursors, cursor, step + (np.int64(words[at]) >> 3))
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
def _take_due(cursors: _Cursors, step: int, due: NDArray[np.int32]) -> int:
    """Empty the calendar's slot for ``step`` into ``due``; return how many cursors that are."""
    slot = step & (len(cursors.heads) - 1)
    cursor, count = cursors.heads[slot], 0
    cursors.heads[slot] = _NONE
    while cursor != _NONE:
        due[count] = cursor
        count += 1
        cursor = cursors.next[cursor]
    return count


@kernel
def _deliver(
    cursors: _Cursors, step: int, graph: Graph, codes: NDArray[np.integer[Any]], due: NDArray[np.int32]
) -> int:
    """Add all groups due at ``step``; return the number of events. ``due`` is scratch for all cursors."""
    events, words = 0, graph.words
    count_due = _take_due(cursors, step, due)
    for k in range(count_due):
        # The calendar knows what comes next, so the cache can be told: groups lie all over memory.
        if k + _AHEAD < count_due:
            prefetch(words, cursors.at[due[k + _AHEAD]])
            prefetch(words, cursors.at[due[k + _AHEAD]] + _LINE)
        cursor = np.int64(due[k])
        at, end = cursors.at[cursor], cursors.end[cursor]
        delay = np.int64(words[at]) >> 3
        while at < end and np.int64(words[at]) >> 3 == delay:
            count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
            _add_group(codes[words[at] & 7][cursors.base[cursor] :], graph, at, count, kind)
            events += count
            at += group_words(count, kind)
        if at < end:
            cursors.at[cursor] = at
            _enter(cursors, cursor, step + (np.int64(words[at]) >> 3) - delay)
        else:
            cursors.next[cursor] = cursors.counters[_FREE]
            cursors.counters[_FREE] = cursor
            cursors.counters[_COUNT] -= 1
    return events


class InFlight:
    """The spikes that one worker still has to deliver to the blocks it owns.

    Parameters
    ----------
    graph : Graph
    low, high : int
        The worker's target blocks, ``low <= block < high``.
    max_delay : int
        Largest delay of the circuit, in steps.
    """

    def __init__(self, graph: Graph, low: int, high: int, max_delay: int) -> None:
        self._graph, self._low, self._high = graph, low, high
        slots = 2 ** int(max_delay).bit_length()
        at, end, base = (np.empty(0, np.int64) for _ in range(3))
        heads, counters = np.full(slots, _NONE, np.int32), np.array([_NONE, 0], np.int64)
        self._cursors = _Cursors(at, end, base, np.empty(0, np.int32), heads, counters)
        self._due = np.empty(0, np.int32)

    def launch(self, step: int, spikes: NDArray[np.uint32]) -> None:
        """Add spikes of ``step``, (n,) uint32 storage ids."""
        self._reserve(int(self._cursors.counters[_COUNT]) + len(spikes) * (self._high - self._low))
        _launch(self._cursors, step, spikes, self._graph, self._low, self._high)

    def deliver(self, step: int, codes: NDArray[np.integer[Any]]) -> int:
        """Add what is due at ``step`` to ``codes``, (receptors, N); return the number of events."""
        return _deliver(self._cursors, step, self._graph, codes, self._due)

    def _reserve(self, needed: int) -> None:
        """Grow so that ``needed`` cursors fit; the new ones join the free list."""
        size = len(self._cursors.at)
        if needed <= size:
            return
        grown = max(needed, 2 * size, 1024)
        at, end, base = (np.resize(part, grown) for part in self._cursors[:3])
        following = np.arange(1, grown + 1, dtype=np.int32)
        following[:size] = self._cursors.next
        following[-1] = self._cursors.counters[_FREE]
        self._cursors.counters[_FREE] = size
        self._cursors = _Cursors(at, end, base, following, self._cursors.heads, self._cursors.counters)
        self._due = np.empty(grown, np.int32)
