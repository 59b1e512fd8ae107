"""How is e to the x computed, such that it has the same bits everywhere?

The exponentials of NumPy, of numba and of the C library differ in the last bit of a few per cent of their results, and
with the processor. This one consists of multiplications, additions and operations on bits, each rounded as IEEE 754
says and none contracted, so it has one result wherever it is compiled, alone or in a vectorised loop.

1. k is x / ln 2 to the nearest integer, r = x - k ln 2, in two parts (Cody and Waite 1980), so abs(r) <= 0.347.
2. e^r by its Taylor polynomial of degree 13, whose remainder is below 2^-57.
3. The product of e^r and 2^k, the latter made from its bits.

Largest error measured: 1 unit in the last place (`tests/test_exponential.py`).
"""

import math

import numba

from neurograph_storage.jit import bits_float, float_bits

LOWEST, HIGHEST = -708.0, 709.0
_LOG2_E = 1 / math.log(2.0)
# Adding and subtracting 1.5 * 2^52 rounds to an integer, which then stands in the low bits.
_ROUND = 1.5 * 2.0**52
# ln 2 = high + low; the high part has 21 zeros at its end, so that its product with k is exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (1 / math.factorial(k) for k in range(2, 14))


@numba.njit(nogil=True, cache=True, forceinline=True)
def exp(x: float) -> float:
    """Return e to the ``x``: in kernels and in Python, with the same bits.

    Above 709 it is infinite and below -708 it is 0: what lies beyond is, give or take one, no normal float64.
    """
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    # Estrin's scheme: pairs first, so that a processor can work on several at once.
    low = (_C2 + r * _C3) + r2 * (_C4 + r * _C5)
    middle = (_C6 + r * _C7) + r2 * (_C8 + r * _C9)
    high = (_C10 + r * _C11) + r2 * (_C12 + r * _C13)
    series = low + r4 * (middle + r4 * high)
    power = bits_float((float_bits(shifted) + 1023) << 52)
    value: float = (1.0 + (r + r2 * series)) * power
    value = 0.0 if x < LOWEST else value
    return math.inf if x > HIGHEST else value
