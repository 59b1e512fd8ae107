"""What is a batch of rows, and who can deliver one?

`Rows` is a value: consecutive rows, sorted. `RowSource` is anything that gives them on demand, be it a stored
circuit or a generator that draws them anew from a seed; both must pass `neurograph_storage.testing.RowSourceTests`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """Consecutive rows; within each, synapses are sorted by (delay, receptor, target, code).

    Attributes
    ----------
    group_counts : (rows,) int64
        Delay groups in each row.
    group_lengths : (groups,) int64
        Synapses in each group, never 0.
    delay : (groups,) uint16
        Steps.
    receptor : (groups,) uint8
    target : (synapses,) uint32
        Storage ids.
    weight : (synapses,) int16
        Codes.
    """

    group_counts: NDArray[np.int64]
    group_lengths: NDArray[np.int64]
    delay: NDArray[np.uint16]
    receptor: NDArray[np.uint8]
    target: NDArray[np.uint32]
    weight: NDArray[np.int16]

    def group_rows(self) -> NDArray[np.int64]:
        """Return the row (0 = first of the batch) of each group, (groups,) int64."""
        return np.repeat(np.arange(len(self.group_counts)), self.group_counts)

    def synapse_groups(self) -> NDArray[np.int64]:
        """Return the group (0 = first of the batch) of each synapse, (synapses,) int64."""
        return np.repeat(np.arange(len(self.group_lengths)), self.group_lengths)


class RowSource(Protocol):
    """The rows of a circuit, by storage id."""

    @property
    def neurons(self) -> int:
        """Number of rows."""

    def lengths(self) -> NDArray[np.int64]:
        """Return the synapses in each row, (neurons,) int64."""

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``; the same bytes whatever was asked before, from any thread."""
