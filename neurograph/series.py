"""What did a run cost, from one tenth of a second to the next?

Counters are noted at most every 100 ms of wall time. When there are too many notes, every second one is dropped and the
interval doubles, so a run of any length has some thousands. Nothing is lost in between, since counters only add up.
"""

from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurograph.statistics import Counters

Note = TypeVar("Note")

INTERVAL = 0.1  # s
_MOST = 4096
NOTED = ("time_ms", "wall_s", "spikes", "synaptic_events", "bytes_read", "read_requests", "stall_s", "hits", "misses",
         "wasted_bytes", "resident_bytes")  # fmt: skip
_ADDING = NOTED[:-1]
# What earlier checkpoints do not have, in the middle.
_SINCE, _NEW = NOTED.index("hits"), 3


def thinned(notes: list[Note]) -> list[Note]:
    """Return every second note, and the last one: the end of what there is."""
    return [*notes[1:-1:2], notes[-1]]


class Series:
    """Notes of a run's counters.

    Parameters
    ----------
    notes : (n, len(NOTED)) float64, optional
        Of the run so far, when it is taken up again.
    """

    def __init__(self, notes: NDArray[np.float64] | None = None) -> None:
        noted = np.empty((0, len(NOTED))) if notes is None else notes
        if noted.shape[1] == len(NOTED) - _NEW:
            noted = np.insert(noted, [_SINCE] * _NEW, 0.0, axis=1)
        self._notes: list[tuple[float, ...]] = [tuple(note) for note in noted.tolist()]
        self._interval = INTERVAL

    def is_due(self, wall_s: float, *, last: bool = False) -> bool:
        """Return whether it is time for a note; for the last one, whether anything has been since the one before."""
        passed = wall_s - (self._notes[-1][1] if self._notes else 0.0)
        return passed > 0 if last else passed >= self._interval

    def note(self, time_ms: float, counters: Counters, resident: int) -> None:
        """Note counters, at a time later than all before; ``resident`` is what streamed rows take now, in bytes."""
        of_counters = (float(getattr(counters, name)) for name in NOTED[1:-1])
        self._notes.append((time_ms, *of_counters, float(resident)))
        if len(self._notes) > _MOST:
            self._notes = thinned(self._notes)
            self._interval *= 2

    @property
    def notes(self) -> NDArray[np.float64]:
        """All notes, (n, len(NOTED)) float64."""
        return np.array(self._notes, np.float64).reshape(-1, len(NOTED))

    def table(self) -> pa.Table:
        """Return a row for each interval: its end (``time_ms``, ``wall_s``), what it brought, and that by second."""
        notes = self.notes
        steps = np.diff(notes[:, : len(_ADDING)], axis=0, prepend=0.0)
        by_name = dict(zip(_ADDING, steps.T, strict=True))
        seconds = np.maximum(by_name["wall_s"], 1e-9)
        columns: dict[str, Any] = {
            "time_ms": notes[:, 0],
            "wall_s": notes[:, 1],
            "interval_s": by_name["wall_s"],
            "simulated_ms": by_name["time_ms"],
            **{name: by_name[name].astype(np.int64) for name in ("spikes", "synaptic_events", "bytes_read")},
            "read_requests": by_name["read_requests"].astype(np.int64),
            "stall_s": by_name["stall_s"],
            "events_per_s": by_name["synaptic_events"] / seconds,
            "bytes_per_s": by_name["bytes_read"] / seconds,
            "stall_share": by_name["stall_s"] / seconds,
            "prefetch_hits": by_name["hits"].astype(np.int64),
            "prefetch_misses": by_name["misses"].astype(np.int64),
            "wasted_bytes": by_name["wasted_bytes"].astype(np.int64),
            "resident_bytes": notes[:, -1].astype(np.int64),
        }
        return pa.table(columns)
