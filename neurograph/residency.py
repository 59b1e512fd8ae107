"""Which parts of a circuit that streams are in memory, as a run goes on?

Neurons are cut into at most 64 ranges in storage order. Between two batches of steps the tables of `neurograph.kept`
and `neurograph.tails` are read, and what lies in the pool of each range's rows is noted, in bytes. A pass over the
tables of a large circuit takes milliseconds, so notes are as far apart as it takes to cost at most half a per cent.
"""

import time

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurograph.segments import KEPT
from neurograph.series import thinned
from neurograph.streaming import Stream
from neurograph.tails import FREED, PLACED
from neurograph_storage.jit import kernel
from neurograph_storage.requests import KIND, ROW, WORDS

RANGES = 64
_INTERVAL, _MOST_COST = 0.1, 0.005  # s, and of wall time
_MOST = 512
COLUMNS = ("time_ms", "wall_s", "range", "resident_bytes", "row_bytes")


class Residency:
    """Notes of a run.

    Parameters
    ----------
    notes : (n, 2, 1 + ranges) float64, optional
        Of the run so far, when it is taken up again.
    """

    def __init__(self, notes: NDArray[np.float64] | None = None) -> None:
        self._notes = [] if notes is None else list(notes)
        self._interval = _INTERVAL
        self._due = 0.0

    def note(self, time_ms: float, wall_s: float, stream: Stream | None, *, last: bool = False) -> None:
        """Note what is in memory, if there is a stream and it is time for that, or for the ``last`` time."""
        if stream is None or not (last or wall_s >= self._due):
            return
        began = time.perf_counter()
        self._notes.append(np.column_stack([[time_ms, wall_s], bytes_of(stream)]))
        if len(self._notes) > _MOST:
            self._notes = thinned(self._notes)
            self._interval *= 2
        self._due = wall_s + max(self._interval, (time.perf_counter() - began) / _MOST_COST)

    @property
    def notes(self) -> NDArray[np.float64]:
        """All notes, (n, 2, 1 + ranges): time in ms, then bytes in memory; wall time in s, then bytes of all rows."""
        return np.array(self._notes, np.float64) if self._notes else np.empty((0, 2, 1))

    def table(self) -> pa.Table:
        """Return `COLUMNS`, sorted by (time, range)."""
        notes = self.notes
        count, ranges = len(notes), notes.shape[2] - 1
        values = (
            np.repeat(notes[:, 0, 0], ranges),
            np.repeat(notes[:, 1, 0], ranges),
            np.tile(np.arange(ranges, dtype=np.int64), count),
            *(notes[:, k, 1:].reshape(-1).astype(np.int64) for k in range(2)),
        )
        return pa.table(dict(zip(COLUMNS, values, strict=True)))


def bytes_of(stream: Stream) -> NDArray[np.int64]:
    """Return bytes in memory (heads, tails that are kept, tails in flight), and of all rows, (2, ranges) int64."""
    tails, rows = stream.tails, len(stream.tails.words)
    words = np.zeros((2, range_count(rows)), np.int64)
    placed = np.arange(tails.counters[FREED], tails.counters[PLACED]) % tails.slots
    requests = tails.requests[placed]
    in_flight = requests[requests[:, KIND] != KEPT]
    _add_rows(stream.graph.start, tails.words, tails.kept.at, words)
    np.add.at(words[0], in_flight[:, ROW] * words.shape[1] // rows, in_flight[:, WORDS])
    return 2 * words


def range_count(neurons: int) -> int:
    """Return how many ranges there are of so many neurons."""
    return min(RANGES, neurons)


@kernel
def _add_rows(
    starts: NDArray[np.int64], tails: NDArray[np.uint32], kept: NDArray[np.int64], words: NDArray[np.int64]
) -> None:
    """Add up each range; row r belongs to range r * ranges // rows."""
    rows, ranges = len(tails), words.shape[1]
    for k in range(ranges):
        first, stop = -(-k * rows // ranges), -(-(k + 1) * rows // ranges)
        heads = np.int64(starts[stop]) - np.int64(starts[first])
        there, everything = heads, heads
        for row in range(first, stop):
            everything += np.int64(tails[row])
            there += np.int64(tails[row]) * (kept[row] >= 0)
        words[0, k] += there
        words[1, k] += everything
