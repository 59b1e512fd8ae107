"""How are listed synapses sorted by source when they are more than memory holds?

1. Synapses (`neurograph_storage.stream.pack`) are gathered with their sources until a run is full.
2. A run is sorted by counting, which makes it a slice of a sparse matrix by rows: where each source begins, then the
   synapses. A list that is one run stays in memory; others go, flushed, to one file within the unfinished circuit.
3. A manifest names every run on the disk, and how much of the list runs reach: what a killed build need not sort again.
4. The synapses of a range of sources are one piece of each run. Nothing is merged: rows are sorted later anyway.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.edges import PIECE
from neurograph_storage.jit import kernel
from neurograph_storage.publish import MANIFEST, RUNS, flush_path
from neurograph_storage.sizes import GIB

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

MEMORY = GIB
# A run has as many synapses as the budget has of these. Each takes 20 bytes (source and synapse gathered, synapse
# sorted); the rest is for pieces and for what reads them.
_RUN_BYTES = 64
# Runs that stay in memory may take this part of the budget, beside the batches of rows.
_KEPT_SHARE = 4


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


class RunStore:
    """All runs of a build, on the disk where they must be.

    Parameters
    ----------
    folder : Path, optional
        The unfinished circuit; without it everything stays in memory.
    memory : int
        Bytes that sorting may take.
    """

    def __init__(self, folder: Path | None = None, memory: int = MEMORY) -> None:
        self.run_length = max(PIECE, memory // _RUN_BYTES) if folder else 2**62
        self._kept = memory // _KEPT_SHARE if folder else 2**62
        self._folder = folder / RUNS if folder else None
        self._listed: list[dict[str, int]] = []
        self._descriptor = -1
        if self._folder and (self._folder / MANIFEST).is_file():
            self._listed = json.loads((self._folder / MANIFEST).read_text())
            self._open()

    def sort(
        self, part: int, sources: int, count: int, gathered: Callable[[int], Iterator[Gathered]]
    ) -> tuple[list[Run], I64]:
        """Return the runs of one list, and the synapses of each source, (sources,) int64.

        Parameters
        ----------
        part : int
            Number of the list.
        count : int
            Its synapses.
        gathered : function
            Yields the synapses from a given number on.
        """
        runs: list[Run] = [FileRun(self._descriptor, r["offset"], sources) for r in self._listed if r["part"] == part]
        done = max((run["end"] for run in self._listed if run["part"] == part), default=0)
        kept = not runs and self._keep(count, sources)
        degrees = np.zeros(sources, np.int64)
        for run in runs:
            degrees += run.degrees()
        for first, packed in _sorted(gathered(done), sources, min(self.run_length, count - done)):
            done += len(packed)
            degrees += np.diff(first)
            runs.append(MemoryRun(first, packed) if kept else self._write(part, done, first, packed))
            del first, packed  # before the next run is sorted
        assert done == count, f"{done} synapses came of {count}"
        return runs, degrees

    def missing_bytes(self, part: int, sources: int, count: int) -> int:
        """Return what the runs of a list that are not there yet may take on the disk."""
        done = max((run["end"] for run in self._listed if run["part"] == part), default=0)
        if count <= self.run_length and 8 * (count + sources) <= self._kept:
            return 0
        return 8 * (count - done) + 8 * (sources + 1) * -(-(count - done) // self.run_length)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _keep(self, count: int, sources: int) -> bool:
        """Say whether a list may stay in memory, which is then taken."""
        size = 8 * (count + sources + 1)
        if count > self.run_length or size > self._kept:
            return False
        self._kept -= size
        return True

    def _write(self, part: int, end: int, first: I64, packed: U64) -> Run:
        assert self._folder is not None
        if self._descriptor < 0:
            self._folder.mkdir(exist_ok=True)
            self._open()
        last = self._listed[-1] if self._listed else {"offset": 0, "bytes": 0}
        offset = last["offset"] + last["bytes"]
        for array, at in ((first, offset), (packed, offset + first.nbytes)):
            _write_at(self._descriptor, array, at)
        os.fsync(self._descriptor)
        self._listed.append({"part": part, "end": end, "offset": offset, "bytes": first.nbytes + packed.nbytes})
        new = self._folder / f"{MANIFEST}.new"
        new.write_text(json.dumps(self._listed))
        flush_path(new)
        new.replace(self._folder / MANIFEST)
        flush_path(self._folder)
        return FileRun(self._descriptor, offset, len(first) - 1)

    def _open(self) -> None:
        assert self._folder is not None
        self._descriptor = os.open(self._folder / "data", os.O_RDWR | os.O_CREAT, 0o666)


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


def _sorted(gathered: Iterator[Gathered], sources: int, length: int) -> Iterator[tuple[I64, U64]]:
    """Yield runs of ``length`` synapses, the last one shorter: where each source begins, and the synapses."""
    source, packed, fill = np.empty(length, np.uint32), np.empty(length, np.uint64), 0
    for piece in gathered:
        taken = 0
        while taken < len(piece.source):
            more = min(len(piece.source) - taken, length - fill)
            source[fill : fill + more] = piece.source[taken : taken + more]
            packed[fill : fill + more] = piece.packed[taken : taken + more]
            fill, taken = fill + more, taken + more
            if fill == length:
                yield _sort(source, packed, sources)
                fill = 0
    if fill:
        yield _sort(source[:fill], packed[:fill], sources)


@kernel
def _sort(source: U32, packed: U64, sources: int) -> tuple[I64, U64]:
    """Sort by source, by counting."""
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


def _write_at(descriptor: int, array: NDArray[np.generic], offset: int) -> None:
    rest = memoryview(array.view(np.uint8))
    while len(rest):
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
