"""Which neurons form communities of the size of a partition?

Label propagation with room for so many and no more, which is what is called restreamed linear deterministic greedy:
each row in turn moves to the partition that most of its targets are in, less the more that partition is filled, and
all is read again a few times. Memory is 4 bytes a neuron. Rows move one after the other, whatever the threads:
reading ahead is theirs, deciding is not.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.ordering.wiring import Piece, Wiring
from neurograph_storage.jit import kernel

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

# Room that partitions have beyond their rows while rows move.
_SLACK = 1.05


def communities(wiring: Wiring, rows: int, passes: int) -> I64:
    """Return an order in which communities are one behind the other, (neurons,) int64.

    Parameters
    ----------
    rows : int
        Rows of a partition.
    """
    label = np.full(wiring.neurons, -1, np.int32)
    size = np.zeros(max(1, -(-wiring.neurons // rows)), np.int64)
    for _ in range(passes):
        for piece in wiring.each(_same):
            _move(piece.first, piece.starts, piece.targets, label, size, int(rows * _SLACK) + 1)
    return np.argsort(label, kind="stable")


def _same(piece: Piece) -> Piece:
    return piece


@kernel
def _move(first: int, starts: I64, targets: NDArray[np.uint32], label: I32, size: I64, most: int) -> None:
    """Move each row to the partition with the largest (targets in it) x (1 - how full it is), if that is not its own.

    Rows without a partition whose targets have none go where there is most room.
    """
    count, found = np.zeros(len(size), np.int64), np.empty(len(size), np.int64)
    for r in range(len(starts) - 1):
        there = 0
        for k in range(starts[r], starts[r + 1]):
            at = np.int64(label[targets[k]])
            if at >= 0:
                if count[at] == 0:
                    found[there] = at
                    there += 1
                count[at] += 1
        own, best, score = np.int64(label[first + r]), np.int64(-1), 0.0
        if own >= 0:
            size[own] -= 1
            best, score = own, count[own] * (1.0 - size[own] / most)
        for i in range(there):
            at = found[i]
            value = count[at] * (1.0 - size[at] / most)
            if size[at] < most and value > score:
                best, score = at, value
            count[at] = 0
        if best < 0:
            best = np.argmin(size)
        label[first + r] = best
        size[best] += 1
