"""Where do random numbers come from, such that nothing but the seed decides them?

A counter-based generator: a draw is a pure function of (seed, purpose, id, counter), never of what was drawn before,
so workers, order and interruption cannot change it.

1. ``stream_keys`` hashes (seed, purpose, id) into one 64-bit key for each id.
2. ``counter_prefix`` and ``counter_key`` hash (seed, purpose, counter), for instance the step.
3. A draw is ``mix64(stream key XOR counter key)``: 64 random bits.
4. `DiscreteTable` turns the bits into a value of any discrete distribution by inversion, exact to 2^-53.

`mix64` is the finaliser of SplitMix64 (Steele, Lea, Flood 2014; constants of Stafford's variant 13). It is written with
operators only, so that the one function serves NumPy arrays and compiled kernels alike.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph_storage.jit import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_C1, _C2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_S32, _LOW32 = np.uint64(32), np.uint64(2**32 - 1)
# A guide has as many entries as its table, so that one or two comparisons find a value, within these bounds.
_MIN_GUIDE_BITS, _MAX_GUIDE_BITS = 8, 16

# One number for each use, so that no two uses share draws.
PURPOSE_INITIAL, PURPOSE_DRIVE, PURPOSE_ROW, PURPOSE_EDGE, PURPOSE_SHUFFLE, PURPOSE_DEGREE, PURPOSE_ORDER = range(1, 8)


def mix64(z: Any) -> Any:
    """Return 64 well mixed bits; ``z`` is uint64, scalar inside kernels, an array elsewhere."""
    z = (z ^ (z >> _S30)) * _C1
    z = (z ^ (z >> _S27)) * _C2
    return z ^ (z >> _S31)


mix64_scalar = numba.njit(nogil=True, cache=True)(mix64)


def below(bits: Any, size: Any) -> Any:
    """Return uniform integers below ``size`` (at most 2^32), the high half of the 96-bit product; all uint64."""
    return ((bits >> _S32) * size + (((bits & _LOW32) * size) >> _S32)) >> _S32


below_scalar = numba.njit(nogil=True, cache=True)(below)


def _hash(*parts: int) -> NDArray[np.uint64]:
    """Return one key, (1,) uint64, for a sequence of integers of any sign."""
    key = np.zeros(1, np.uint64)
    for part in parts:
        key = mix64((key ^ np.array([part & (2**64 - 1)], np.uint64)) + GOLDEN)
    return key


def stream_keys(seed: int, purpose: int, ids: NDArray[np.integer[Any]], *, part: int = 0) -> NDArray[np.uint64]:
    """Return the key of each id's stream.

    Parameters
    ----------
    ids : (n,) integer
        Original ids, or anything else that is unique within the purpose.
    part : int
        Tells apart several streams of one purpose (drives, projections).

    Returns
    -------
    (n,) uint64
    """
    keys: NDArray[np.uint64] = mix64(_hash(seed, purpose, part) ^ mix64(ids.astype(np.int64).view(np.uint64) + GOLDEN))
    return keys


def counter_prefix(seed: int, purpose: int, *, part: int = 0) -> np.uint64:
    """Return what all counters of one purpose share; see `counter_key`."""
    # The marker keeps counters apart from ids that happen to be the same numbers.
    return np.uint64(_hash(seed, purpose, part, -1)[0])


def counter_key(prefix: NDArray[np.uint64], counter: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the key of each counter value, to be combined with stream keys by XOR."""
    key: NDArray[np.uint64] = mix64((prefix ^ counter.view(np.uint64)) + GOLDEN)
    return key


@kernel
def counter_key_scalar(prefix: np.uint64, counter: int) -> Any:
    """Return `counter_key` for one value."""
    return mix64_scalar((prefix ^ np.uint64(counter)) + GOLDEN)


def row_gammas(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the odd increment of each row's own sequence, so that no two rows walk along the same one."""
    gammas: NDArray[np.uint64] = mix64(keys + GOLDEN) | np.uint64(1)
    return gammas


@kernel
def row_bits(key: Any, gamma: Any, draw: int) -> Any:
    """Return draw number ``draw`` of a row's own sequence."""
    return mix64_scalar(key + np.uint64(draw + 1) * gamma)


class DiscreteTable(NamedTuple):
    """A discrete distribution as integers, to be sampled by inversion.

    Attributes
    ----------
    thresholds : (n,) uint64
        Cumulative probability up to each value, times 2^64; the last one catches all.
    values : (n,) int64
        The value drawn for bits below each threshold.
    guide : (a power of two,) int64
        For the leading bits of a draw, the first entry that can be meant.
    shift : uint64
        How far right a draw is shifted for its leading bits.
    """

    thresholds: NDArray[np.uint64]
    values: NDArray[np.int64]
    guide: NDArray[np.int64]
    shift: np.uint64

    @staticmethod
    def from_cumulative(cumulative: NDArray[np.float64], values: NDArray[np.int64]) -> "DiscreteTable":
        """Build from cumulative probabilities, (n,) rising to 1."""
        scaled = np.minimum(cumulative, 1 - 2**-53) * 2.0**64
        thresholds = scaled.astype(np.uint64)
        thresholds[-1] = np.uint64(2**64 - 1)
        bits = min(max(len(values).bit_length(), _MIN_GUIDE_BITS), _MAX_GUIDE_BITS)
        shift = np.uint64(64 - bits)
        starts = np.arange(2**bits, dtype=np.uint64) << shift
        return DiscreteTable(thresholds, values, np.searchsorted(thresholds, starts, side="right"), shift)

    def sample(self, bits: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return a value for each draw of 64 bits; the same as `sample_table` gives in kernels."""
        index = np.searchsorted(self.thresholds[:-1], bits, side="right")
        return self.values[index]


@kernel
def sample_table(table: DiscreteTable, bits: np.uint64) -> Any:
    """Return the value for one draw; the guide makes it one or two comparisons."""
    index = table.guide[bits >> table.shift]
    last = len(table.thresholds) - 1
    while index < last and table.thresholds[index] <= bits:
        index += 1
    return table.values[index]


def poisson_table(mean: float) -> DiscreteTable:
    """Return the Poisson distribution with ``mean`` events, cut where less than 2^-53 is left."""
    counts = np.arange(int(mean + 12 * np.sqrt(mean)) + 24)
    cumulative = np.asarray(special.pdtr(counts, mean), np.float64)
    needed = int(np.searchsorted(cumulative, 1 - 2.0**-53)) + 1
    return DiscreteTable.from_cumulative(cumulative[:needed], counts[:needed])


def binomial_table(trials: int, probability: float) -> DiscreteTable:
    """Return how many of ``trials`` succeed; what has less than 2^-53 on either side is cut off."""
    mean = trials * probability
    far = 12 * np.sqrt(mean * (1 - probability)) + 24
    counts = np.arange(max(0, int(mean - far)), min(trials, int(mean + far)) + 1)
    # Not bdtr, which takes fewer than 2^31 trials. No more than all is certain, which betaincc cannot say.
    cumulative = np.ones(len(counts))
    some = counts[counts < trials]
    cumulative[: len(some)] = special.betaincc(some + 1.0, float(trials) - some, probability)
    needed = min(int(np.searchsorted(cumulative, 1 - 2.0**-53)) + 1, len(counts))
    return DiscreteTable.from_cumulative(cumulative[:needed], counts[:needed])


def uniforms(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return floats in the open interval (0, 1), with 53 random bits each."""
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
