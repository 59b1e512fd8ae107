"""Which tails stay in memory when their spike is over, for the next spike of the same neuron?

Those that are *hot*: that fire most for the memory they take, or that fired last, whichever would have found more so
far. Activity that moves from place to place asks for the second, steady activity for the first. Each row has a count of
its spikes, halved now and then, whose *heat* is that count by the words of its tail, and the step of its last spike.
Thresholds of both are set so that what lies above just fits. Where room is needed, the segment of kept tails that was
filled first gives way: what is still hot in it is copied to the newest, the rest is forgotten.

Counting, and so what is kept, has no influence on spikes. Only worker 0 calls these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.prediction import ORACLE, WANTED, Model
from neurograph.segments import (
    FREE,
    KEPT,
    LEAVING,
    NONE,
    Segments,
    hold,
    leave,
    oldest_kept,
    release,
    reserve,
    room_kept,
    segment_of,
    set_room,
    take,
)
from neurograph_storage.jit import kernel, part

# Positions in `numbers`: spikes since the threshold was set, and since counts were halved; tails moved; hits; tails
# that were divided when the threshold was set; words that were read ahead and that a spike found; spikes that would
# have found their tail if those were kept that fire most, and if those that fired last; whether the latter are; in how
# many steps those fired last that just fit.
_SINCE_SET, _SINCE_HALVED, MOVED, HITS, _DIVIDED, USED, _FREQUENT, _RECENT, _BY_AGE, _AGE = range(10)
_NUMBERS = 10
# Counts are halved when each kept row had so many spikes on average, and the threshold is set 32 times as often.
_SPIKES_TO_HALVE, _SETS = 8, 32
# What either would have found is remembered for about so many settings.
_SETS_REMEMBERED = 8
# A kept tail stays while its heat is above this share of the threshold: without it, those near it come and go.
_STAY = np.float32(0.75)
# No more of a segment is moved than this share, so that room is gained even while the threshold is too low.
_MOVE = 0.75
# Heat is sorted into bins, so many to a mean row's spike; the threshold fills this share of the room.
_BINS, _BINS_A_SPIKE, _FILL = 4096, np.float32(16), 0.95
# Ages are sorted into four bins an octave.
_AGE_BINS, _LONG_AGO = 4 * 40, -(2**30)
_FOREVER = 2**62


class Kept(NamedTuple):
    """What is known of rows, besides their tails' length.

    Attributes
    ----------
    at : (rows,) int64
        Where in the pool a tail is kept, or -1; -2 if it is on its way ahead of any spike (`neurograph.ahead`).
    following : (rows,) int32
        The next row in the same segment, or -1.
    first : (segments,) int32
        The row of each segment that was kept last, or -1.
    placed : (segments, 2) int64
        The request, and the guess, that was last placed in each.
    fresh : (rows,) uint8
        Whether a tail was read ahead, and no spike has found it yet.
    counts : (rows,) float32
    last : (rows,) int32
        Step of the last spike.
    threshold : (1,) float32
        Of heat, in spikes of a row of mean length.
    mean : float
        Words of a tail.
    numbers : (10,) int64
        See the module.
    """

    at: NDArray[np.int64]
    following: NDArray[np.int32]
    first: NDArray[np.int32]
    placed: NDArray[np.int64]
    fresh: NDArray[np.uint8]
    counts: NDArray[np.float32]
    last: NDArray[np.int32]
    threshold: NDArray[np.float32]
    mean: float
    numbers: NDArray[np.int64]

    @staticmethod
    def make(rows: int, segments: int, mean: float) -> "Kept":
        """Return that nothing is kept, and nothing known."""
        return Kept(
            np.full(rows, NONE, np.int64), np.full(rows, NONE, np.int32), np.full(segments, NONE, np.int32),
            np.full((segments, 2), NONE, np.int64), np.zeros(rows, np.uint8), np.zeros(rows, np.float32),
            np.full(rows, _LONG_AGO, np.int32), np.zeros(1, np.float32), mean,
            np.array([0] * (_NUMBERS - 1) + [-_LONG_AGO]),
        )  # fmt: skip


def forget(kept: Kept) -> None:
    """Keep nothing of what was kept."""
    kept.at[:], kept.following[:], kept.first[:], kept.placed[:] = NONE, NONE, NONE, NONE
    kept.fresh[:] = 0


@part
def _heat(kept: Kept, row: int, words: int) -> np.float32:
    return kept.counts[row] * np.float32(kept.mean) / np.float32(words)


@part
def _is_hot(kept: Kept, row: int, words: int, step: int, share: np.float32) -> bool:
    """Return whether a tail is to be kept; ``share`` of the threshold of heat is enough."""
    if kept.numbers[_BY_AGE]:
        return step - np.int64(kept.last[row]) < kept.numbers[_AGE]
    return _heat(kept, row, words) >= share * kept.threshold[0]


@kernel
def find(kept: Kept, segments: Segments, row: int, words: int, step: int, until: int) -> int:
    """Count a spike of a row; return where its tail is kept, and will be up to step ``until``, or -1."""
    kept.numbers[_FREQUENT] += kept.counts[row] > 0 and _heat(kept, row, words) >= kept.threshold[0]
    kept.numbers[_RECENT] += step - np.int64(kept.last[row]) < kept.numbers[_AGE]
    kept.counts[row] += np.float32(1)
    kept.last[row] = step
    kept.numbers[_SINCE_SET] += 1
    at = kept.at[row]
    if at < 0:
        return NONE
    hold(segments, at, until)
    kept.numbers[HITS] += 1
    kept.numbers[USED] += words * kept.fresh[row]
    kept.fresh[row] = 0
    return at


@part
def enter(kept: Kept, segments: Segments, row: int, at: int, number: int) -> None:
    """Let spikes of a row find its tail, which a request brings in."""
    segment = segment_of(segments, at)
    kept.at[row], kept.following[row], kept.first[segment] = at, kept.first[segment], row
    kept.placed[segment, 0] = max(kept.placed[segment, 0], number)


@part
def has_room(segments: Segments, words: int, more: int) -> bool:
    """Return whether a tail can be kept, ``more`` segments over the room for that being allowed."""
    filling, counts = segments.filling[KEPT], segments.counts
    if filling != NONE and segments.used[filling] + words <= segments.size:
        return True
    return counts[FREE] > 0 and counts[KEPT] + counts[LEAVING] < room_kept(segments) + more


@kernel
def keep(kept: Kept, segments: Segments, row: int, words: int, step: int, until: int, number: int) -> int:
    """Return where the tail of a row that is hot enough shall lie, or -1: it is not, or there is no room.

    Parameters
    ----------
    step, until : int
        Of its spike; the last one at which that is delivered.
    number : int
        The request that brings it in.
    """
    if not _is_hot(kept, row, words, step, np.float32(1)):
        return NONE
    segments.demand[0] += words
    if not has_room(segments, words, 0):
        return NONE
    at = take(segments, KEPT, words, until)
    if at != NONE:
        enter(kept, segments, row, at, number)
    return at


@part
def _has_arrived(kept: Kept, segment: int, arrived: int, guessed: int) -> bool:
    return kept.placed[segment, 0] < arrived and kept.placed[segment, 1] < guessed


@kernel
def make_room(
    kept: Kept, segments: Segments, pool: NDArray[np.uint16], tails: NDArray[np.uint32], arrived: int, guessed: int,
    step: int, model: Model, more: int,
) -> None:  # fmt: skip
    """Empty the oldest segments of kept tails, if there are too many: move what is hot or wanted, forget the rest.

    Parameters
    ----------
    arrived, guessed : int
        All requests, and all guesses, before these have arrived.
    step : int
        The one that all stand before.
    model : Model
        Says which rows are expected to spike.
    more : int
        Segments to be free besides.
    """
    # What a known spike will need stays.
    until = step if model.policy == ORACLE else _FOREVER
    spare = max(1, reserve(segments) * kept.numbers[_BY_AGE])
    for _ in range(segments.counts[KEPT] + spare + more - room_kept(segments)):
        segment = oldest_kept(segments, until)
        if segment == NONE or not _has_arrived(kept, segment, arrived, guessed):
            return
        _empty(kept, segments, pool, tails, segment, step, model, np.int64(_MOVE * segments.size))


@kernel
def _empty(
    kept: Kept, segments: Segments, pool: NDArray[np.uint16], tails: NDArray[np.uint32], segment: int, step: int,
    model: Model, movable: int,
) -> None:  # fmt: skip
    """Empty a segment of kept tails: move up to ``movable`` words of what is hot or wanted, forget the rest."""
    leave(segments, segment)
    row = np.int64(kept.first[segment])
    kept.first[segment], kept.placed[segment] = NONE, NONE
    while row != NONE:
        following, source, words = np.int64(kept.following[row]), kept.at[row], np.int64(tails[row])
        kept.at[row] = NONE
        stays = _is_hot(kept, row, words, step, _STAY) or model.table[row >> model.shift, WANTED] != 0
        if stays and words <= movable and has_room(segments, words, 1):
            at = take(segments, KEPT, words, NONE)
            enter(kept, segments, row, at, NONE)
            for k in range(words):
                pool[at + k] = pool[source + k]
            movable -= words
            kept.numbers[MOVED] += 1
        else:
            kept.fresh[row] = 0
        row = following


@kernel
def give_up(
    kept: Kept, segments: Segments, pool: NDArray[np.uint16], tails: NDArray[np.uint32], arrived: int, guessed: int,
    step: int, model: Model,
) -> bool:  # fmt: skip
    """Free a segment of kept tails that nobody needs from ``step`` on, and forget them; return whether it could."""
    segment = oldest_kept(segments, step)
    if segment == NONE or not _has_arrived(kept, segment, arrived, guessed):
        return False
    _empty(kept, segments, pool, tails, segment, step, model, 0)
    release(segments, step)
    return True


@kernel
def learn(kept: Kept, segments: Segments, tails: NDArray[np.uint32], step: int, divided: int) -> None:
    """Set thresholds and room anew, if there were spikes enough since the last time.

    Parameters
    ----------
    step : int
        The one that all stand before.
    divided : int
        Tails that were divided so far.
    """
    numbers = kept.numbers
    words = room_kept(segments) * segments.size
    rows = max(np.int64(1), np.int64(words / kept.mean))
    # A pass over all rows must not cost more than the spikes in between.
    if numbers[_SINCE_SET] < max(_SPIKES_TO_HALVE * rows, len(tails)) // _SETS and numbers[_DIVIDED] == divided:
        return
    set_room(segments)
    numbers[_SINCE_HALVED] += numbers[_SINCE_SET]
    # What fired last is mostly in flight, so there is no keeping it while even that does not fit.
    numbers[_BY_AGE] = numbers[_RECENT] > numbers[_FREQUENT] and numbers[_DIVIDED] == divided
    numbers[_SINCE_SET], numbers[_DIVIDED] = 0, divided
    for k in (_RECENT, _FREQUENT):
        numbers[k] -= numbers[k] // _SETS_REMEMBERED
    if numbers[_SINCE_HALVED] >= _SPIKES_TO_HALVE * rows:
        numbers[_SINCE_HALVED] = 0
        for row in range(len(kept.counts)):
            kept.counts[row] *= np.float32(0.5)
    kept.threshold[0] = _threshold(kept, tails, np.int64(_FILL * words))
    numbers[_AGE] = _age(kept, tails, step, np.int64(_FILL * words))


@part
def _threshold(kept: Kept, tails: NDArray[np.uint32], room: int) -> np.float32:
    """Return the heat above which tails take no more than ``room`` words."""
    bins = np.zeros(_BINS, np.int64)
    for row in range(len(tails)):
        words = np.int64(tails[row])
        if words and kept.counts[row] > np.float32(0):
            bins[min(_BINS - 1, np.int64(_BINS_A_SPIKE * _heat(kept, row, words)))] += words
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
def _age(kept: Kept, tails: NDArray[np.uint32], step: int, room: int) -> int:
    """Return the age, in steps, below which tails take no more than ``room`` words."""
    bins = np.zeros(_AGE_BINS, np.int64)
    for row in range(len(tails)):
        bins[_age_bin(max(np.int64(1), step - np.int64(kept.last[row])))] += np.int64(tails[row])
    total, youngest = 0, 0
    while youngest < _AGE_BINS - 1 and total + bins[youngest] <= room:
        total += bins[youngest]
        youngest += 1
    return np.int64((4 + (youngest & 3)) << (youngest >> 2)) >> 2
