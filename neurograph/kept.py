"""Which tails stay in memory when their spike is over, for the next spike of the same neuron?

Those that fire most for the memory they take, learned while the circuit runs. Each row has a count of its spikes,
halved now and then; its *heat* is that count by the words of its tail. A tail is kept when its heat is above a
threshold, set so that what lies above just fits. Where room is needed, the segment of kept tails that was filled first
gives way: what is still hot in it is copied to the newest, the rest is forgotten.

Counting, and so what is kept, has no influence on spikes. Only worker 0 calls these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.segments import (
    FREE,
    KEPT,
    LEAVING,
    NONE,
    Segments,
    hold,
    leave,
    oldest_kept,
    room_kept,
    segment_of,
    set_room,
    take,
)
from neurograph_storage.jit import kernel, part

# Positions in `numbers`: spikes since the threshold was set, and since counts were halved; tails moved; hits; tails
# that were divided when the threshold was set.
_SINCE_SET, _SINCE_HALVED, MOVED, HITS, _DIVIDED = range(5)
_NUMBERS = 5
# Counts are halved when each kept row had so many spikes on average, and the threshold is set 32 times as often.
_SPIKES_TO_HALVE, _SETS = 8, 32
# A kept tail stays while its heat is above this share of the threshold: without it, those near it come and go.
_STAY = np.float32(0.75)
# No more of a segment is moved than this share, so that room is gained even while the threshold is too low.
_MOVE = 0.75
# Heat is sorted into bins, so many to a mean row's spike; the threshold fills this share of the room.
_BINS, _BINS_A_SPIKE, _FILL = 4096, np.float32(16), 0.95


class Kept(NamedTuple):
    """What is known of rows, besides their tails' length.

    Attributes
    ----------
    at : (rows,) int64
        Where in the pool a tail is kept, or -1.
    following : (rows,) int32
        The next row in the same segment, or -1.
    first : (segments,) int32
        The row of each segment that was kept last, or -1.
    placed : (segments,) int64
        The request that was last placed in each.
    counts : (rows,) float32
    threshold : (1,) float32
        Of heat, in spikes of a row of mean length.
    mean : float
        Words of a tail.
    numbers : (5,) int64
        See the module.
    """

    at: NDArray[np.int64]
    following: NDArray[np.int32]
    first: NDArray[np.int32]
    placed: NDArray[np.int64]
    counts: NDArray[np.float32]
    threshold: NDArray[np.float32]
    mean: float
    numbers: NDArray[np.int64]

    @staticmethod
    def make(rows: int, segments: int, mean: float) -> "Kept":
        """Return that nothing is kept, and nothing known."""
        return Kept(
            np.full(rows, NONE, np.int64), np.full(rows, NONE, np.int32), np.full(segments, NONE, np.int32),
            np.full(segments, NONE, np.int64), np.zeros(rows, np.float32), np.zeros(1, np.float32), mean,
            np.zeros(_NUMBERS, np.int64),
        )  # fmt: skip


def forget(kept: Kept) -> None:
    """Keep nothing of what was kept."""
    kept.at[:], kept.following[:], kept.first[:], kept.placed[:] = NONE, NONE, NONE, NONE


@part
def _heat(kept: Kept, row: int, words: int) -> np.float32:
    return kept.counts[row] * np.float32(kept.mean) / np.float32(words)


@kernel
def find(kept: Kept, segments: Segments, row: int, until: int) -> int:
    """Count a spike of a row; return where its tail is kept, and will be up to step ``until``, or -1."""
    kept.counts[row] += np.float32(1)
    kept.numbers[_SINCE_SET] += 1
    at = kept.at[row]
    if at != NONE:
        hold(segments, at, until)
        kept.numbers[HITS] += 1
    return at


@part
def _enter(kept: Kept, segments: Segments, row: int, at: int, number: int) -> None:
    segment = segment_of(segments, at)
    # The segment may have been another's before.
    if at == segments.first + segment * segments.size:
        kept.first[segment], kept.placed[segment] = NONE, NONE
    kept.at[row], kept.following[row], kept.first[segment] = at, kept.first[segment], row
    kept.placed[segment] = max(kept.placed[segment], number)


@part
def _has_room(segments: Segments, words: int, more: int) -> bool:
    """Return whether a tail can be kept, ``more`` segments over the room for that being allowed."""
    filling, counts = segments.filling[KEPT], segments.counts
    if filling != NONE and segments.used[filling] + words <= segments.size:
        return True
    return counts[FREE] > 0 and counts[KEPT] + counts[LEAVING] < room_kept(segments) + more


@kernel
def keep(kept: Kept, segments: Segments, row: int, words: int, until: int, number: int) -> int:
    """Return where the tail of a row that is hot enough shall lie, or -1: it is not, or there is no room.

    Parameters
    ----------
    number : int
        The request that brings it in.
    """
    if _heat(kept, row, words) < kept.threshold[0] or not _has_room(segments, words, 0):
        return NONE
    at = take(segments, KEPT, words, until)
    if at != NONE:
        _enter(kept, segments, row, at, number)
    return at


@kernel
def make_room(
    kept: Kept, segments: Segments, pool: NDArray[np.uint16], tails: NDArray[np.uint32], arrived: int
) -> None:
    """Empty the oldest segment of kept tails, if there are too many: move what is hot, forget the rest.

    Parameters
    ----------
    arrived : int
        All requests before this one have arrived.
    """
    if segments.counts[KEPT] < room_kept(segments):
        return
    segment = oldest_kept(segments)
    if segment == NONE or kept.placed[segment] >= arrived:
        return
    leave(segments, segment)
    row, movable = np.int64(kept.first[segment]), np.int64(_MOVE * segments.size)
    while row != NONE:
        following, source, words = np.int64(kept.following[row]), kept.at[row], np.int64(tails[row])
        kept.at[row] = NONE
        hot = _heat(kept, row, words) >= _STAY * kept.threshold[0]
        if hot and words <= movable and _has_room(segments, words, 1):
            at = take(segments, KEPT, words, NONE)
            _enter(kept, segments, row, at, NONE)
            pool[at : at + words] = pool[source : source + words]
            movable -= words
            kept.numbers[MOVED] += 1
        row = following


@kernel
def learn(kept: Kept, segments: Segments, tails: NDArray[np.uint32], divided: int) -> None:
    """Set threshold and room anew, if there were spikes enough since the last time.

    Parameters
    ----------
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
    numbers[_SINCE_SET], numbers[_DIVIDED] = 0, divided
    if numbers[_SINCE_HALVED] >= _SPIKES_TO_HALVE * rows:
        numbers[_SINCE_HALVED] = 0
        for row in range(len(kept.counts)):
            kept.counts[row] *= np.float32(0.5)
    kept.threshold[0] = _threshold(kept, tails, np.int64(_FILL * words))


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
