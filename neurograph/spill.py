"""How are listed synapses sorted by source when they are more than memory holds?

1. Synapses (`neurograph_storage.stream.pack`) are gathered with their sources until a run is full.
2. A run is sorted by counting (`neurograph.runs`). A list that is one run stays in memory; others go, flushed, to one
   file within the unfinished circuit.
3. A manifest names every run on the disk, and how much of the list runs reach: what a killed build need not sort again.
4. The synapses of a range of sources are one piece of each run. Nothing is merged: rows are sorted later anyway.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from neurograph.edges import PIECE
from neurograph.runs import I64, U64, FileRun, Gathered, MemoryRun, Run, sort_run, write_at
from neurograph_storage.publish import RUNS, RUNS_MANIFEST, appearing
from neurograph_storage.sizes import GIB

MEMORY = GIB
# A run has as many synapses as the budget has of these. Each takes 20 bytes (source and synapse gathered, synapse
# sorted); the rest is for pieces and for what reads them.
_RUN_BYTES = 64
# Runs that stay in memory may take this part of the budget, beside the batches of rows.
_KEPT_SHARE = 4


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
        if self._folder and (self._folder / RUNS_MANIFEST).is_file():
            self._listed = json.loads((self._folder / RUNS_MANIFEST).read_text())
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
        done = self._done(part)
        kept = done == 0 and self._keep(count, sources)
        degrees = np.zeros(sources, np.int64)
        for run in runs:
            degrees += run.degrees()
        missing = gathered(done) if done < count else iter(())
        for first, packed in _sorted(missing, sources, min(self.run_length, count - done)):
            done += len(packed)
            degrees += np.diff(first)
            runs.append(MemoryRun(first, packed) if kept else self._write(part, done, first, packed))
            del first, packed  # before the next run is sorted
        assert done == count, f"{done} synapses came of {count}"
        return runs, degrees

    def missing_bytes(self, lists: list[tuple[int, int, int]]) -> int:
        """Return what runs that are not there yet will take on the disk.

        Parameters
        ----------
        lists : list of (part, sources, count)
            In the order in which they will be sorted.
        """
        kept, total = self._kept, 0
        for part, sources, count in lists:
            done = self._done(part)
            if done or not self._keep(count, sources):
                total += 8 * (count - done) + 8 * (sources + 1) * -(-(count - done) // self.run_length)
        self._kept = kept
        return total

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _done(self, part: int) -> int:
        """Return how many synapses of a list are in runs on the disk."""
        return max((run["end"] for run in self._listed if run["part"] == part), default=0)

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
            write_at(self._descriptor, array, at)
        os.fsync(self._descriptor)
        self._listed.append({"part": part, "end": end, "offset": offset, "bytes": first.nbytes + packed.nbytes})
        with appearing(self._folder / RUNS_MANIFEST, durable=True) as new:
            new.write_text(json.dumps(self._listed))
        return FileRun(self._descriptor, offset, len(first) - 1)

    def _open(self) -> None:
        assert self._folder is not None
        self._descriptor = os.open(self._folder / "data", os.O_RDWR | os.O_CREAT, 0o666)


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
                yield sort_run(source, packed, sources)
                fill = 0
    if fill:
        yield sort_run(source[:fill], packed[:fill], sources)
