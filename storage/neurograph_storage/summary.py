"""What must be known of all rows together: how many synapses, which delays, how much one neuron can receive?

Gathered batch by batch, by the writer while it writes and by `neurograph_storage.verify` while it checks.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.rows import Rows
from neurograph_storage.stream import group_code, group_target, group_words, section_words


@kernel
def _scan(
    words: NDArray[np.uint16], starts: NDArray[np.int64], block_neurons: int, received: NDArray[np.int64]
) -> tuple[Any, Any, Any]:
    """Add the absolute code of each synapse to its target; return (synapses, smallest delay, largest delay)."""
    synapses, low, high = 0, 2**62, 0
    for r in range(len(starts) - 1):
        sections = np.int64(words[starts[r]])
        at = starts[r] + 1 + 3 * sections
        for section in range(sections):
            entry = starts[r] + 1 + 3 * section
            first, end = np.int64(words[entry]) * block_neurons, at + section_words(words, entry)
            while at < end:
                delay = np.int64(words[at]) >> 3
                low, high = min(low, delay), max(high, delay)
                count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
                for k in range(count):
                    received[first + group_target(words, at, kind, k)] += abs(group_code(words, at, kind, count, k))
                synapses += count
                at += group_words(count, kind)
    return synapses, low, high


class RowSummary:
    """Running totals over batches of rows.

    Attributes
    ----------
    synapses : int
    received : (neurons,) int64
        Sum of the absolute codes of all synapses onto each neuron: what it receives if all sources spike at once.
    """

    def __init__(self, neurons: int) -> None:
        self.synapses = 0
        self.received = np.zeros(neurons, np.int64)
        self._low, self._high = 2**62, 0

    def add(self, rows: Rows) -> int:
        """Add a batch of sound rows and return its synapses."""
        synapses, low, high = _scan(rows.words, rows.starts, rows.block_neurons, self.received)
        self.synapses += synapses
        self._low, self._high = min(self._low, low), max(self._high, high)
        return int(synapses)

    def state(self) -> dict[str, NDArray[np.int64]]:
        """Return all totals as arrays."""
        return {"totals": np.array([self.synapses, self._low, self._high]), "received": self.received}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Go on from totals that `state` gave."""
        self.synapses, self._low, self._high = (int(value) for value in state["totals"])
        self.received = state["received"]

    @property
    def delays(self) -> tuple[int, int]:
        """Smallest and largest delay in steps; (1, 1) if there are no synapses."""
        return (self._low, self._high) if self.synapses else (1, 1)

    @property
    def input_bound(self) -> int:
        """Largest sum of absolute codes that any one neuron can receive in one step."""
        return int(self.received.max(initial=0))
