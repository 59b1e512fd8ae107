"""Which spikes are still under way?

Those of the last ``max_delay`` steps, but for spikes of neurons that were silenced when they fired: what a checkpoint
must keep besides the neurons, since all that is to be delivered follows from them.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from neurograph.record import SpikePart


class InFlight:
    """Keeps the spikes of the last ``max_delay`` steps."""

    def __init__(self, max_delay: int) -> None:
        self._max_delay = max_delay
        self._parts: deque[SpikePart] = deque()

    def take(self, parts: list[SpikePart], silenced: NDArray[np.uint8], now: int) -> None:
        """Add all spikes up to step ``now``, and forget those that have arrived everywhere.

        Parameters
        ----------
        silenced : (neurons,) uint8
            By storage id, as it was in these steps.
        """
        first = now - self._max_delay
        self._parts.extend(heard(part.since(first), silenced) for part in parts if len(part.storage))
        while self._parts and self._parts[0].first_step + len(self._parts[0].counts) <= first:
            self._parts.popleft()

    def since(self, first: int, now: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Return the spikes of ``first <= step < now``: where each step begins, and the end, and storage ids."""
        steps = np.concatenate([np.empty(0, np.int64), *(part.steps for part in self._parts)])
        storage = np.concatenate([np.empty(0, np.uint32), *(part.storage for part in self._parts)])
        order = np.argsort(steps, kind="stable")
        starts = np.searchsorted(steps[order], np.arange(first, now + 1))
        return starts - starts[0], storage[order][starts[0] : starts[-1]]


def heard(part: SpikePart, silenced: NDArray[np.uint8]) -> SpikePart:
    """Return the spikes of neurons that are not silenced."""
    kept = silenced[part.storage] == 0
    if kept.all():
        return part
    counts = np.bincount((part.steps - part.first_step)[kept], minlength=len(part.counts)).astype(np.int32)
    return SpikePart(part.first_step, counts, part.storage[kept])
