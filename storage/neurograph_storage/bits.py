"""How are numbers written as few bits, one behind the other, in 16-bit words?

Bits fill each word from its lowest on. Positions are counted in bits from the start of the array.

| code | for | bits |
|---|---|---|
| plain | a number below 2^n | n |
| gamma (Elias) | a small number from 1 on | 2 log2(v) + 1 |
| Rice | a number with a known mean, as gaps have | about the entropy of a geometric distribution + 0.04 |

Reading loads 64 bits at a time, so an array needs `PADDING` words behind its last bit. Readers follow damaged bits
wherever these lead, at most `PADDING` words further with each call; callers compare positions with the end.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, load64, trailing_zeros

U16 = NDArray[np.uint16]

PADDING = 8
# A load is shifted by up to 15 bits, so this many of it can be used.
_USABLE = 48
_ONE = np.uint64(1)


@kernel
def bit_length(value: int) -> int:
    """Return the bits of a number, 0 for 0."""
    length = 0
    while value > 0:
        value >>= 1
        length += 1
    return length


@kernel
def rice_parameter(total: int, count: int) -> int:
    """Return the parameter for numbers whose mean is ``total / count``: the low bits that are written plainly.

    The best one for a geometric distribution is floor(log2(0.96 mean)); 63/64 is near enough and exact in integers.
    """
    return max(0, bit_length(total * 63 // 64 // count) - 1)


@kernel
def rice_bits(value: int, parameter: int) -> int:
    """Return the bits of a number in Rice code."""
    return (value >> parameter) + 1 + parameter


@kernel
def put(words: U16, at: int, value: int, bits: int) -> int:
    """Write ``bits`` (at most 48) bits into zeroed words; return where they end."""
    rest = np.uint64(value) << np.uint64(at & 15)
    word = at >> 4
    while rest != 0:
        words[word] |= np.uint16(rest & np.uint64(0xFFFF))
        rest >>= np.uint64(16)
        word += 1
    return at + bits


@kernel
def put_gamma(words: U16, at: int, value: int) -> int:
    """Write a number from 1 on; return where it ends."""
    low = bit_length(value) - 1
    at = put(words, at + low, 1, 1)
    return put(words, at, value - (1 << low), low)


@kernel
def put_rice(words: U16, at: int, value: int, parameter: int) -> int:
    """Write a number from 0 on; return where it ends."""
    at = put(words, at + (value >> parameter), 1, 1)
    return put(words, at, value & ((1 << parameter) - 1), parameter)


@kernel
def _peek(words: U16, at: int) -> Any:
    return load64(words, at >> 4) >> np.uint64(at & 15)


@kernel
def get(words: U16, at: int, bits: int) -> int:
    """Return the number in the next ``bits`` (at most 48) bits."""
    return np.int64(_peek(words, at) & ((_ONE << np.uint64(bits)) - _ONE))


@kernel
def get_gamma(words: U16, at: int) -> tuple[int, int]:
    """Return a number from 1 on, and where it ends."""
    low = min(trailing_zeros(_peek(words, at)), _USABLE)
    return (1 << low) + get(words, at + low + 1, low), at + 2 * low + 1


@kernel
def get_rice(words: U16, at: int, parameter: int, end: int) -> tuple[int, int]:
    """Return a number from 0 on, and where it ends; a run of zeros is followed no further than ``end``."""
    bits = _peek(words, at)
    high = trailing_zeros(bits)
    if high + 1 + parameter <= _USABLE:
        low = (bits >> np.uint64(high + 1)) & ((_ONE << np.uint64(parameter)) - _ONE)
        return (high << parameter) + np.int64(low), at + high + 1 + parameter
    high = 0
    while at + high < end and (_peek(words, at + high) & np.uint64(0xFFFF)) == 0:
        high += 16
    high += min(trailing_zeros(_peek(words, at + high)), 16)
    return (high << parameter) + get(words, at + high + 1, parameter), at + high + 1 + parameter
