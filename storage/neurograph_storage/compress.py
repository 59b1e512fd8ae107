"""How is a row written with about as few bits as its content allows, and turned back into its words?

A compressed row says what the words of `neurograph_storage.stream` say, in bits (`neurograph_storage.bits`):

    row      =  gamma: words of the plain row; if that is 1, there is no more
                gamma: sections; 16 bits: smallest code + 2^15; 5 bits: width of a code above that
                1 bit: several receptors; if not, 3 bits: the receptor; 4 bits: Rice parameter of counts; sections
    section  =  gamma: block - the block before (-1 at first); gamma: groups
                1 bit: whether targets have narrower bounds than the block; if so, 16 bits: low, 16 bits: high - low
                gamma: 1 + how much finer gaps are than if targets were spread evenly; groups
    group    =  delay: gamma(1 + delay / 32) and 5 bits at first, then gamma(gap), or of 1 + gap where it may be 0
                3 bits: receptor, if the row has several; Rice: count - 1
                1 bit, if count is above 1 and codes have a width: several codes; then, unless the row's codes all fit
                in 8 bits, 1 bit: some do not
                count 1: the target, plain; more: Rice of each gap between sorted targets
                the codes, plain: one, or each

Gaps between targets are what cannot be foreseen; for targets spread evenly their Rice parameter follows from the count
and the bounds, so that it need not be written. Rows begin on whole words.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.bits import bit_length, put, put_gamma, put_rice, rice_bits, rice_parameter
from neurograph_storage.jit import kernel
from neurograph_storage.stream import (
    CODE_OFFSET,
    MAX_COUNT,
    SHARED,
    WORDS,
    group_code,
    group_target,
    group_words,
    section_words,
)

U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

CODE_BITS, WIDTH_BITS, RECEPTOR_BITS, COUNT_PARAMETER_BITS, TARGET_BITS = 16, 5, 3, 4, 16
DELAY_LOW_BITS = 5
_MAX_FINER = 12
# No row grows by more than this: 20 bits for each target of 16, and headers of at most twice their size.
_GROWTH, _ROW_EXTRA = 2, 16


@kernel
def gap_parameter(count: int, size: int, finer: int) -> int:
    """Return the Rice parameter for gaps between ``count`` targets among ``size``."""
    return max(0, rice_parameter(size, count + 1) - finer)


@kernel
def fits_bytes(base: int, width: int) -> bool:
    """Return whether all codes from ``base`` on, of ``width`` bits, fit in 8 bits, so that no group needs 16."""
    return base >= -128 and base + (1 << width) - 1 <= 127


@kernel
def _target_bits(words: U16, at: int, end: int, low: int, size: int, finer: int) -> int:
    """Return the bits for all targets of a section."""
    bits = 0
    while at < end:
        count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
        if count == 1:
            bits += bit_length(size - 1)
        else:
            parameter, last = gap_parameter(count, size, finer), low
            for k in range(count):
                target = group_target(words, at, kind, k)
                bits += rice_bits(target - last, parameter)
                last = target
        at += group_words(count, kind)
    return bits


@kernel
def _finest(words: U16, at: int, end: int, low: int, size: int) -> tuple[int, int]:
    """Return how much finer than evenly spread the gaps are best taken, and the bits of the targets then."""
    best, least = 0, _target_bits(words, at, end, low, size, 0)
    for finer in range(1, _MAX_FINER + 1):
        bits = _target_bits(words, at, end, low, size, finer) + 2 * bit_length(finer + 1) - 2
        if bits >= least:
            break
        best, least = finer, bits
    return best, least


@kernel
def _bounds(words: U16, at: int, end: int) -> tuple[int, int, int]:
    """Return the smallest and largest target of a section, and its groups."""
    low, high, groups = 2**16, 0, 0
    while at < end:
        count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
        low = min(low, group_target(words, at, kind, 0))
        high = max(high, group_target(words, at, kind, count - 1))
        groups += 1
        at += group_words(count, kind)
    return low, high, groups


@kernel
def _scan_row(words: U16, at: int, stop: int) -> tuple[int, int, int, int, int]:
    """Return smallest and largest code, smallest and largest receptor, and the Rice parameter of counts."""
    low_code, high_code, low_receptor, high_receptor, total, groups = 2**16, -(2**16), 7, 0, 0, 0
    while at < stop:
        count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
        for k in range(1 if kind == SHARED else count):
            code = group_code(words, at, kind, count, k)
            low_code, high_code = min(low_code, code), max(high_code, code)
        low_receptor = min(low_receptor, np.int64(words[at]) & 7)
        high_receptor = max(high_receptor, np.int64(words[at]) & 7)
        total += count - 1
        groups += 1
        at += group_words(count, kind)
    return low_code, high_code, low_receptor, high_receptor, rice_parameter(total, groups)


@kernel
def _put_targets(
    into: U16, bit: int, words: U16, at: int, count: int, kind: int, low: int, size: int, finer: int
) -> int:
    if count == 1:
        return put(into, bit, group_target(words, at, kind, 0) - low, bit_length(size - 1))
    parameter, last = gap_parameter(count, size, finer), low
    for k in range(count):
        target = group_target(words, at, kind, k)
        bit = put_rice(into, bit, target - last, parameter)
        last = target
    return bit


@kernel
def _put_kind(into: U16, bit: int, count: int, kind: int, base: int, width: int) -> int:
    if width == 0 or count == 1:
        return bit
    bit = put(into, bit, kind != SHARED, 1)
    return bit if kind == SHARED or fits_bytes(base, width) else put(into, bit, kind == WORDS, 1)


@kernel
def _put_codes(into: U16, bit: int, words: U16, at: int, count: int, kind: int, base: int, width: int) -> int:
    for k in range(1 if kind == SHARED else count):
        bit = put(into, bit, group_code(words, at, kind, count, k) - base, width)
    return bit


@kernel
def _put_section(
    into: U16, bit: int, words: U16, at: int, end: int, neurons: int, base: int, width: int, mixed: bool, parameter: int
) -> int:
    low, high, groups = _bounds(words, at, end)
    bit = put_gamma(into, bit, groups)
    finer, bits = _finest(words, at, end, 0, neurons)
    narrow_finer, narrow_bits = _finest(words, at, end, low, high - low + 1)
    if narrow_bits + 2 * TARGET_BITS < bits:
        finer, size = narrow_finer, high - low + 1
        bit = put(into, bit, 1, 1)
        bit = put(into, bit, low, TARGET_BITS)
        bit = put(into, bit, high - low, TARGET_BITS)
    else:
        low, size = 0, neurons
        bit += 1
    bit = put_gamma(into, bit, finer + 1)
    previous, full = -1, False
    while at < end:
        delay, count, kind = np.int64(words[at]) >> 3, np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
        if previous < 0:
            bit = put_gamma(into, bit, (delay >> DELAY_LOW_BITS) + 1)
            bit = put(into, bit, delay & ((1 << DELAY_LOW_BITS) - 1), DELAY_LOW_BITS)
        else:
            bit = put_gamma(into, bit, delay - previous + (mixed or full))
        if mixed:
            bit = put(into, bit, np.int64(words[at]) & 7, RECEPTOR_BITS)
        bit = put_rice(into, bit, count - 1, parameter)
        bit = _put_kind(into, bit, count, kind, base, width)
        bit = _put_targets(into, bit, words, at, count, kind, low, size, finer)
        bit = _put_codes(into, bit, words, at, count, kind, base, width)
        previous, full = delay, count == MAX_COUNT
        at += group_words(count, kind)
    return bit


@kernel
def _put_row(into: U16, bit: int, words: U16, start: int, stop: int, block_neurons: int) -> int:
    """Write one row from a whole word on; return where it ends, on a whole word again."""
    bit = put_gamma(into, bit, stop - start)
    sections = np.int64(words[start])
    if sections == 0:
        return (bit + 15) // 16 * 16
    at = start + 1 + 3 * sections
    base, high_code, receptor, high_receptor, parameter = _scan_row(words, at, stop)
    width, mixed = bit_length(high_code - base), high_receptor != receptor
    bit = put_gamma(into, bit, sections)
    bit = put(into, bit, base + CODE_OFFSET, CODE_BITS)
    bit = put(into, bit, width, WIDTH_BITS)
    bit = put(into, bit, 1 if mixed else receptor << 1, 1 if mixed else 1 + RECEPTOR_BITS)
    bit = put(into, bit, parameter, COUNT_PARAMETER_BITS)
    block = -1
    for section in range(sections):
        entry = start + 1 + 3 * section
        end = at + section_words(words, entry)
        bit = put_gamma(into, bit, np.int64(words[entry]) - block)
        block = np.int64(words[entry])
        bit = _put_section(into, bit, words, at, end, block_neurons, base, width, mixed, parameter)
        at = end
    return (bit + 15) // 16 * 16


@kernel
def compress(words: U16, starts: I64, block_neurons: int) -> tuple[I64, U16]:
    """Return plain rows as compressed ones: where each begins, (rows + 1,) int64, and all their words.

    Parameters
    ----------
    words, starts : (words,) uint16, (rows + 1,) int64
        Sound rows, see `neurograph_storage.rows.Rows`.
    """
    rows = len(starts) - 1
    into = np.zeros(_GROWTH * len(words) + _ROW_EXTRA * rows, np.uint16)
    places = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        places[r + 1] = _put_row(into, places[r] * 16, words, starts[r], starts[r + 1], block_neurons) // 16
    return places, into[: places[rows]].copy()
