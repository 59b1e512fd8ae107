"""Do the words of a row say something, and in the right order?

One compiled pass over a batch, which trusts nothing: it never reads beyond the row, whatever the words are.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.layout import batches
from neurograph_storage.rows import Rows, Synapses
from neurograph_storage.stream import MAX_COUNT, SHARED, WORDS, group_code, group_target, group_words, section_words

# Entries that are decoded at a time.
_DECODED = 2**17
# Numbers of the invariants in docs/data-model.md.
SOUND, TABLE, GROUPS, DELAY, TARGET, SORTED, DIGITS = 0, 6, 7, 8, 9, 10, 14


@kernel
def check_rows(
    words: NDArray[np.uint16],
    starts: NDArray[np.int64],
    block_neurons: int,
    receptors: NDArray[np.uint8],
    by_code: bool = True,
) -> tuple[int, int]:
    """Return (row, invariant) of the first row that breaks one, or (-1, 0).

    Parameters
    ----------
    receptors : (neurons,) uint8
        Receptors of each neuron's model, by storage id.
    by_code : bool
        Whether synapses onto one target must be sorted by their codes.
    """
    fewest = _fewest_receptors(receptors, block_neurons)
    for r in range(len(starts) - 1):
        broken = _check_row(words, starts[r], starts[r + 1], block_neurons, receptors, fewest, by_code)
        if broken != SOUND:
            return r, broken
    return -1, SOUND


def check_digits(rows: Rows, digits: int) -> tuple[int, int]:
    """Return (row, invariant) of a row with a synapse that lacks a digit, or (-1, 0); rows must be sound otherwise."""
    for start, stop in batches(rows.lengths(), _DECODED):
        starts = rows.starts[start : stop + 1]
        part = Rows(starts - starts[0], rows.words[starts[0] : starts[-1]], rows.block_neurons)
        row = _lacking(part.synapses(), digits)
        if row >= 0:
            return start + row, DIGITS
    return -1, SOUND


def _lacking(found: Synapses, digits: int) -> int:
    """Return a row with a synapse that lacks a digit, or -1."""
    digit, parts = found.receptor % digits, (found.row, found.target, found.delay, found.receptor // digits)
    first = np.stack([part[digit == 0] for part in parts])
    for k in range(1, digits):
        other = np.stack([part[digit == k] for part in parts])
        size = min(first.shape[1], other.shape[1])
        differ = np.flatnonzero((first[:, :size] != other[:, :size]).any(axis=0))
        if len(differ):
            return int(min(first[0, differ[0]], other[0, differ[0]]))
        if first.shape[1] != other.shape[1]:
            return int(max(first, other, key=lambda part: part.shape[1])[0, size])
    return -1


@kernel
def _fewest_receptors(receptors: NDArray[np.uint8], block_neurons: int) -> NDArray[np.int64]:
    """Return for each block a number of receptors that all its neurons have; most circuits have one number for all."""
    fewest = np.full(-(-len(receptors) // block_neurons), 255, np.int64)
    for n in range(len(receptors)):
        fewest[n // block_neurons] = min(fewest[n // block_neurons], np.int64(receptors[n]))
    return fewest


@kernel
def _check_row(
    words: NDArray[np.uint16],
    start: int,
    stop: int,
    block_neurons: int,
    receptors: NDArray[np.uint8],
    fewest: NDArray[np.int64],
    by_code: bool,
) -> int:
    if stop - start < 1 or start + 1 + 3 * np.int64(words[start]) > stop:
        return TABLE
    sections = np.int64(words[start])
    at = start + 1 + 3 * sections
    for section in range(sections):
        entry = start + 1 + 3 * section
        end = at + section_words(words, entry)
        if end == at or end > stop or (section > 0 and words[entry] <= words[entry - 3]):
            return TABLE
        if words[entry] >= len(fewest):
            return TARGET
        first = np.int64(words[entry]) * block_neurons
        limit, everywhere = min(block_neurons, len(receptors) - first), fewest[words[entry]]
        broken = _check_section(words, at, end, first, limit, everywhere, receptors, by_code)
        if broken != SOUND:
            return broken
        at = end
    return SOUND if at == stop else TABLE


@kernel
def _check_section(
    words: NDArray[np.uint16],
    at: int,
    end: int,
    first: int,
    limit: int,
    everywhere: int,
    receptors: NDArray[np.uint8],
    by_code: bool,
) -> int:
    """Check a section; its block has ``limit`` neurons from ``first`` on, with ``everywhere`` receptors or more."""
    previous, full = -1, False
    while at < end:
        if at + 2 > end:
            return TABLE
        key, count, kind = np.int64(words[at]), np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
        if count == 0 or kind > WORDS or at + group_words(count, kind) > end:
            return TABLE
        if key < previous or (key == previous and not full):
            return GROUPS
        if key >> 3 < 1:
            return DELAY
        if not _is_sorted(words, at, count, kind, by_code):
            return SORTED
        # Sorted, so if the last target exists, all do.
        if group_target(words, at, kind, count - 1) >= limit:
            return TARGET
        if key & 7 >= everywhere and not _take_receptor(words, at, count, kind, key & 7, receptors, first):
            return TARGET
        previous, full = key, count == MAX_COUNT
        at += group_words(count, kind)
    return SOUND


@kernel
def _take_receptor(
    words: NDArray[np.uint16], at: int, count: int, kind: int, receptor: int, receptors: NDArray[np.uint8], first: int
) -> bool:
    lacking = 0
    for k in range(count):
        lacking += receptor >= receptors[first + group_target(words, at, kind, k)]
    return lacking == 0


@kernel
def _compare(targets: NDArray[np.uint16]) -> tuple[bool, bool]:
    """Return whether some target is below the one before it, and whether some is equal to it."""
    falls, equals = np.uint16(0), np.uint16(0)
    before, after = targets[:-1], targets[1:]
    for k in range(len(before)):
        falls |= np.uint16(before[k] > after[k])
        equals |= np.uint16(before[k] == after[k])
    return falls != 0, equals != 0


@kernel
def _compare_pairs(pairs: NDArray[np.uint16]) -> tuple[bool, bool]:
    """Return the same of targets that alternate with codes."""
    falls, equals = np.uint16(0), np.uint16(0)
    for k in range(len(pairs) // 2 - 1):
        falls |= np.uint16(pairs[2 * k] > pairs[2 * k + 2])
        equals |= np.uint16(pairs[2 * k] == pairs[2 * k + 2])
    return falls != 0, equals != 0


@kernel
def _is_sorted(words: NDArray[np.uint16], at: int, count: int, kind: int, by_code: bool) -> bool:
    """Return whether a group's synapses are sorted by (target, code), or by target."""
    # Slices, whose indices are known not to be negative, make loops that the compiler vectorises.
    if kind == WORDS:
        falls, equals = _compare_pairs(words[at + 2 : at + 2 + 2 * count])
    else:
        body = at + 2 + (kind == SHARED)
        falls, equals = _compare(words[body : body + count])
    if falls:
        return False
    return kind == SHARED or not (by_code and equals) or _ties_sorted(words, at, count, kind)


@kernel
def _ties_sorted(words: NDArray[np.uint16], at: int, count: int, kind: int) -> bool:
    for k in range(count - 1):
        same = group_target(words, at, kind, k) == group_target(words, at, kind, k + 1)
        if same and group_code(words, at, kind, count, k) > group_code(words, at, kind, count, k + 1):
            return False
    return True
