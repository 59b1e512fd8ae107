"""What are the rows of a circuit in another order?

Rows change places and targets change names; nothing else does. A `neurograph_storage.rows.RowSource`, so that the
writer of a circuit takes them as it takes those of a network.

1. The stored words of the rows asked for are gathered, wherever they lie. All granules were checked before, when the
   lengths of rows were found.
2. Every synapse becomes one integer again, with its target's new place.
3. Rows are sorted and encoded, as when they were first made.
"""

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.codec import decode
from neurograph_storage.jit import copy_words, kernel, part
from neurograph_storage.mapping import drop
from neurograph_storage.rows import Rows
from neurograph_storage.sorting import sort_rows
from neurograph_storage.store import ROW_STARTS, ROW_WORDS, CircuitStore
from neurograph_storage.stream import (
    BLOCK_BIT,
    CODE_OFFSET,
    GROUP_BIT,
    SHARED,
    TARGET_BIT,
    WORDS,
    encode,
    group_words,
    section_words,
)

I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]
_ONE = np.uint64(1)


class ReorderedRows:
    """The rows of a stored circuit in another order.

    Parameters
    ----------
    order : (neurons,) int64
        Storage id of the neuron at each new place.
    block_neurons : int
        Neurons in a target block.
    resident : int
        Bytes of the mapped circuit that may stay in memory.
    lengths : (neurons,) int64
        Synapses in each row, by storage id as it is; from `StoredWiring.lengths`, which has checked all rows.
    """

    def __init__(self, store: CircuitStore, order: I64, *, block_neurons: int, resident: int, lengths: I64) -> None:
        self.neurons, self.block_neurons = store.neurons, block_neurons
        place = np.arange(len(order), dtype=np.uint64)
        self._places = np.empty(len(order), np.uint64)
        # What a target adds to the integer of its synapse.
        self._places[order] = place // block_neurons << BLOCK_BIT | place % block_neurons << TARGET_BIT
        self._store, self._order = store, order
        self._starts, self._words = store.arrays[ROW_STARTS], store.arrays[ROW_WORDS]
        self._lengths = lengths[order]
        self._lock, self._resident, self._touched = Lock(), resident, 0

    def lengths(self) -> I64:
        """Return the synapses in each row, (neurons,) int64."""
        return self._lengths

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``."""
        old = self._order[start:stop]
        first = self._starts[old].astype(np.int64)
        size = self._starts[old + 1].astype(np.int64) - first
        starts = np.concatenate([[0], np.cumsum(size)])
        words = np.empty(int(starts[-1]), np.uint16)
        _gather(self._words, first, starts, words)
        self._forget(2 * len(words))
        plain = decode(starts, words, self._store.block_neurons, self._store.codec)
        offsets = np.concatenate([[0], np.cumsum(plain.lengths())])
        packed = np.empty(int(offsets[-1]), np.uint64)
        _pack(plain.words, plain.starts, self._store.block_neurons, self._places, packed)
        sort_rows(packed, offsets, self._store.digits)
        return Rows(*encode(packed, offsets), self.block_neurons)

    def _forget(self, nbytes: int) -> None:
        """Let the system take mapped pages back, which it counts as ours, after so many bytes."""
        with self._lock:
            # Rows are small beside the pages they lie on.
            self._touched += 4 * nbytes
            if self._touched > self._resident:
                self._touched = 0
                drop(self._words)


@kernel
def _gather(words: U16, first: I64, starts: I64, into: U16) -> None:
    for r in range(len(first)):
        copy_words(into, starts[r], words, first[r], starts[r + 1] - starts[r])


@part
def _pack_group(words: U16, at: int, count: int, kind: int, places: U64, first: int, packed: U64, s: int) -> None:
    """Write the synapses of a group, whose block begins at neuron ``first``; a loop for each kind."""
    # Unsigned, since numba lets negative indices count from the end, which costs at every synapse.
    base, to, body, n = np.uint64(first), np.uint64(s), np.uint64(at + 2), np.uint64(count)
    head = np.uint64(words[at]) << GROUP_BIT
    if kind == SHARED:
        head |= np.uint64(np.int64(np.int16(words[body])) + CODE_OFFSET)
        for k in range(n):
            packed[to + k] = places[base + np.uint64(words[body + _ONE + k])] | head
    elif kind == WORDS:
        for k in range(n):
            code = np.int64(np.int16(words[body + k + k + _ONE])) + CODE_OFFSET
            packed[to + k] = places[base + np.uint64(words[body + k + k])] | head | np.uint64(code)
    else:
        for k in range(n):
            half = words[body + n + (k >> _ONE)] >> (np.uint16(8) * np.uint16(k & _ONE))
            code = np.int64(np.int8(half & 0xFF)) + CODE_OFFSET
            packed[to + k] = places[base + np.uint64(words[body + k])] | head | np.uint64(code)


@kernel
def _pack(words: U16, starts: I64, block_neurons: int, places: U64, packed: U64) -> None:
    """Write each synapse of plain rows as an integer, with the new place of its target."""
    s = 0
    for r in range(len(starts) - 1):
        sections = np.int64(words[starts[r]])
        at = starts[r] + 1 + 3 * sections
        for section in range(sections):
            entry = starts[r] + 1 + 3 * section
            first, end = np.int64(words[entry]) * block_neurons, at + section_words(words, entry)
            while at < end:
                count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
                _pack_group(words, at, count, kind, places, first, packed, s)
                s += count
                at += group_words(count, kind)
