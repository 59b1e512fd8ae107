"""In which order do points of a space lie, so that at every scale those near to each other are neighbours?

Cut all points in half across the axis along which they spread most, then each half likewise, down to a handful. Halves
are whole partitions as long as there are several, so that no partition is cut.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.ordered import in_order

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Vectors = NDArray[np.int8]

LEAF = 32
_ROUNDS = 30
# The axis of many points is that of as many of them as this.
_SAMPLE = 4096
# So many parts are cut by several threads, if they have more members than this.
_PARTS, _ALONE = 8, 2**13


@kernel
def _axis(vectors: Vectors, members: I64, mean: F64, axis: F64) -> None:
    """Write the mean of some points, and the direction of their largest spread, by power iteration."""
    width = vectors.shape[1]
    step, count = max(1, len(members) // _SAMPLE), 0
    mean[:] = 0.0
    for i in range(0, len(members), step):
        count += 1
        for q in range(width):
            mean[q] += vectors[members[i], q]
    for q in range(width):
        mean[q] /= count
    spread, point = np.zeros((width, width)), np.empty(width)
    for i in range(0, len(members), step):
        for q in range(width):
            point[q] = vectors[members[i], q] - mean[q]
        for q in range(width):
            for p in range(q + 1):
                spread[q, p] += point[q] * point[p]
    widest = 0
    for q in range(width):
        for p in range(q):
            spread[p, q] = spread[q, p]
        widest = q if spread[q, q] > spread[widest, widest] else widest
    axis[:] = spread[widest]
    for _ in range(_ROUNDS):
        squares = 0.0
        for q in range(width):
            point[q] = 0.0
            for p in range(width):
                point[q] += spread[q, p] * axis[p]
            squares += point[q] * point[q]
        if squares == 0.0:
            break
        for q in range(width):
            axis[q] = point[q] / np.sqrt(squares)


@kernel
def _half(size: int, rows: int) -> int:
    unit = rows if size > rows else LEAF
    return unit * ((-(-size // unit) + 1) // 2)


@kernel
def _halve(vectors: Vectors, members: I64, rows: int, order: I64) -> int:
    """Write the members to ``order``, cut across their axis; return where the second half begins."""
    width = vectors.shape[1]
    mean, axis, along = np.empty(width), np.empty(width), np.zeros(len(members))
    _axis(vectors, members, mean, axis)
    for i in range(len(members)):
        for q in range(width):
            along[i] += (vectors[members[i], q] - mean[q]) * axis[q]
    order[:] = members[np.argsort(along, kind="mergesort")]
    return _half(len(members), rows)


@kernel
def _bisect(vectors: Vectors, members: I64, rows: int) -> I64:
    order = members.copy()
    low, high = np.zeros(128, np.int64), np.zeros(128, np.int64)
    low[0], high[0], waiting = 0, len(members), 1
    while waiting > 0:
        waiting -= 1
        a, b = low[waiting], high[waiting]
        if b - a > LEAF:
            middle = a + _halve(vectors, order[a:b].copy(), rows, order[a:b])
            low[waiting], high[waiting], low[waiting + 1], high[waiting + 1] = a, middle, middle, b
            waiting += 2
    return order


def bisect(vectors: Vectors, members: I64, rows: int, jobs: int | None = None) -> I64:
    """Return the members in their new order.

    Parameters
    ----------
    vectors : (points, width) int8
    members : (n,) int64
        Which points; those that differ in nothing stay in this order.
    rows : int
        Members of a partition.
    jobs : int, optional
        Threads; change no result.
    """
    parts = [np.ascontiguousarray(members)]
    while len(parts) < _PARTS and max(map(len, parts)) > _ALONE:
        parts = [half for part in parts for half in _halves(vectors, part, rows)]
    return np.concatenate(list(in_order(lambda part: _bisect(vectors, part, rows), parts, jobs)))


def _halves(vectors: Vectors, members: I64, rows: int) -> list[I64]:
    order = np.empty_like(members)
    middle = _halve(vectors, members, rows, order)
    return [order[:middle], order[middle:]]
