"""What must be known of all rows together: how many synapses, which delays, how much one neuron can receive?

Gathered batch by batch, by the writer while it writes and by `neurograph_storage.verify` while it checks.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, part
from neurograph_storage.rows import Rows
from neurograph_storage.stream import SHARED, WORDS, group_words, section_words

_ONE = np.uint64(1)


@part
def _receive(words: NDArray[np.uint16], at: int, count: int, kind: int, received: NDArray[np.int64]) -> None:
    """Add the absolute codes of one group; a loop for each kind, since this is the greater part of a scan."""
    # Unsigned, since numba lets negative indices count from the end, which costs at every synapse.
    body, n = np.uint64(at + 2), np.uint64(count)
    if kind == SHARED:
        code = abs(np.int64(np.int16(words[body])))
        for k in range(body + _ONE, body + _ONE + n):
            received[np.uint64(words[k])] += code
    elif kind == WORDS:
        for k in range(body, body + n + n, _ONE + _ONE):
            received[np.uint64(words[k])] += abs(np.int64(np.int16(words[k + _ONE])))
    else:
        for k in range(n):
            half = words[body + n + (k >> _ONE)] >> (np.uint16(8) * np.uint16(k & _ONE))
            received[np.uint64(words[body + k])] += abs(np.int64(np.int8(half & 0xFF)))


@kernel
def _scan_section(
    words: NDArray[np.uint16], at: int, end: int, received: NDArray[np.int64], limits: NDArray[np.int64]
) -> int:
    """Add the absolute codes of a section to its block's part of ``received``; widen ``limits``; return synapses."""
    synapses = 0
    while at < end:
        delay = np.int64(words[at]) >> 3
        limits[0], limits[1] = min(limits[0], delay), max(limits[1], delay)
        count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
        _receive(words, at, count, kind, received)
        synapses += count
        at += group_words(count, kind)
    return synapses


@kernel
def _scan(
    words: NDArray[np.uint16],
    starts: NDArray[np.int64],
    block_neurons: int,
    received: NDArray[np.int64],
    limits: NDArray[np.int64],
) -> int:
    """Scan all rows, block by block, so that the sums stay in cache."""
    rows, synapses = len(starts) - 1, 0
    entry, at = np.empty(rows, np.int64), np.empty(rows, np.int64)
    for r in range(rows):
        entry[r], at[r] = starts[r] + 1, starts[r] + 1 + 3 * np.int64(words[starts[r]])
    for block in range(-(-len(received) // block_neurons)):
        into = received[block * block_neurons :]
        for r in range(rows):
            table_end = starts[r] + 1 + 3 * np.int64(words[starts[r]])
            if entry[r] < table_end and words[entry[r]] == block:
                end = at[r] + section_words(words, entry[r])
                synapses += _scan_section(words, at[r], end, into, limits)
                entry[r], at[r] = entry[r] + 3, end
    return synapses


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
        self._limits = np.array([2**62, 0], np.int64)

    def add(self, rows: Rows) -> int:
        """Add a batch of sound rows and return its synapses."""
        synapses = int(_scan(rows.words, rows.starts, rows.block_neurons, self.received, self._limits))
        self.synapses += synapses
        return synapses

    @staticmethod
    def merged(neurons: int, parts: Iterable["RowSummary"]) -> "RowSummary":
        """Return the totals of several summaries together."""
        whole = RowSummary(neurons)
        for one in parts:
            whole.synapses += one.synapses
            whole.received += one.received
            whole._limits[0] = min(whole._limits[0], one._limits[0])
            whole._limits[1] = max(whole._limits[1], one._limits[1])
        return whole

    def state(self) -> dict[str, NDArray[np.int64]]:
        """Return all totals as arrays."""
        return {"synapses": np.array(self.synapses), "limits": self._limits, "received": self.received}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Go on from totals that `state` gave."""
        self.synapses, self._limits, self.received = int(state["synapses"]), state["limits"], state["received"]

    @property
    def delays(self) -> tuple[int, int]:
        """Smallest and largest delay in steps; (1, 1) if there are no synapses."""
        return (int(self._limits[0]), int(self._limits[1])) if self.synapses else (1, 1)

    @property
    def input_bound(self) -> int:
        """Largest sum of absolute codes that any one neuron can receive in one step."""
        return int(self.received.max(initial=0))
