"""Where does each wanted id stand in a list of ids, and which ids are there at all?

`find_ids` searches a sorted order; `IdMap` and `IdIndex` are hash tables, for the many small pieces of an edge list.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel

Ids = NDArray[np.int64]

# Fibonacci hashing: ids in a row, the usual case, never collide.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def find_ids(wanted: Ids, ids: Ids, order: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Return the position of each wanted id, and which were not found (their position means nothing).

    Parameters
    ----------
    wanted : (n,) int64
    ids : (m,) int64
        Unique, in any order.
    order : (m,) int64
        ``np.argsort(ids)``.
    """
    if len(ids) == 0:
        return np.zeros(len(wanted), np.int64), np.ones(len(wanted), np.bool_)
    place = np.searchsorted(ids, wanted, sorter=order)
    position: Ids = order[np.minimum(place, len(ids) - 1)]
    return position, ids[position] != wanted


@kernel
def _add(keys: Ids, values: Ids, used: NDArray[np.bool_], new_keys: Ids, new_values: Ids, bits: int) -> int:
    """Insert what is not there yet; return how many were inserted."""
    added, shift, last = 0, np.uint64(64 - bits), len(keys) - 1
    for k in range(len(new_keys)):
        at = np.int64((np.uint64(new_keys[k]) * _GOLDEN) >> shift)
        while used[at] and keys[at] != new_keys[k]:
            at = (at + 1) & last
        if not used[at]:
            used[at], keys[at], values[at] = True, new_keys[k], new_values[k]
            added += 1
    return added


@kernel
def _enter(table: NDArray[np.uint32], ids: Ids, bits: int) -> None:
    shift, last = np.uint64(64 - bits), len(table) - 1
    for k in range(len(ids)):
        at = np.int64((np.uint64(ids[k]) * _GOLDEN) >> shift)
        while table[at]:
            at = (at + 1) & last
        table[at] = k + 1


@kernel
def _look_up(table: NDArray[np.uint32], ids: Ids, wanted: Ids, bits: int, found: Ids) -> int:
    """Write the position of each wanted id to ``found``; return the first that is unknown, or their number."""
    unknown, shift, last = len(wanted), np.uint64(64 - bits), len(table) - 1
    for k in range(len(wanted)):
        at = np.int64((np.uint64(wanted[k]) * _GOLDEN) >> shift)
        while table[at] and ids[np.int64(table[at]) - 1] != wanted[k]:
            at = (at + 1) & last
        found[k] = np.int64(table[at]) - 1
        if found[k] < 0:
            unknown = min(unknown, k)
    return unknown


class IdMap:
    """A growing set of int64, each with the value it was first added with; at most 68 bytes an entry."""

    def __init__(self) -> None:
        self._bits, self._count = 8, 0
        self._reserve(np.empty(0, np.int64), np.empty(0, np.int64))

    def __len__(self) -> int:
        return self._count

    def add(self, keys: Ids, values: Ids) -> None:
        """Add the keys that are new, each (n,) int64."""
        for start in range(0, len(keys), 2**14):
            more = keys[start : start + 2**14]
            while 2 * (self._count + len(more)) > len(self._keys):
                self._bits += 1
                self._reserve(*self._entries())
            more_values = values[start : start + 2**14]
            self._count += _add(self._keys, self._values, self._used, more, more_values, self._bits)

    def ordered(self) -> tuple[Ids, Ids]:
        """Return all keys, ascending, and the value of each."""
        keys, values = self._entries()
        order = np.argsort(keys)
        return keys[order], values[order]

    def _entries(self) -> tuple[Ids, Ids]:
        return self._keys[self._used], self._values[self._used]

    def _reserve(self, keys: Ids, values: Ids) -> None:
        self._keys, self._values = np.zeros(2**self._bits, np.int64), np.zeros(2**self._bits, np.int64)
        self._used = np.zeros(2**self._bits, np.bool_)
        _add(self._keys, self._values, self._used, keys, values, self._bits)


class IdIndex:
    """The position of each id in a list of unique ids, below 2^32 of them."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._first = int(ids[0]) if len(ids) else 0
        # Ids in a row need no table.
        self._dense = bool((np.diff(ids) == 1).all()) and (len(ids) == 0 or ids[0] <= ids[-1])
        self._bits = 1 if self._dense else max(1, int(3 * len(ids) // 2).bit_length())
        self._table = np.zeros(2**self._bits, np.uint32)
        if not self._dense:
            _enter(self._table, ids, self._bits)

    def find(self, wanted: Ids) -> tuple[Ids, int]:
        """Return the position of each wanted id, (n,) int64, and the first one unknown (n if none is)."""
        if self._dense:
            # Two comparisons, since a difference of any two int64 may overflow.
            outside = (wanted < self._first) | (wanted > self._first + len(self._ids) - 1)
            return wanted - self._first, int(outside.argmax()) if outside.any() else len(wanted)
        found = np.empty(len(wanted), np.int64)
        return found, int(_look_up(self._table, self._ids, wanted, self._bits, found))
