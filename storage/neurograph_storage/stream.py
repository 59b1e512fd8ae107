"""How is a row written as a sequence of 16-bit words, and read back?

    row      =  number of sections, {block, length (two words, low first)} of each, the sections one after another
    section  =  groups: all synapses of the row to one target block, by delay
    group    =  delay x 8 + receptor, count x 4 + kind, the body

    kind     body
    SHARED   one code for all, then ``count`` targets
    BYTES    ``count`` targets, then ``count`` codes of 8 bits, padded to a whole word
    WORDS    ``count`` pairs of target and code of 16 bits

Targets are counted within their block. A block's section is one contiguous piece, so a worker that owns the block
reads nothing else; within it, groups lie in the order in which they come due. One row is one read from disk.
The encoder picks the smallest kind that a group's codes allow.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, load64, part

U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

SHARED, BYTES, WORDS = range(3)
MAX_COUNT = 2**14 - 1
CODE_OFFSET = 2**15

# A synapse while its row is sorted, one integer: block (16 bits), delay (13), receptor (3), target (16), code (16).
TARGET_BIT, GROUP_BIT, _DELAY_BIT, BLOCK_BIT = np.uint64(16), np.uint64(32), np.uint64(35), np.uint64(48)
_LOW16 = np.uint64(2**16 - 1)


@kernel
def pack(place: Any, delay: Any, receptor: Any, code: Any) -> Any:
    """Return one synapse as an integer that sorts by (block, delay, receptor, target, code).

    Parameters
    ----------
    place : uint32
        Block x 2^16 + target within the block.
    """
    high = (
        (np.uint64(place) >> TARGET_BIT) << BLOCK_BIT
        | np.uint64(delay) << _DELAY_BIT
        | np.uint64(receptor) << GROUP_BIT
    )
    return high | (np.uint64(place) & _LOW16) << TARGET_BIT | np.uint64(code + CODE_OFFSET)


@kernel
def _code(packed: Any) -> Any:
    return np.int64(packed & _LOW16) - CODE_OFFSET


@kernel
def _group_end(packed: U64, start: int, stop: int) -> int:
    """Return where the group that begins at ``start`` ends: other block, delay or receptor, or too many."""
    end = start + 1
    while end < stop and packed[end] >> GROUP_BIT == packed[start] >> GROUP_BIT and end - start < MAX_COUNT:
        end += 1
    return end


@kernel
def _kind(packed: U64, start: int, end: int) -> int:
    first, shared, small = _code(packed[start]), True, True
    for k in range(start, end):
        code = _code(packed[k])
        shared &= code == first
        small &= -128 <= code <= 127
    return SHARED if shared else BYTES if small else WORDS


@kernel
def group_words(count: int, kind: int) -> int:
    """Return the words of one group, header included."""
    if kind == SHARED:
        return 3 + count
    return 2 + count + (count + 1) // 2 if kind == BYTES else 2 + 2 * count


@kernel
def _write_group(words: U16, at: int, packed: U64, start: int, end: int, kind: int) -> None:
    count = end - start
    words[at] = (packed[start] >> GROUP_BIT) & _LOW16
    words[at + 1] = count * 4 + kind
    body = at + 2
    if kind == SHARED:
        words[body] = np.uint16(_code(packed[start]) & 0xFFFF)
        body += 1
    for k in range(count):
        target, code = (packed[start + k] >> TARGET_BIT) & _LOW16, _code(packed[start + k]) & 0xFFFF
        if kind == WORDS:
            words[body + 2 * k] = target
            words[body + 2 * k + 1] = code
        else:
            words[body + k] = target
            if kind == BYTES:
                half = body + count + k // 2
                low = words[half] if k % 2 else 0
                words[half] = (code & 0xFF) << 8 | low if k % 2 else code & 0xFF


@kernel
def _row_words(packed: U64, start: int, stop: int) -> int:
    """Return the words of one sorted row."""
    total, at, block = 1, start, np.int64(-1)
    while at < stop:
        end = _group_end(packed, at, stop)
        if np.int64(packed[at] >> BLOCK_BIT) != block:
            block = np.int64(packed[at] >> BLOCK_BIT)
            total += 3
        total += group_words(end - at, _kind(packed, at, end))
        at = end
    return total


@kernel
def _sections(packed: U64, start: int, stop: int) -> int:
    count = 0
    for k in range(start, stop):
        count += k == start or packed[k] >> BLOCK_BIT != packed[k - 1] >> BLOCK_BIT
    return count


@kernel
def _write_row(words: U16, at: int, packed: U64, start: int, stop: int) -> None:
    sections = _sections(packed, start, stop)
    words[at] = sections
    entry, body = at + 1, at + 1 + 3 * sections
    section, k = body, start
    while k < stop:
        end = _group_end(packed, k, stop)
        kind = _kind(packed, k, end)
        _write_group(words, body, packed, k, end, kind)
        body += group_words(end - k, kind)
        if end == stop or packed[end] >> BLOCK_BIT != packed[k] >> BLOCK_BIT:
            words[entry] = packed[k] >> BLOCK_BIT
            words[entry + 1] = (body - section) & 0xFFFF
            words[entry + 2] = (body - section) >> 16
            entry, section = entry + 3, body
        k = end


@kernel
def encode(packed: U64, offsets: I64) -> tuple[I64, U16]:
    """Return the words of sorted rows: where each row begins, (rows + 1,) int64, and all words.

    Row r is ``packed[offsets[r] : offsets[r + 1]]``.
    """
    rows = len(offsets) - 1
    starts = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        starts[r + 1] = starts[r] + _row_words(packed, offsets[r], offsets[r + 1])
    words = np.empty(starts[rows], np.uint16)
    for r in range(rows):
        _write_row(words, starts[r], packed, offsets[r], offsets[r + 1])
    return starts, words


@kernel
def section_words(words: U16, entry: int) -> int:
    """Return the length of the section whose table entry begins at ``entry``."""
    return np.int64(words[entry + 1]) + (np.int64(words[entry + 2]) << 16)


@part
def group_head(words: U16, at: int) -> tuple[int, int, int, int]:
    """Return delay, receptor, count and kind of the group that begins at ``at``, by one load: no group is shorter."""
    head = np.int64(load64(words, at))
    return (head & 0xFFFF) >> 3, head & 7, (head & 0xFFFFFFFF) >> 18, (head >> 16) & 3


@part
def table_entry(words: U16, entry: int) -> tuple[int, int]:
    """Return block and length of the section whose table entry begins at ``entry``, by one load: groups follow it."""
    head = np.int64(load64(words, entry))
    return head & 0xFFFF, (head >> 16) & 0xFFFFFFFF


@kernel
def group_code(words: U16, at: int, kind: int, count: int, k: int) -> int:
    """Return the weight code of synapse ``k`` of the group that begins at ``at``."""
    if kind == SHARED:
        return np.int64(np.int16(words[at + 2]))
    if kind == WORDS:
        return np.int64(np.int16(words[at + 3 + 2 * k]))
    half = np.int64(words[at + 2 + count + k // 2])
    return np.int64(np.int8((half >> 8) if k % 2 else (half & 0xFF)))


@kernel
def group_target(words: U16, at: int, kind: int, k: int) -> int:
    """Return the target, within its block, of synapse ``k`` of the group that begins at ``at``."""
    if kind == WORDS:
        return np.int64(words[at + 2 + 2 * k])
    return np.int64(words[at + 2 + (kind == SHARED) + k])


@kernel
def count_synapses(words: U16, starts: I64, counts: I64) -> None:
    """Write the number of synapses of each row to ``counts``."""
    for r in range(len(starts) - 1):
        counts[r] = 0
        sections = np.int64(words[starts[r]])
        at = starts[r] + 1 + 3 * sections
        while at < starts[r + 1]:
            count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
            counts[r] += count
            at += group_words(count, kind)


@kernel
def decode(
    words: U16, starts: I64, block_neurons: int, row: I64, target: I64, delay: I64, receptor: I64, code: I64
) -> None:
    """Write every synapse of rows to five arrays, (synapses,) int64 each; targets as storage ids."""
    s = 0
    for r in range(len(starts) - 1):
        sections = np.int64(words[starts[r]])
        at = starts[r] + 1 + 3 * sections
        for section in range(sections):
            entry = starts[r] + 1 + 3 * section
            end = at + section_words(words, entry)
            while at < end:
                count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
                for k in range(count):
                    row[s] = r
                    target[s] = np.int64(words[entry]) * block_neurons + group_target(words, at, kind, k)
                    delay[s] = np.int64(words[at]) >> 3
                    receptor[s] = np.int64(words[at]) & 7
                    code[s] = group_code(words, at, kind, count, k)
                    s += 1
                at += group_words(count, kind)
