"""Where do synapses wait for their step, so that they are then found one behind the other?

A row lies anywhere in a graph that is larger than any cache, a group of it is a few lines, and when its step comes all
of that is forgotten again. But when a spike is launched its row can be read from end to end, which memory does at its
full speed. So groups are copied then, as pairs of target and weight code, each to the *bin* of its step, block and
receptor; and delivery reads bins as streams, which do not even tell where a group ends.

A bin is a chain of *chunks*. Memory is limited: what finds no room, groups longer than a chunk, and the very last ones
of all wait in the row, with a cursor (`neurograph.cursors`). It does not matter which: inputs are sums of integers.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.cursors import NONE
from neurograph_storage.jit import part, prefetch_to_write
from neurograph_storage.lanes import BEYOND, LANES, pairs_of_bytes, pairs_of_shared, pairs_of_words
from neurograph_storage.sizes import MIB
from neurograph_storage.stream import BYTES, SHARED, group_words

Pairs = NDArray[np.int32]
Words = NDArray[np.uint16]
Halves = NDArray[np.int8]

_FREE, _FRESH = 0, 1
# Pairs of a chunk. Nearly every bin has one that is not full: large ones only where there are few bins.
_SMALL_CHUNK, _LARGE_CHUNK, _FEW_BINS = 2**8, 2**10, 2**13
_PAIR_BYTES, _CHUNK_BYTES = 4, 8
# Copies may take as much, or this part of what all rows take.
_LEAST_BYTES, _PART = 32 * MIB, 8


class Copies(NamedTuple):
    """Copied groups onto one worker's blocks.

    Attributes
    ----------
    pairs : (chunks * size,) int32
        As in `neurograph_storage.lanes`.
    size : int
        Pairs of a chunk.
    filled : (chunks,) int32
        Pairs in a chunk.
    chain : (chunks,) int32
        The next chunk of the same bin, or of the free list.
    bins : (slots * blocks * receptors,) int32
        First chunk of each bin.
    blocks : int
    receptors : int
        0 if there is no room for anything.
    counters : (2,) int64
        First chunk that is free again; chunks that were ever used.
    """

    pairs: Pairs
    size: int
    filled: NDArray[np.int32]
    chain: NDArray[np.int32]
    bins: NDArray[np.int32]
    blocks: int
    receptors: int
    counters: NDArray[np.int64]

    @staticmethod
    def make(slots: int, blocks: int, receptors: int, nbytes: int) -> "Copies":
        """Return a calendar of ``slots`` steps, with room for ``nbytes``; memory is taken when it is first used."""
        size = _LARGE_CHUNK if slots * blocks * receptors <= _FEW_BINS else _SMALL_CHUNK
        chunks = nbytes // (_PAIR_BYTES * size + _CHUNK_BYTES)
        if chunks == 0:
            receptors = 0
        bins = np.full(slots * blocks * receptors, NONE, np.int32)
        pairs, filled, chain = np.empty(chunks * size, np.int32), np.empty(chunks, np.int32), np.empty(chunks, np.int32)
        return Copies(pairs, size, filled, chain, bins, blocks, receptors, np.array([NONE, 0], np.int64))

    @property
    def used_bytes(self) -> int:
        """Bytes that ever held groups."""
        return _PAIR_BYTES * self.size * int(self.counters[_FRESH])


def room_for_copies(row_bytes: int) -> int:
    """Return how many bytes copies may take, where memory has no other use, of rows that take ``row_bytes``."""
    return max(_LEAST_BYTES, row_bytes // _PART)


@part
def bin_of(copies: Copies, slot: int, block: int, receptor: int) -> Any:
    """Return the position of a bin."""
    # Unsigned, since numba lets negative indices count from the end, which costs at every group.
    return np.uint64((slot * copies.blocks + block) * copies.receptors + receptor)


@part
def _open(copies: Copies, place: Any) -> Any:
    """Begin a new chunk of a bin and return it, or `NONE`."""
    counters, chunk = copies.counters, np.int64(copies.counters[_FREE])
    if chunk != NONE:
        counters[_FREE] = copies.chain[chunk]
    elif counters[_FRESH] < len(copies.chain):
        chunk = counters[_FRESH]
        counters[_FRESH] += 1
    else:
        return NONE
    copies.chain[chunk], copies.filled[chunk] = copies.bins[place], 0
    copies.bins[place] = chunk
    return chunk


@part
def _write_pairs(pairs: Pairs, to: Any, words: Words, halves: Halves, at: int, count: int, kind: int) -> None:
    """Write the pairs of a group, and whatever else is in the last lanes."""
    body = at + 2
    if kind == SHARED:
        code = np.int64(np.int16(words[body]))
        for k in range(0, count, LANES):
            pairs_of_shared(pairs, to + k, words, body + 1 + k, code)
    elif kind == BYTES:
        for k in range(0, count, LANES):
            pairs_of_bytes(pairs, to + k, words, body + k, halves, 2 * (body + count) + k)
    else:
        for k in range(0, count, LANES):
            pairs_of_words(pairs, to + k, words, body + 2 * k)


@part
def copy_group(copies: Copies, place: Any, words: Words, halves: Halves, at: int, count: int, kind: int) -> bool:
    """Copy the group at ``at`` to a bin; return whether there was room, also for reading whole lanes."""
    whole = (count + LANES - 1) & -LANES
    if at + group_words(count, kind) + BEYOND > len(words):
        return False
    chunk = np.int64(copies.bins[place])
    filled = np.int64(copies.filled[np.uint64(chunk)]) if chunk != NONE else copies.size
    if filled + whole > copies.size:
        if whole > copies.size:
            return False
        chunk, filled = np.int64(_open(copies, place)), 0
        if chunk == NONE:
            return False
    to = chunk * copies.size + filled
    _write_pairs(copies.pairs, to, words, halves, at, count, kind)
    copies.filled[np.uint64(chunk)] = filled + count
    # Where the bin's next group will be written.
    for line in range(to + count + LANES, to + count + LANES + whole, LANES):
        prefetch_to_write(copies.pairs, line)
    return True


@part
def give_back(copies: Copies, chunk: int) -> Any:
    """Make a chunk free again; return the one that followed it."""
    following = np.int64(copies.chain[chunk])
    copies.chain[chunk] = copies.counters[_FREE]
    copies.counters[_FREE] = chunk
    return following
