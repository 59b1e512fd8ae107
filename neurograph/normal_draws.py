"""How do 64 random bits become a normally distributed number, with the same bits in kernels and in NumPy?

By inversion. Bit 0 gives the sign and the 52 leading bits a probability p in (0, 1/2), of which the number is minus the
quantile. The quantile is a table of cubic polynomials: 16 for each power of two that p can have, so that the tail is as
exact as the middle. Only multiplications, additions and operations on bits are used, as in
`neurograph.models.exponential`.

The largest error is 1.2e-8, and the largest number 8.3 (`tests/test_noise.py`).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph_storage.jit import bits_float, float_bits, kernel

# Exponents of p, and what of its mantissa tells apart the polynomials of one exponent.
_LOWEST, _OCTAVES = -54, 53
_INDEX_BITS = 4
_INDEX_SHIFT = 52 - _INDEX_BITS
_FIRST = (_LOWEST + 1023) << _INDEX_BITS
_REST = (1 << _INDEX_SHIFT) - 1
_ONE = 1023 << 52
# Added to a float in [1, 2), moves it to the middle of the interval that its 52 bits stand for, less 1.
_TO_MIDDLE = 2.0**-53 - 1.0
_LEADING, _SIGN = np.uint64(12), np.uint64(1)


@cache
def normal_table() -> NDArray[np.float64]:
    """Return the polynomials, (848, 4) float64, constant term first, of the place in their interval, 0 to 1."""
    edges = 2.0 ** np.arange(_LOWEST, _LOWEST + _OCTAVES)[:, np.newaxis]
    lower = (edges * (1 + np.arange(2**_INDEX_BITS) / 2**_INDEX_BITS)).ravel()
    width = np.repeat(edges.ravel(), 2**_INDEX_BITS) / 2**_INDEX_BITS
    nodes = 0.5 + 0.5 * np.cos(np.pi * (np.arange(4) + 0.5) / 4)
    table = np.zeros((len(lower), 4))
    for k, node in enumerate(nodes):
        others = np.delete(nodes, k)
        basis = np.poly(others)[::-1] / np.prod(node - others)
        table -= special.ndtri(lower + width * node)[:, np.newaxis] * basis
    return table


def normals(bits: NDArray[np.uint64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a standard normal number for each draw, (n,) float64."""
    half = ((bits >> _LEADING) | np.uint64(_ONE)).view(np.float64)
    pattern = ((half + _TO_MIDDLE) * 0.5).view(np.int64)
    x = ((pattern & _REST) << _INDEX_BITS | _ONE).view(np.float64) - 1.0
    c0, c1, c2, c3 = table[(pattern >> _INDEX_SHIFT) - _FIRST].T
    size = ((c3 * x + c2) * x + c1) * x + c0
    values: NDArray[np.float64] = np.where(bits & _SIGN, -size, size)
    return values


@kernel
def normal(bits: np.uint64, table: NDArray[np.float64]) -> float:
    """Return what `normals` returns for one draw."""
    half = bits_float(np.int64((bits >> _LEADING) | np.uint64(_ONE)))
    pattern = float_bits((half + _TO_MIDDLE) * 0.5)
    x = bits_float((pattern & _REST) << _INDEX_BITS | _ONE) - 1.0
    index = (pattern >> _INDEX_SHIFT) - _FIRST
    size = ((table[index, 3] * x + table[index, 2]) * x + table[index, 1]) * x + table[index, 0]
    value: float = -size if bits & _SIGN else size
    return value
