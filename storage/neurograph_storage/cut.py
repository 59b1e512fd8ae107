"""How is a row cut by delay: a head that is kept in memory, and a tail, or classes of it, that come from the disk?

All are rows again (`neurograph_storage.stream`), with fewer groups: those with ``low < delay <= high``. So whatever
delivers rows delivers heads and tails as well.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import copy_words, kernel, load64
from neurograph_storage.stream import group_words, section_words

U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
# As the largest delay wanted, it means that all groups from the first one on are.
ALL_DELAYS = 2**16


@kernel
def _skip(words: U16, at: int, end: int, delay: int) -> int:
    """Return where the first group lies that is later than ``delay``."""
    while at < end and np.int64(words[at]) >> 3 <= delay:
        at += group_words(np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3)
    return at


@kernel
def _span(words: U16, at: int, end: int, low: int, high: int) -> tuple[int, int]:
    """Return where the groups with ``low < delay <= high`` of a section begin and end."""
    first = _skip(words, at, end, low)
    return first, end if high == ALL_DELAYS else _skip(words, first, end, high)


@kernel
def _with_entry(length: int) -> int:
    """Return the words that so many words of groups take with their entry in the table of sections."""
    return length + 3 if length else 0


@kernel
def cut_words(words: U16, start: int, low: int, high: int) -> int:
    """Return the words that `cut` writes; 1 if no group is left."""
    sections, total = np.int64(words[start]), 1
    at = start + 1 + 3 * sections
    for entry in range(start + 1, start + 1 + 3 * sections, 3):
        end = at + section_words(words, entry)
        first, last = _span(words, at, end, low, high)
        total += _with_entry(last - first)
        at = end
    return total


@kernel
def cut(into: U16, at: int, words: U16, start: int, low: int, high: int) -> int:
    """Write the groups with ``low < delay <= high`` of a row as a row.

    Parameters
    ----------
    into : (any,) uint16
        Has room for `cut_words` words from ``at`` on.
    words : (any,) uint16
        The row begins at ``start``.
    low, high : int
        In steps.

    Returns
    -------
    int
        Where the row ends.
    """
    sections, kept = np.int64(words[start]), 0
    body = start + 1 + 3 * sections
    # The table stands before the sections, so its length must be known first.
    place = body
    for entry in range(start + 1, body, 3):
        end = place + section_words(words, entry)
        first, last = _span(words, place, end, low, high)
        kept += last > first
        place = end
    into[at] = kept
    entry_to, place, to = at + 1, body, at + 1 + 3 * kept
    for entry in range(start + 1, body, 3):
        end = place + section_words(words, entry)
        first, last = _span(words, place, end, low, high)
        length = last - first
        if length > 0:
            into[entry_to] = words[entry]
            into[entry_to + 1], into[entry_to + 2] = length & 0xFFFF, length >> 16
            copy_words(into, to, words, first, length)
            entry_to, to = entry_to + 3, to + length
        place = end
    return to


@kernel
def row_sum(words: U16, start: int, end: int) -> int:
    """Return a sum of 64 bits of a row's words; any one word that changes changes it.

    Not a cryptographic one: it tells a row that was read again from the row that was checked against the granules'
    checksums.
    """
    total, at = np.uint64(end - start), start
    # Odd factors lose nothing modulo 2^64. Four sums side by side, since each waits for its multiplication.
    second = third = fourth = np.uint64(0)
    while at + 16 <= end:
        total = total * _FACTOR + load64(words, at)
        second = second * _FACTOR + load64(words, at + 4)
        third = third * _FACTOR + load64(words, at + 8)
        fourth = fourth * _FACTOR + load64(words, at + 12)
        at += 16
    for part_sum in (second, third, fourth):
        total = total * _FACTOR + part_sum
    while at < end:
        total = total * _FACTOR + np.uint64(words[at])
        at += 1
    return total


@kernel
def _lengths(words: U16, start: int, bounds: I64, tails: I64) -> int:
    """Return the words of a row's head; write those of its whole tail, and of each class, to ``tails``.

    One walk through the row, whatever the number of classes: each group's place follows from the one before it.
    """
    sections, head = np.int64(words[start]), 1
    at = start + 1 + 3 * sections
    tails[:] = 0
    for entry in range(start + 1, start + 1 + 3 * sections, 3):
        end = at + section_words(words, entry)
        first = _skip(words, at, end, bounds[0])
        head += _with_entry(first - at)
        tails[0] += _with_entry(end - first)
        for c in range(1, len(bounds)):
            last = _skip(words, first, end, bounds[c])
            tails[c] += _with_entry(last - first)
            first = last
        at = end
    tails += tails > 0
    return head


@kernel
def heads_of(words: U16, starts: I64, bounds: I64) -> tuple[U16, I64, I64]:
    """Return the heads of rows, (words,) uint16, where each begins and the end, and the words of each class of tails.

    Parameters
    ----------
    bounds : (classes + 1,) int64
        Largest delay of a head, then of each class; no delay is larger than the last.

    Returns
    -------
    heads, places, tails : (words,) uint16; (rows + 1,) int64; (rows, classes + 1) int64
        The first column is of the whole tail. What has no groups has 0 words.
    """
    rows = len(starts) - 1
    places, tails = np.zeros(rows + 1, np.int64), np.zeros((rows, len(bounds)), np.int64)
    for r in range(rows):
        places[r + 1] = places[r] + _lengths(words, starts[r], bounds, tails[r])
    heads = np.empty(places[rows], np.uint16)
    for r in range(rows):
        cut(heads, places[r], words, starts[r], 0, bounds[0])
    return heads, places, tails


@kernel
def row_sums(words: U16, starts: I64) -> U64:
    """Return the sum of each row, (rows,) uint64."""
    sums = np.empty(len(starts) - 1, np.uint64)
    for r in range(len(sums)):
        sums[r] = row_sum(words, starts[r], starts[r + 1])
    return sums
