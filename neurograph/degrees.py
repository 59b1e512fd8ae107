"""How many synapses leave each source, when that is drawn too?

Where the rule fixes the total, sources are drawn uniformly with replacement, so out-degrees are multinomial. To know
those of any few sources without holding all:

1. The total is split among blocks of 1,024 sources, multinomially; these few numbers are kept.
2. Within a block, each of its synapses draws its source; the draws are a pure function of (seed, projection, block).

Where each pair is joined with one probability, out-degrees are binomial, one draw for each source.
"""

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from neurograph.draws import PURPOSE_DEGREE, binomial_table, mix64_scalar, stream_keys
from neurograph_storage.jit import kernel

BLOCK = 1024

I64 = NDArray[np.int64]
_S32 = np.uint64(32)


@kernel
def _count_sources(key: np.uint64, total: int, size: int) -> NDArray[np.int32]:
    """Return how often each of ``size`` sources is drawn in ``total`` draws, (size,) int32."""
    counts = np.zeros(size, np.int32)
    gamma = mix64_scalar(key) | np.uint64(1)
    for k in range(total):
        # 32 bits are plenty for at most 1,024 sources.
        counts[((mix64_scalar(key + np.uint64(k) * gamma) >> _S32) * np.uint64(size)) >> _S32] += 1
    return counts


class TotalDegrees:
    """Out-degrees that sum to a total.

    Parameters
    ----------
    total, size : int
        Synapses, and sources.
    seed, part : int
        Decide the draws; ``part`` is the projection's number.
    keep : int
        Blocks whose degrees are remembered.
    """

    def __init__(self, total: int, size: int, *, seed: int, part: int, keep: int) -> None:
        self._size = size
        blocks = -(-size // BLOCK)
        self._keys = stream_keys(seed, PURPOSE_DEGREE, np.arange(blocks + 1), part=part)
        sizes = np.minimum(BLOCK, size - BLOCK * np.arange(blocks))
        split = np.random.Generator(np.random.Philox(key=int(self._keys[-1])))
        self._totals = split.multinomial(total, sizes / size) if size else np.zeros(0, np.int64)
        self._of_block = lru_cache(maxsize=keep)(self._draw_block)

    def __call__(self, sources: I64) -> I64:
        """Return the synapses of each source, (n,) int64."""
        degrees = np.empty(len(sources), np.int64)
        blocks = sources // BLOCK
        for block in np.unique(blocks).tolist():
            inside = blocks == block
            degrees[inside] = self._of_block(block)[sources[inside] - block * BLOCK]
        return degrees

    def _draw_block(self, block: int) -> NDArray[np.int32]:
        size = min(BLOCK, self._size - block * BLOCK)
        return _count_sources(self._keys[block], int(self._totals[block]), size)


class BinomialDegrees:
    """Out-degrees of sources that are joined with each of their candidates with one probability.

    Parameters
    ----------
    probability : float
    candidates : callable
        Gives how many candidates each source has, (n,) int64; few different numbers.
    seed, part : int
        Decide the draws; ``part`` is the projection's number.
    """

    def __init__(self, probability: float, candidates: Callable[[I64], I64], *, seed: int, part: int) -> None:
        self._candidates, self._seed, self._part = candidates, seed, part
        self._table = lru_cache(maxsize=4)(partial(binomial_table, probability=probability))

    def __call__(self, sources: I64) -> I64:
        """Return the synapses of each source, (n,) int64."""
        counts = self._candidates(sources)
        bits = stream_keys(self._seed, PURPOSE_DEGREE, sources, part=self._part)
        degrees = np.empty(len(sources), np.int64)
        for count in np.unique(counts).tolist():
            same = counts == count
            degrees[same] = self._table(count).sample(bits[same])
        return degrees
