"""Where do tails lie that stay in memory when their spike is over, for the next spike of the same neuron?

In segments of their own, as long as they are hot (`neurograph.heat`), wanted (`neurograph.prediction`), or held until a
known step. Where room is needed, the segment that was filled first gives way: what is still hot or wanted in it is
copied to the newest, the rest is forgotten.

What is kept has no influence on spikes. Only worker 0 calls these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.heat import BY_AGE, Heat, count, is_hot, is_time, set_thresholds
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
from neurograph_storage.jit import copy_words, kernel, part

# Positions in `numbers`: tails moved; hits; words that were read ahead and that a spike found.
MOVED, HITS, USED = range(3)
_NUMBERS = 3
# A kept tail stays while its heat is above this share of the threshold: without it, those near it come and go.
_STAY = np.float32(0.75)
# No more of a segment is moved than this share, so that room is gained even while the threshold is too low.
_MOVE = 0.75
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
    heat : Heat
    numbers : (3,) int64
        See the module.
    """

    at: NDArray[np.int64]
    following: NDArray[np.int32]
    first: NDArray[np.int32]
    placed: NDArray[np.int64]
    fresh: NDArray[np.uint8]
    heat: Heat
    numbers: NDArray[np.int64]

    @staticmethod
    def make(rows: int, segments: int, mean: float) -> "Kept":
        """Return that nothing is kept, and nothing known."""
        return Kept(
            np.full(rows, NONE, np.int64), np.full(rows, NONE, np.int32), np.full(segments, NONE, np.int32),
            np.full((segments, 2), NONE, np.int64), np.zeros(rows, np.uint8), Heat.make(rows, mean),
            np.zeros(_NUMBERS, np.int64),
        )  # fmt: skip


def forget(kept: Kept) -> None:
    """Keep nothing of what was kept."""
    kept.at[:], kept.following[:], kept.first[:], kept.placed[:] = NONE, NONE, NONE, NONE
    kept.fresh[:] = 0


@kernel
def find(kept: Kept, segments: Segments, row: int, words: int, step: int, until: int) -> int:
    """Count a spike of a row; return where its tail is kept, and will be up to step ``until``, or -1."""
    count(kept.heat, row, words, step)
    at = kept.at[row]
    if at < 0:
        return NONE
    hold(segments, at, until)
    kept.numbers[HITS] += 1
    kept.numbers[USED] += words * kept.fresh[row]
    kept.fresh[row] = 0
    return at


@part
def is_there(kept: Kept, segments: Segments, at: int, arrived: int) -> bool:
    """Return whether what lies at ``at`` must have been brought in, since all requests before ``arrived`` have been."""
    return kept.placed[segment_of(segments, at), 0] < arrived


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
    if not is_hot(kept.heat, row, words, step, np.float32(1)):
        return NONE
    segments.demand[0] += words
    if not has_room(segments, words, 0):
        return NONE
    at = take(segments, KEPT, 0, words, until)
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
    # The clairvoyant has held what it will need, so that stays, and it need not guess by heat what else might.
    until, movable = _FOREVER, np.int64(_MOVE * segments.size)
    if model.policy == ORACLE:
        until, movable = step, 0
    spare = max(1, reserve(segments) * kept.heat.numbers[BY_AGE])
    for _ in range(segments.counts[KEPT] + spare + more - room_kept(segments)):
        segment = oldest_kept(segments, until)
        if segment == NONE or not _has_arrived(kept, segment, arrived, guessed):
            return
        _empty(kept, segments, pool, tails, segment, step, model, movable)


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
        stays = is_hot(kept.heat, row, words, step, _STAY) or model.table[row >> model.shift, WANTED] != 0
        if stays and words <= movable and has_room(segments, words, 1):
            at = take(segments, KEPT, 0, words, NONE)
            enter(kept, segments, row, at, NONE)
            copy_words(pool, at, pool, source, words)
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
    if segment == NONE:
        # All but the one that is being filled; now that, too.
        segments.filling[KEPT] = NONE
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
    if is_time(kept.heat, room_kept(segments) * segments.size, len(tails), divided):
        set_room(segments)
        set_thresholds(kept.heat, tails, room_kept(segments) * segments.size, step, divided)
