"""How is a weight written that needs more than 16 bits to be exact?

All weights of one receptor are whole multiples of a unit, a power of two, and each multiple is written with base 2^16:
as *digits* of 16 bits, the highest first, each from -2^15 to 2^15 - 1. In a row every digit is an entry like a weight
code, with a receptor number of its own, so that each digit has its own sums of integers, and all that reads, moves
and delivers rows knows nothing of it.

1. The unit is the lowest bit that any weight has, so every weight is a whole multiple of it, and nothing is rounded.
2. From the top, each digit is the nearest multiple of its place value; what is left goes to the next one.
3. Digits times place values, summed from the top, give the very float: no partial sum needs more bits than it has.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.edges import ListedValues
from neurograph_storage.layout import MAX_CODE

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

BASE = 2.0**16
_MANTISSA = 53
# So many cover nearly all that floats can be; far more than can be stored.
_MOST = 63


def place_values(unit: float, digits: int) -> F64:
    """Return the weight of 1 in each digit, the highest first, (digits,) float64.

    Examples
    --------
    >>> place_values(0.5, 2)
    array([3.2768e+04, 5.0000e-01])
    """
    return np.array([unit * BASE**k for k in range(digits - 1, -1, -1)])


def split(weights: F64, unit: float, digits: int) -> I64:
    """Return the digits of each weight, (weights, digits) int64.

    Parameters
    ----------
    weights : (weights,) float64
        Whole multiples of ``unit``, as far as floats tell, that so many digits can hold.
    """
    found = np.empty((len(weights), digits), np.int64)
    rest = np.round(weights / unit)
    for k, value in enumerate(place_values(1.0, digits)):
        # Not floor(x + 0.5), whose sum is rounded.
        digit = np.round(rest / value)
        rest = rest - digit * value
        found[:, k] = digit
    for k in range(digits - 1, 0, -1):
        # What is left after rounding is at most half a place value, which the digit below may have to hand back.
        over = found[:, k] > MAX_CODE
        found[over, k] -= int(BASE)
        found[over, k - 1] += 1
    return found


def join(digits: I64, unit: float) -> F64:
    """Return the weights of which `split` gave the digits, (weights,) float64."""
    total = np.zeros(len(digits))
    for column, value in zip(digits.T, place_values(unit, digits.shape[1]), strict=True):
        total += column * value
    return total


def binary_unit(listed: list[ListedValues]) -> tuple[float, int]:
    """Return the largest power of two of which all values are whole multiples, and the digits that they need then."""
    lowest, largest = 1024, 0.0
    for values in (part for one in listed for part in one.distinct()):
        lowest = min(lowest, _lowest_bit(values))
        largest = max(largest, float(np.abs(values).max(initial=0.0)))
    if largest == 0:
        return 1.0, 1
    unit, digits = float(np.ldexp(1.0, lowest)), 1
    # One less for the rounding of the highest digit, one for what the next hands back.
    while largest / unit / BASE ** (digits - 1) > MAX_CODE - 2 and digits < _MOST:
        digits += 1
    return unit, digits


def _lowest_bit(values: F64) -> int:
    """Return the smallest k for which some value has the bit 2^k."""
    mantissa, exponent = np.frexp(values[values != 0])
    if len(mantissa) == 0:
        return 1024
    whole = np.ldexp(mantissa, _MANTISSA).astype(np.int64)
    bit = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    return int((exponent + bit).min()) - _MANTISSA
