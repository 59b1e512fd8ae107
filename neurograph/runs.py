"""What is a run: synapses sorted by source, in memory or in a file?

It is a slice of a sparse matrix by rows: where each source begins, (sources + 1,) int64, then the synapses, uint64.
"""

import os
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


class Run(Protocol):
    """Synapses sorted by source."""

    def read(self, low: int, high: int) -> tuple[I64, U64]:
        """Return where each of the sources ``low`` to ``high`` begins, and the end, and their synapses from there on.

        The first begins at 0.
        """

    def degrees(self) -> I64:
        """Return the synapses of each source, (sources,) int64."""


class Gathered(NamedTuple):
    """Synapses to be sorted, each array (synapses,): source as uint32, packed as uint64."""

    source: U32
    packed: U64


class MemoryRun(NamedTuple):
    """A run in memory: where each source begins, (sources + 1,) int64, and the synapses."""

    first: I64
    packed: U64

    def read(self, low: int, high: int) -> tuple[I64, U64]:
        """See `Run`."""
        first = self.first[low : high + 1]
        return first - first[0], self.packed[first[0] : first[-1]]

    def degrees(self) -> I64:
        """See `Run`."""
        return np.diff(self.first)


class FileRun(NamedTuple):
    """A run in a file: from byte ``offset`` on, what `MemoryRun` holds in memory."""

    descriptor: int
    offset: int
    sources: int

    def read(self, low: int, high: int) -> tuple[I64, U64]:
        """See `Run`."""
        first = self._first(low, high)
        packed = np.empty(int(first[-1] - first[0]), np.uint64)
        _read_at(self.descriptor, packed, self.offset + 8 * (self.sources + 1 + int(first[0])))
        return first - first[0], packed

    def degrees(self) -> I64:
        """See `Run`."""
        return np.diff(self._first(0, self.sources))

    def _first(self, low: int, high: int) -> I64:
        first = np.empty(high - low + 1, np.int64)
        _read_at(self.descriptor, first, self.offset + 8 * low)
        return first


def copy_rows(runs: list[Run], low: int, high: int, packed: U64, into: I64) -> None:
    """Copy the synapses of sources ``low`` to ``high`` from all runs into ``packed``.

    Parameters
    ----------
    into : (high - low,) int64
        Where those of each source go.
    """
    into = into.copy()
    for run in runs:
        first, synapses = run.read(low, high)
        _copy(packed, into, synapses, first)


@kernel
def sort_run(source: U32, packed: U64, sources: int) -> tuple[I64, U64]:
    """Return a run: where each source begins, and the end, and its synapses; sorted by counting."""
    first, out = np.zeros(sources + 1, np.int64), np.empty(len(packed), np.uint64)
    for k in range(len(source)):
        first[source[k]] += 1
    end = 0
    for s in range(sources):
        end += first[s]
        first[s] = end
    first[sources] = end
    # Backwards, each source's synapses fill up to its end, which leaves every entry at the beginning.
    for k in range(len(source) - 1, -1, -1):
        first[source[k]] -= 1
        out[first[source[k]]] = packed[k]
    return first, out


@kernel
def _copy(packed: U64, into: I64, synapses: U64, first: I64) -> None:
    """Copy each source's synapses to ``into``, which moves behind them."""
    for r in range(len(into)):
        for k in range(first[r], first[r + 1]):
            packed[into[r] + k - first[r]] = synapses[k]
        into[r] += first[r + 1] - first[r]


def _read_at(descriptor: int, array: NDArray[np.generic], offset: int) -> None:
    """Fill an array from a file; the system may give less than asked for at a time."""
    rest = memoryview(array.view(np.uint8))
    while len(rest):
        got = os.preadv(descriptor, [rest], offset)
        if got == 0:
            raise OSError(f"a run ends at byte {offset}; remove the unfinished circuit and start again")
        rest, offset = rest[got:], offset + got


def write_at(descriptor: int, array: NDArray[np.generic], offset: int) -> None:
    """Write an array to a file."""
    rest = memoryview(array.view(np.uint8))
    while len(rest):
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
