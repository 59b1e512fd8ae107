"""What would a run read from the disk, if it had only so much memory for rows?

Counted, not timed. Spikes come in batches of min_delay steps, as a run plans its reads. A row lies on some units of the
disk: pages of 4 KiB where rows are read as they are, granules of 64 KiB where compressed ones are read whole. Units
that are not in the pool are read, neighbours among them in one request; the pool then gives up those that were used
least recently.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.ordering.activity import Activity
from neurograph_storage.jit import kernel
from neurograph_storage.layout import GRANULE_BYTES

I64 = NDArray[np.int64]

PAGE_BYTES = 4096
UNITS = {"raw": PAGE_BYTES, "compressed": GRANULE_BYTES}
# A pool holds this part of the rows unless told otherwise.
POOL_SHARE = 8


class Reads(NamedTuple):
    """Bytes read, and in how many requests."""

    nbytes: int
    requests: int


def count_reads(activity: Activity, ends: I64, *, unit: int, pool: int, batch: int) -> Reads:
    """Return what a run with this activity reads.

    Parameters
    ----------
    activity : Activity
        With rows by their places in the order that is measured.
    ends : (neurons,) int64
        Byte at which each row ends; the first begins at 0.
    unit : int
        Bytes that are read or kept together.
    pool : int
        Bytes of rows that fit in memory.
    batch : int
        Steps whose spikes are planned together.
    """
    if len(activity) == 0:
        return Reads(0, 0)
    starts = np.concatenate([[0], ends[:-1]])
    first, last = starts // unit, np.maximum(ends - 1, starts) // unit
    units = int(last.max()) + 1
    nbytes, requests = _count(activity.step // batch, activity.row, first, last, units, max(1, pool // unit))
    return Reads(int(nbytes) * unit, int(requests))


@kernel
def _count(batch: I64, row: I64, first: I64, last: I64, units: int, room: int) -> tuple[int, int]:
    """Return units read and requests; residents form a list from the one used last, through ``older`` and ``newer``."""
    newer, older = np.full(units + 1, -1, np.int64), np.full(units + 1, -1, np.int64)
    # The entry behind the last unit is both ends of the list.
    end, residents, reads, requests = units, 0, 0, 0
    newer[end], older[end] = end, end
    low = 0
    while low < len(batch):
        high = low
        while high < len(batch) and batch[high] == batch[low]:
            high += 1
        before = np.int64(-2)
        done = np.int64(-1)
        for r in np.sort(row[low:high]):
            for u in range(max(first[r], done + 1), last[r] + 1):
                if older[u] < 0:
                    reads += 1
                    requests += before != u - 1
                    before = u
                    residents += 1
                else:
                    newer[older[u]], older[newer[u]] = newer[u], older[u]
                newer[u], older[u] = end, older[end]
                newer[older[end]], older[end] = u, u
                done = u
        while residents > room:
            u = newer[end]
            newer[end], older[newer[u]] = newer[u], end
            newer[u], older[u] = -1, -1
            residents -= 1
        low = high
    return reads, requests


def partitions_fired(activity: Activity, rows: int, steps: int) -> float:
    """Return in how many partitions something fires within so many steps, mean over those in which anything does."""
    batch = activity.step // steps
    pairs = np.unique(np.stack([batch, activity.row // rows]), axis=1)
    return float(pairs.shape[1] / max(1, len(np.unique(batch))))
