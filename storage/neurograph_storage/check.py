"""Do the words of a row say something, and in the right order?

One compiled pass over a batch, which trusts nothing: it never reads beyond the row, whatever the words are.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.stream import MAX_COUNT, WORDS, group_code, group_target, group_words, section_words

# Numbers of the invariants in docs/data-model.md.
SOUND, TABLE, GROUPS, DELAY, TARGET, SORTED = 0, 6, 7, 8, 9, 10


@kernel
def check_rows(
    words: NDArray[np.uint16],
    starts: NDArray[np.int64],
    block_neurons: int,
    receptors: NDArray[np.uint8],
) -> tuple[int, int]:
    """Return (row, invariant) of the first row that breaks one, or (-1, 0).

    Parameters
    ----------
    receptors : (neurons,) uint8
        Receptors of each neuron's model, by storage id.
    """
    for r in range(len(starts) - 1):
        broken = _check_row(words, starts[r], starts[r + 1], block_neurons, receptors)
        if broken != SOUND:
            return r, broken
    return -1, SOUND


@kernel
def _check_row(
    words: NDArray[np.uint16], start: int, stop: int, block_neurons: int, receptors: NDArray[np.uint8]
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
        broken = _check_section(words, at, end, np.int64(words[entry]) * block_neurons, block_neurons, receptors)
        if broken != SOUND:
            return broken
        at = end
    return SOUND if at == stop else TABLE


@kernel
def _check_section(
    words: NDArray[np.uint16], at: int, end: int, first: int, block_neurons: int, receptors: NDArray[np.uint8]
) -> int:
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
        broken = _check_group(words, at, count, kind, key & 7, first, block_neurons, receptors)
        if broken != SOUND:
            return broken
        previous, full = key, count == MAX_COUNT
        at += group_words(count, kind)
    return SOUND


@kernel
def _check_group(
    words: NDArray[np.uint16],
    at: int,
    count: int,
    kind: int,
    receptor: int,
    first: int,
    block_neurons: int,
    receptors: NDArray[np.uint8],
) -> int:
    last_target, last_code = -1, -(2**20)
    for k in range(count):
        target, code = group_target(words, at, kind, k), group_code(words, at, kind, count, k)
        if target >= block_neurons or first + target >= len(receptors) or receptor >= receptors[first + target]:
            return TARGET
        if target < last_target or (target == last_target and code < last_code):
            return SORTED
        last_target, last_code = target, code
    return SOUND
