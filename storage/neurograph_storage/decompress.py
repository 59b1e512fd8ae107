"""How are compressed rows turned back into plain ones?

The mirror of `neurograph_storage.compress`, whose docstring says what the bits mean. Trusts nothing: whatever the bits
are, it stays inside its arrays, and says which row is damaged.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.bits import PADDING, bit_length, get, get_gamma, get_rice
from neurograph_storage.compress import (
    CODE_BITS,
    COUNT_PARAMETER_BITS,
    DELAY_LOW_BITS,
    RECEPTOR_BITS,
    TARGET_BITS,
    WIDTH_BITS,
    fits_bytes,
    gap_parameter,
)
from neurograph_storage.errors import CorruptionError
from neurograph_storage.jit import kernel
from neurograph_storage.stream import BYTES, CODE_OFFSET, MAX_COUNT, SHARED, WORDS, group_words

U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

_DAMAGED = -1
# The shortest group, 2 bits, is four words; no row grows by more than twice that.
_MAX_GROWTH = 64


@kernel
def _get_kind(words: U16, bit: int, count: int, base: int, width: int) -> tuple[int, int]:
    if width == 0 or count == 1:
        return SHARED, bit
    if get(words, bit, 1) == 0:
        return SHARED, bit + 1
    if fits_bytes(base, width):
        return BYTES, bit + 1
    return (WORDS if get(words, bit + 1, 1) else BYTES), bit + 2


@kernel
def _get_targets(
    into: U16, body: int, stride: int, words: U16, bit: int, end: int, count: int, low: int, size: int, finer: int
) -> int:
    if count == 1:
        into[body] = low + get(words, bit, bit_length(size - 1))
        return bit + bit_length(size - 1)
    parameter, target = gap_parameter(count, size, finer), low
    for k in range(count):
        if bit >= end:
            return end + 1
        gap, bit = get_rice(words, bit, parameter, end)
        target += gap
        into[body + stride * k] = target
    return bit


@kernel
def _get_codes(into: U16, at: int, words: U16, bit: int, end: int, count: int, kind: int, base: int, width: int) -> int:
    if kind == SHARED:
        into[at + 2] = (base + get(words, bit, width)) & 0xFFFF
        return bit + width
    if bit + count * width > end:
        return end + 1
    for k in range(count):
        code = base + get(words, bit + k * width, width)
        if kind == WORDS:
            into[at + 3 + 2 * k] = code & 0xFFFF
        else:
            half = at + 2 + count + k // 2
            into[half] = into[half] | (code & 0xFF) << 8 if k % 2 else code & 0xFF
    return bit + count * width


@kernel
def _get_section(
    into: U16, at: int, stop: int, words: U16, bit: int, end: int, neurons: int, base: int, width: int,
    receptor: int, parameter: int,
) -> tuple[int, int]:  # fmt: skip
    """Write a section from ``at`` on; return where it ends, or `_DAMAGED`, and where its bits end.

    ``receptor`` is negative if each group has its own.
    """
    groups, bit = get_gamma(words, bit)
    low, size = 0, neurons
    if get(words, bit, 1):
        low, size = get(words, bit + 1, TARGET_BITS), get(words, bit + 1 + TARGET_BITS, TARGET_BITS) + 1
        bit += 2 * TARGET_BITS
    finer, bit = get_gamma(words, bit + 1)
    delay, full = 0, False
    for group in range(groups):
        if bit >= end:
            return _DAMAGED, bit
        step, bit = get_gamma(words, bit)
        if group == 0:
            delay = ((step - 1) << DELAY_LOW_BITS) + get(words, bit, DELAY_LOW_BITS)
            bit += DELAY_LOW_BITS
        else:
            delay += step - (receptor < 0 or full)
        own = receptor
        if receptor < 0:
            own = get(words, bit, RECEPTOR_BITS)
            bit += RECEPTOR_BITS
        count, bit = get_rice(words, bit, parameter, end)
        count += 1
        kind, bit = _get_kind(words, bit, count, base, width)
        if count > MAX_COUNT or at + group_words(count, kind) > stop:
            return _DAMAGED, bit
        into[at] = (delay * 8 + own) & 0xFFFF
        into[at + 1] = count * 4 + kind
        body, stride = at + 2 + (kind == SHARED), 1 + (kind == WORDS)
        bit = _get_targets(into, body, stride, words, bit, end, count, low, size, finer - 1)
        bit = _get_codes(into, at, words, bit, end, count, kind, base, width)
        full = count == MAX_COUNT
        at += group_words(count, kind)
    return at, bit


@kernel
def get_row(into: U16, at: int, stop: int, words: U16, bit: int, end: int, block_neurons: int) -> bool:
    """Write one row to ``at <= word < stop``; return whether its bits, up to ``end``, fill it exactly."""
    bit = get_gamma(words, bit)[1]
    if stop - at == 1:
        into[at] = 0
        return bit <= end
    sections, bit = get_gamma(words, bit)
    base, width = get(words, bit, CODE_BITS) - CODE_OFFSET, get(words, bit + CODE_BITS, WIDTH_BITS)
    bit += CODE_BITS + WIDTH_BITS
    receptor = -1
    if get(words, bit, 1) == 0:
        receptor = get(words, bit + 1, RECEPTOR_BITS)
        bit += RECEPTOR_BITS
    parameter = get(words, bit + 1, COUNT_PARAMETER_BITS)
    bit += 1 + COUNT_PARAMETER_BITS
    if width > CODE_BITS or at + 1 + 3 * sections > stop:
        return False
    into[at] = sections
    entry, at, block = at + 1, at + 1 + 3 * sections, -1
    for _ in range(sections):
        if bit >= end:
            return False
        ahead, bit = get_gamma(words, bit)
        block += ahead
        section_end, bit = _get_section(
            into, at, stop, words, bit, end, block_neurons, base, width, receptor, parameter
        )
        if section_end == _DAMAGED:
            return False
        into[entry] = block & 0xFFFF
        into[entry + 1] = (section_end - at) & 0xFFFF
        into[entry + 2] = (section_end - at) >> 16
        entry, at = entry + 3, section_end
    return at == stop and bit <= end


@kernel
def plain_starts(words: U16, starts: I64) -> I64:
    """Return where each row will begin once plain, (rows + 1,) int64; from a damaged row on it no longer rises."""
    places = np.zeros(len(starts), np.int64)
    for r in range(len(starts) - 1):
        length = get_gamma(words, starts[r] * 16)[0]
        if length > _MAX_GROWTH * (starts[r + 1] - starts[r]):
            for behind in range(r + 1, len(places)):
                places[behind] = places[r]
            break
        places[r + 1] = places[r] + length
    return places


@kernel
def _get_rows(into: U16, places: I64, words: U16, starts: I64, block_neurons: int) -> int:
    """Write all rows; return the first that is damaged, or the number of rows."""
    rows = len(starts) - 1
    for r in range(rows):
        if places[r + 1] == places[r] or not get_row(
            into, places[r], places[r + 1], words, starts[r] * 16, starts[r + 1] * 16, block_neurons
        ):
            return r
    return rows


def decompress(words: U16, starts: I64, block_neurons: int, into: U16 | None = None) -> tuple[I64, U16]:
    """Return compressed rows as plain ones: where each begins, (rows + 1,) int64, and all their words.

    Parameters
    ----------
    words : (words,) uint16
    starts : (rows + 1,) int64
        First word of each row, and the end.
    into : (plain words,) uint16, optional
        Where the words go.

    Raises
    ------
    CorruptionError
        If the bits of a row say nothing; its attribute ``row`` is the number of the row here.
    """
    padded = np.concatenate([words, np.zeros(PADDING, np.uint16)])
    places = plain_starts(padded, starts)
    plain = np.empty(places[-1], np.uint16) if into is None else into
    damaged = _get_rows(plain, places, padded, starts, block_neurons)
    if damaged < len(starts) - 1:
        raise CorruptionError(f"compressed row {damaged} says nothing", row=damaged)
    return places, plain
