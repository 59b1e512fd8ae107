"""How good is an order, without any activity?

What fires a row brings its targets nearer to firing. So the fewer partitions a row has targets in, the fewer will be
asked for next: the connectivity of the row, less one for its own partition, is what counts, not cut edges.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.ordering.wiring import Wiring
from neurograph_storage.jit import kernel

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


def partition_of(order: I64, rows: int) -> I32:
    """Return the partition of each neuron, (neurons,) int32, if ``order`` is cut every ``rows``."""
    label = np.empty(len(order), np.int32)
    label[order] = np.arange(len(order)) // rows
    return label


def touched(wiring: Wiring, label: I32) -> int:
    """Return how many partitions besides their own all rows have targets in."""
    partitions = int(label.max(initial=-1)) + 1
    return sum(wiring.each(lambda piece: int(_touched(piece.first, piece.starts, piece.targets, label, partitions))))


@kernel
def _touched(first: int, starts: I64, targets: NDArray[np.uint32], label: I32, partitions: int) -> int:
    seen, total = np.full(partitions, -1, np.int64), 0
    for r in range(len(starts) - 1):
        seen[label[first + r]] = r
        for k in range(starts[r], starts[r + 1]):
            at = label[targets[k]]
            total += seen[at] != r
            seen[at] = r
    return total
