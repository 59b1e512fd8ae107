"""How are candidates chosen, with or without repetition?

Candidates are numbers below a count. Without repetition Robert Floyd's algorithm (Bentley and Floyd 1987, Commun. ACM
30:754) takes exactly one draw for each, and every subset is equally likely. What is taken already is remembered as one
bit for each candidate, and forgotten by walking the chosen ones, so that the cost is that of the draws.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.draws import below_scalar
from neurograph_storage.jit import kernel

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_LOW6, _ONE = np.uint64(63), np.uint64(1)


@kernel
def bitmap(count: int) -> U64:
    """Return room to remember any of ``count`` candidates, none of which is taken."""
    return np.zeros(count // 64 + 1, np.uint64)


@kernel
def is_taken(taken: U64, number: Any) -> Any:
    """Return whether a candidate is taken."""
    return taken[number >> 6] >> (np.uint64(number) & _LOW6) & _ONE != 0


@kernel
def take(taken: U64, number: Any) -> None:
    """Remember that a candidate is taken."""
    taken[number >> 6] |= _ONE << (np.uint64(number) & _LOW6)


@kernel
def forget(taken: U64, chosen: I64) -> None:
    """Take back all of ``chosen``, which must be all that are taken."""
    for number in chosen:
        taken[number >> 6] = 0


@kernel
def choose(chosen: I64, bits: U64, count: int, distinct: bool, taken: U64) -> None:
    """Choose ``len(bits)`` of ``count`` candidates uniformly.

    Parameters
    ----------
    chosen : (n,) int64
        Where their numbers are written.
    bits : (n,) uint64
        A draw for each; if ``distinct``, n is at most ``count``.
    taken : uint64
        A `bitmap` for ``count``, clear before and after; not used unless ``distinct``.
    """
    for k in range(len(bits)):
        last = count - len(bits) + k
        # Where all are wanted nothing is left to chance, and the bitmap is not needed.
        chosen[k] = k if distinct and last == k else below_scalar(bits[k], np.uint64(last + 1 if distinct else count))
        if distinct and last != k:
            if is_taken(taken, chosen[k]):
                chosen[k] = last
            take(taken, chosen[k])
    if distinct and len(bits) < count:
        forget(taken, chosen[: len(bits)])


@kernel
def choose_each(bits: U64, counts: I64, degree: int, distinct: bool) -> I64:
    """Return ``degree`` of ``counts[r]`` candidates for each r, one after another, (len(counts) x degree,) int64."""
    chosen = np.empty(len(bits), np.int64)
    taken = bitmap(counts.max() if distinct and len(counts) else 0)
    for r in range(len(counts)):
        own = slice(r * degree, (r + 1) * degree)
        choose(chosen[own], bits[own], counts[r], distinct, taken)
    return chosen
