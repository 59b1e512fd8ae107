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

from neurograph.prediction import WANTED, Model
from neurograph.segments import (
    AHEAD,
    FREE,
    KEPT,
    LEAVING,
    NONE,
    Segments,
    hold,
    leave,
    oldest,
    room_kept,
    room_of,
    segment_of,
    set_room,
    take,
)
from neurograph_storage.jit import kernel, part

# Positions in `numbers`: spikes since the threshold was set, and since counts were halved; tails moved; hits; tails
# that were divided when the threshold was set; words that were read ahead and that a spike found.
_SINCE_SET, _SINCE_HALVED, MOVED, HITS, _DIVIDED, USED = range(6)
_NUMBERS = 6
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
        Where in the pool a tail is kept, or -1; -2 if it is on its way ahead of any spike (`neurograph.ahead`).
    following : (rows,) int32
        The next row in the same segment, or -1.
    first : (segments,) int32
        The row of each segment that was kept last, or -1.
    placed : (segments,) int64
        The request that was last placed in each.
    fresh : (rows,) uint8
        Whether a tail was read ahead, and no spike has found it yet.
    counts : (rows,) float32
    threshold : (1,) float32
        Of heat, in spikes of a row of mean length.
    mean : float
        Words of a tail.
    numbers : (6,) int64
        See the module.
    """

    at: NDArray[np.int64]
    following: NDArray[np.int32]
    first: NDArray[np.int32]
    placed: NDArray[np.int64]
    fresh: NDArray[np.uint8]
    counts: NDArray[np.float32]
    threshold: NDArray[np.float32]
    mean: float
    numbers: NDArray[np.int64]

    @staticmethod
    def make(rows: int, segments: int, mean: float) -> "Kept":
        """Return that nothing is kept, and nothing known."""
        return Kept(
            np.full(rows, NONE, np.int64), np.full(rows, NONE, np.int32), np.full(segments, NONE, np.int32),
            np.full(segments, NONE, np.int64), np.zeros(rows, np.uint8), np.zeros(rows, np.float32),
            np.zeros(1, np.float32), mean, np.zeros(_NUMBERS, np.int64),
        )  # fmt: skip


def forget(kept: Kept) -> None:
    """Keep nothing of what was kept."""
    kept.at[:], kept.following[:], kept.first[:], kept.placed[:] = NONE, NONE, NONE, NONE
    kept.fresh[:] = 0


@part
def _heat(kept: Kept, row: int, words: int) -> np.float32:
    return kept.counts[row] * np.float32(kept.mean) / np.float32(words)


@kernel
def find(kept: Kept, segments: Segments, row: int, words: int, until: int) -> int:
    """Count a spike of a row; return where its tail is kept, and will be up to step ``until``, or -1."""
    kept.counts[row] += np.float32(1)
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
    kept.placed[segment] = max(kept.placed[segment], number)


@part
def has_room(segments: Segments, kind: int, words: int, more: int) -> bool:
    """Return whether a tail can be kept or expected, ``more`` segments over the room for that being allowed."""
    filling, counts = segments.filling[kind], segments.counts
    if filling != NONE and segments.used[filling] + words <= segments.size:
        return True
    leaving = counts[LEAVING] if kind == KEPT else 0
    return counts[FREE] > 0 and counts[kind] + leaving < room_of(segments, kind) + more


@kernel
def keep(kept: Kept, segments: Segments, row: int, words: int, until: int, number: int) -> int:
    """Return where the tail of a row that is hot enough shall lie, or -1: it is not, or there is no room.

    Parameters
    ----------
    number : int
        The request that brings it in.
    """
    if _heat(kept, row, words) < kept.threshold[0] or not has_room(segments, KEPT, words, 0):
        return NONE
    at = take(segments, KEPT, words, until)
    if at != NONE:
        enter(kept, segments, row, at, number)
    return at


@kernel
def make_room(
    kept: Kept, segments: Segments, pool: NDArray[np.uint16], tails: NDArray[np.uint32], kind: int, arrived: int,
    step: int, model: Model,
) -> None:  # fmt: skip
    """Empty the oldest segment of a kind, if there are too many: move what is hot or wanted, forget the rest.

    Parameters
    ----------
    kind : int
        `KEPT` or `AHEAD`.
    arrived : int
        All requests before this one have arrived.
    step : int
        Segments of which something is delivered from then on stay.
    model : Model
        Says which rows are expected to spike.
    """
    if segments.counts[kind] < room_of(segments, kind):
        return
    segment = oldest(segments, kind)
    if segment == NONE or kept.placed[segment] >= arrived or segments.until[segment] >= step:
        return
    leave(segments, segment)
    row, movable = np.int64(kept.first[segment]), np.int64(_MOVE * segments.size)
    kept.first[segment], kept.placed[segment] = NONE, NONE
    while row != NONE:
        following, source, words = np.int64(kept.following[row]), kept.at[row], np.int64(tails[row])
        kept.at[row] = NONE
        hot = _heat(kept, row, words) >= _STAY * kept.threshold[0]
        to = (
            KEPT
            if hot and has_room(segments, KEPT, words, 1)
            else AHEAD
            if model.table[row >> model.shift, WANTED]
            else NONE
        )
        if to != NONE and words <= movable and has_room(segments, to, words, 1):
            at = take(segments, to, words, NONE)
            enter(kept, segments, row, at, NONE)
            pool[at : at + words] = pool[source : source + words]
            movable -= words
            kept.numbers[MOVED] += 1
        else:
            kept.fresh[row] = 0
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
