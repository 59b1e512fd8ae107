"""Where do spikes in flight stand in their rows?

A *cursor* stands at the next group of a section of a row, in memory that holds the row anyway. Cursors lie in a
calendar: a *bin* for each step, by its low bits, and block. A bin is a chain of *chunks* of some cursors each, so that
what is due lies together in memory.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, part

NONE = -1
_FREE, _COUNT = 0, 1
_SMALL_CHUNK, _LARGE_CHUNK, _FEW_BINS = 8, 64, 2**13
# Where more cursors are needed, there will be a quarter more at least.
_GROWTH = 4


class Cursors(NamedTuple):
    """Cursors onto one worker's blocks.

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
    """

    at: NDArray[np.int64]
    end: NDArray[np.int64]
    filled: NDArray[np.int32]
    chain: NDArray[np.int32]
    bins: NDArray[np.int32]
    counters: NDArray[np.int64]

    @staticmethod
    def make(slots: int, blocks: int) -> "Cursors":
        """Return a calendar of ``slots`` steps, a power of two, with no chunks yet."""
        bins = np.full((slots, blocks), NONE, np.int32)
        # Nearly every bin has a chunk that is not full: large chunks only where there are few bins.
        size = _LARGE_CHUNK if bins.size <= _FEW_BINS else _SMALL_CHUNK
        at, end = np.empty((0, size), np.int64), np.empty((0, size), np.int64)
        filled, chain = np.empty(0, np.int32), np.empty(0, np.int32)
        return Cursors(at, end, filled, chain, bins, np.array([NONE, 0], np.int64))

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

    @property
    def nbytes(self) -> int:
        """Bytes of what grows with spikes in flight."""
        return sum(array.nbytes for array in (self.at, self.end, self.filled, self.chain))


@kernel
def _chunks_needed(cursors: Cursors, more: int) -> Any:
    """Return the chunks that suffice for ``more`` cursors, however they fall into bins."""
    cursors_then = cursors.counters[_COUNT] + more
    return cursors_then // cursors.at.shape[1] + min(cursors_then, cursors.bins.size) + 1


@kernel
def has_room(cursors: Cursors, more: int) -> Any:
    """Return whether ``more`` cursors can be entered."""
    return len(cursors.chain) >= _chunks_needed(cursors, more)


@part
def enter(cursors: Cursors, at: int, end: int, step: int, block: int) -> None:
    """Put a cursor into the bin of a step and block; there must be room."""
    slot = step & (len(cursors.bins) - 1)
    chunk = np.int64(cursors.bins[slot, block])
    if chunk == NONE or cursors.filled[chunk] == cursors.at.shape[1]:
        following, chunk = chunk, cursors.counters[_FREE]
        cursors.counters[_FREE] = cursors.chain[chunk]
        cursors.chain[chunk], cursors.filled[chunk] = following, 0
        cursors.bins[slot, block] = chunk
    place = cursors.filled[chunk]
    cursors.at[chunk, place], cursors.end[chunk, place] = at, end
    cursors.filled[chunk] = place + 1
    cursors.counters[_COUNT] += 1


@part
def take_due(cursors: Cursors, slot: int, block: int, due: NDArray[np.int64]) -> int:
    """Move cursors from a bin to ``due``, (2, any), as far as there is room for whole chunks; return how many."""
    chunk, count = np.int64(cursors.bins[slot, block]), 0
    while chunk != NONE and count + cursors.at.shape[1] <= due.shape[1]:
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
