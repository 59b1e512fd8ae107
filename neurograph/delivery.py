"""How do spikes reach their targets, some steps later?

Delivery by age and by target block. When a spike is launched, its row's groups onto the blocks that a worker owns are
copied to a *calendar*, to the bin of the step and block at which each is due (`neurograph.copies`), or are left where
they are with a cursor that goes from one to the next (`neurograph.cursors`). A step adds what it finds in its bins to
one vector of inputs per receptor, which stays in cache. Nothing is added ahead of time: there is no ring buffer.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.copies import Copies, bin_of, copy_group, give_back
from neurograph.cursors import NONE, Cursors, enter, take_due
from neurograph_storage.codec import RAW
from neurograph_storage.jit import kernel, lend, load64, part, prefetch
from neurograph_storage.lanes import LANES
from neurograph_storage.loading import load_plain
from neurograph_storage.stream import BYTES, SHARED, group_head, group_words, table_entry

_LINE = 32  # words in a cache line
# How many words ahead a row that is copied is asked for.
_WORDS_AHEAD = 16 * _LINE
# How many cursors before its turn a group's first lines are asked for, and how many before, the lines behind them.
_FIRST_AHEAD, _REST_AHEAD = 32, 8
# How many pairs ahead a bin is asked for.
_PAIRS_AHEAD = 4 * LANES
_ONE, _TARGET = np.uint64(1), np.uint64(0xFFFF)


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


class Calendar(NamedTuple):
    """What one worker has still to deliver; its blocks are ``first_block`` and those behind it."""

    cursors: Cursors
    copies: Copies
    first_block: int
    blocks: int

    @staticmethod
    def make(first_block: int, blocks: int, receptors: int, max_delay: int, copies: int) -> "Calendar":
        """Return an empty calendar for delays up to ``max_delay``, with ``copies`` bytes of room for groups."""
        slots = 2 ** int(max_delay).bit_length()
        copied = Copies.make(slots, blocks, receptors, copies)
        return Calendar(Cursors.make(slots, blocks), copied, first_block, blocks)


@part
def _enter_section(calendar: Calendar, graph: Graph, at: int, end: int, step: int, block: int) -> None:
    """Enter the groups of a section: copied, and from the first on that finds no room, as a cursor."""
    words, copies, mask = graph.words, calendar.copies, len(calendar.cursors.bins) - 1
    while at < end:
        delay, receptor, count, kind = group_head(words, at)
        size, place = group_words(count, kind), bin_of(copies, (step + delay) & mask, block, receptor)
        for line in range(at + _WORDS_AHEAD, at + _WORDS_AHEAD + size, _LINE):
            prefetch(words, line)
        if not copy_group(copies, place, words, graph.halves, at, count, kind):
            enter(calendar.cursors, at, end, step + delay, block)
            return
        at += size


@part
def _enter_row(calendar: Calendar, graph: Graph, step: int, row: int) -> None:
    words, start, copying = graph.words, np.int64(row), calendar.copies.receptors > 0
    sections = np.int64(words[start])
    at = start + 1 + 3 * sections
    for entry in range(start + 1, start + 1 + 3 * sections, 3):
        block, length = table_entry(words, entry)
        block -= calendar.first_block
        if 0 <= block < calendar.blocks:
            if copying:
                _enter_section(calendar, graph, at, at + length, step, block)
            else:
                enter(calendar.cursors, at, at + length, step + (np.int64(words[at]) >> 3), block)
        at += length


@part
def ask_for_row(calendar: Calendar, graph: Graph, row: int) -> None:
    """Ask for the first lines of a row's groups onto own blocks, which lie behind one another; it must be there."""
    words, start = graph.words, np.int64(row)
    sections = np.int64(words[start])
    at = start + 1 + 3 * sections
    for entry in range(start + 1, start + 1 + 3 * sections, 3):
        block, length = table_entry(words, entry)
        if block >= calendar.first_block:
            break
        at += length
    for line in range(at, at + _WORDS_AHEAD, _LINE):
        prefetch(words, line)


@kernel
def launch(calendar: Calendar, graph: Graph, step: int, row: int) -> None:
    """Launch a spike's row, as far as it reaches blocks that the worker owns; there must be room for its cursors.

    Parameters
    ----------
    row : int
        Word at which the row begins, or a part of it that is a row.
    """
    calendar, graph = lend((calendar, graph))
    _enter_row(calendar, graph, step, row)


@kernel
def launch_spikes(
    calendar: Calendar, graph: Graph, step: int, spikes: NDArray[np.uint32], silenced: NDArray[np.uint8]
) -> None:
    """Launch all spikes of a step, but those of silenced neurons; there must be room for the cursors of all.

    Memory traffic of an event: its 2 to 4 bytes are read in sequence, and 4 are written, to as many places as there are
    bins; these stay in cache until their step.

    Parameters
    ----------
    spikes : (any,) uint32
        Storage ids.
    silenced : (neurons,) uint8
    """
    calendar, graph = lend((calendar, graph))
    start, last = graph.start, len(spikes) - 1
    for k in range(len(spikes)):
        # Three steps lead to a row's groups: where it begins, its table, themselves.
        prefetch(start, np.int64(spikes[min(k + 3, last)]))
        prefetch(graph.words, np.int64(start[spikes[min(k + 2, last)]]))
        # A row of a silenced neuron need not have been checked.
        if k < last and not silenced[spikes[k + 1]]:
            ask_for_row(calendar, graph, start[spikes[k + 1]])
        if not silenced[spikes[k]]:
            _enter_row(calendar, graph, step, start[spikes[k]])


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
def _prefetch_rest(words: NDArray[np.uint16], at: int) -> None:
    """Ask for the lines behind a group's first two, which have come in by now and say how long it is.

    The head of the group that follows is among them: it says when that is due.
    """
    following = at + group_words(np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3)
    for line in range(at + 2 * _LINE, following, _LINE):
        prefetch(words, line)
    prefetch(words, following)


@part
def _deliver_rows(
    cursors: Cursors,
    graph: Graph,
    step: int,
    block: int,
    sums: NDArray[np.integer[Any]],
    neurons: int,
    due: NDArray[np.int64],
    count_due: int,
) -> int:
    """Add the groups at some cursors that are due now; return the number of events.

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
            enter(cursors, at, end, step + (np.int64(words[at]) >> 3) - delay, block)
    return events


@part
def _add_two(sums: NDArray[np.integer[Any]], base: np.uint64, pairs: np.uint64) -> None:
    """Add two pairs, which one load has brought."""
    sums[base + (pairs & _TARGET)] += np.int64(np.int32(pairs)) >> 16
    sums[base + (pairs >> np.uint64(32) & _TARGET)] += np.int64(pairs) >> 48


@part
def _deliver_copies(copies: Copies, place: np.uint64, sums: NDArray[np.integer[Any]], first: int) -> int:
    """Add all pairs of a bin, whose block's inputs begin at ``first``, and empty it; return the number of events."""
    events, pairs, chunk, base = 0, copies.pairs, np.int64(copies.bins[place]), np.uint64(first)
    copies.bins[place] = NONE
    while chunk != NONE:
        at, count = chunk * copies.size, np.int64(copies.filled[chunk])
        chunk = give_back(copies, chunk)
        for line in range(4):
            prefetch(pairs, chunk * copies.size + line * LANES)
        for k in range(at, at + (count & -4), 4):
            prefetch(pairs, k + _PAIRS_AHEAD)
            _add_two(sums, base, load64(pairs, k))
            _add_two(sums, base, load64(pairs, k + 2))
        for k in range(at + (count & -4), at + count):
            sums[base + np.uint64(pairs[k] & 0xFFFF)] += pairs[k] >> 16
        events += count
    return events


@kernel
def deliver(
    calendar: Calendar, graph: Graph, step: int, codes: NDArray[np.integer[Any]], due: NDArray[np.int64]
) -> int:
    """Add all groups due at ``step`` to ``codes``, block by block; return the number of events.

    Parameters
    ----------
    codes : (receptors, own neurons) int32 or int64
        From the first neuron of the worker's first block on.
    due : (2, at least 64) int64
        Scratch.
    """
    calendar, graph, codes, due = lend((calendar, graph, codes, due))
    cursors, copies, sums, neurons = calendar.cursors, calendar.copies, codes.reshape(-1), codes.shape[1]
    events, slot = 0, step & (len(cursors.bins) - 1)
    for block in range(calendar.blocks):
        for receptor in range(copies.receptors):
            first = receptor * neurons + block * graph.block_neurons
            events += _deliver_copies(copies, bin_of(copies, slot, block, receptor), sums, first)
        while cursors.bins[slot, block] != NONE:
            count = take_due(cursors, slot, block, due)
            events += _deliver_rows(cursors, graph, step, block, sums, neurons, due, count)
    return events
