"""Which tails are worth keeping when their spike is over?

Those that are *hot*: that fire most for the memory they take, or that fired last, whichever would have found more so
far. Activity that moves from place to place asks for the second, steady activity for the first. Each row has a count of
its spikes, halved now and then, whose *heat* is that count by the words of its tail, and the step of its last spike.
Thresholds of both are set so that what lies above just fits.

Counting has no influence on spikes. Only worker 0 calls these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, part

# Positions in `numbers`: spikes since the threshold was set, and since counts were halved; tails that were divided when
# the threshold was set; spikes that would have found their tail if those were kept that fire most, and if those that
# fired last; whether the latter are; in how many steps those fired last that just fit.
_SINCE_SET, _SINCE_HALVED, _DIVIDED, _FREQUENT, _RECENT, BY_AGE, _AGE = range(7)
_NUMBERS = 7
# Counts are halved when each kept row had so many spikes on average, and the threshold is set 32 times as often.
_SPIKES_TO_HALVE, _SETS = 8, 32
# What either would have found is remembered for about so many settings.
_SETS_REMEMBERED = 8
# Heat is sorted into bins, so many to a mean row's spike; the threshold fills this share of the room.
_BINS, _BINS_A_SPIKE, _FILL = 4096, np.float32(16), 0.95
# Ages are sorted into four bins an octave.
_AGE_BINS, _LONG_AGO = 4 * 40, -(2**30)


class Heat(NamedTuple):
    """How often, and when, rows spiked.

    Attributes
    ----------
    counts : (rows,) float32
    last : (rows,) int32
        Step of the last spike.
    threshold : (1,) float32
        Of heat, in spikes of a row of mean length.
    mean : float
        Words of a tail.
    numbers : (7,) int64
        See the module.
    """

    counts: NDArray[np.float32]
    last: NDArray[np.int32]
    threshold: NDArray[np.float32]
    mean: float
    numbers: NDArray[np.int64]

    @staticmethod
    def make(rows: int, mean: float) -> "Heat":
        """Return that no row has spiked."""
        last, numbers = np.full(rows, _LONG_AGO, np.int32), np.array([0] * (_NUMBERS - 1) + [-_LONG_AGO])
        return Heat(np.zeros(rows, np.float32), last, np.zeros(1, np.float32), mean, numbers)


@part
def _of(heat: Heat, row: int, words: int) -> np.float32:
    return heat.counts[row] * np.float32(heat.mean) / np.float32(words)


@part
def is_hot(heat: Heat, row: int, words: int, step: int, share: np.float32) -> bool:
    """Return whether a tail is to be kept; ``share`` of the threshold of heat is enough."""
    if heat.numbers[BY_AGE]:
        return step - np.int64(heat.last[row]) < heat.numbers[_AGE]
    return _of(heat, row, words) >= share * heat.threshold[0]


@part
def count(heat: Heat, row: int, words: int, step: int) -> None:
    """Count a spike, and what either way of keeping tails would have found; not again after the run has gone back."""
    numbers = heat.numbers
    if np.int64(heat.last[row]) >= step:
        return
    numbers[_FREQUENT] += heat.counts[row] > 0 and _of(heat, row, words) >= heat.threshold[0]
    numbers[_RECENT] += step - np.int64(heat.last[row]) < numbers[_AGE]
    numbers[_SINCE_SET] += 1
    heat.counts[row] += np.float32(1)
    heat.last[row] = step


@part
def _fitting(heat: Heat, words: int) -> int:
    """Return how many tails fit in so many words."""
    return max(np.int64(1), np.int64(words / heat.mean))


@kernel
def is_time(heat: Heat, words: int, rows: int, divided: int) -> bool:
    """Return whether there were spikes enough since thresholds were set, or tails were divided.

    Parameters
    ----------
    words : int
        Room for what is kept.
    rows, divided : int
        All rows; tails that were divided so far.
    """
    # A pass over all rows must not cost more than the spikes in between.
    enough = max(_SPIKES_TO_HALVE * _fitting(heat, words), rows) // _SETS
    return heat.numbers[_SINCE_SET] >= enough or heat.numbers[_DIVIDED] != divided


@kernel
def set_thresholds(heat: Heat, tails: NDArray[np.uint32], words: int, step: int, divided: int) -> None:
    """Set both thresholds anew, and say which one decides; ``words`` as for `is_time`, ``tails``: words of each."""
    numbers = heat.numbers
    numbers[_SINCE_HALVED] += numbers[_SINCE_SET]
    # What fired last is mostly in flight, so there is no keeping it while even that does not fit.
    numbers[BY_AGE] = numbers[_RECENT] > numbers[_FREQUENT] and numbers[_DIVIDED] == divided
    numbers[_SINCE_SET], numbers[_DIVIDED] = 0, divided
    for k in (_RECENT, _FREQUENT):
        numbers[k] -= numbers[k] // _SETS_REMEMBERED
    if numbers[_SINCE_HALVED] >= _SPIKES_TO_HALVE * _fitting(heat, words):
        numbers[_SINCE_HALVED] = 0
        for row in range(len(heat.counts)):
            heat.counts[row] *= np.float32(0.5)
    heat.threshold[0] = _threshold(heat, tails, np.int64(_FILL * words))
    numbers[_AGE] = _age(heat, tails, step, np.int64(_FILL * words))


@part
def _threshold(heat: Heat, tails: NDArray[np.uint32], room: int) -> np.float32:
    """Return the heat above which tails take no more than ``room`` words."""
    bins = np.zeros(_BINS, np.int64)
    for row in range(len(tails)):
        words = np.int64(tails[row])
        if words and heat.counts[row] > np.float32(0):
            bins[min(_BINS - 1, np.int64(_BINS_A_SPIKE * _of(heat, row, words)))] += words
    total, threshold = 0, _BINS
    while threshold > 0 and total + bins[threshold - 1] <= room:
        threshold -= 1
        total += bins[threshold]
    return np.float32(threshold) / _BINS_A_SPIKE


@part
def _age_bin(age: int) -> int:
    """Return the bin of an age, in steps: four an octave."""
    octave = 0
    while age >> octave + 1:
        octave += 1
    return 4 * octave + (((age << 2) >> octave) & 3)


@part
def _age(heat: Heat, tails: NDArray[np.uint32], step: int, room: int) -> int:
    """Return the age, in steps, below which tails take no more than ``room`` words."""
    bins = np.zeros(_AGE_BINS, np.int64)
    for row in range(len(tails)):
        bins[_age_bin(max(np.int64(1), step - np.int64(heat.last[row])))] += np.int64(tails[row])
    total, youngest = 0, 0
    while youngest < _AGE_BINS - 1 and total + bins[youngest] <= room:
        total += bins[youngest]
        youngest += 1
    return np.int64((4 + (youngest & 3)) << (youngest >> 2)) >> 2
