"""Which parts of the pool are free, and when do the others become free?

The pool of tails is cut into *segments* of equal size. A tail is put behind the last one of its *kind*, so a segment
holds tails that came at about the same time; it knows until which step any of them will be delivered, and is freed as a
whole. Nothing is ever moved under a cursor, and no memory is lost between tails but the rest at a segment's end.

Only worker 0 calls these, when all workers have met.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, part

# What a segment holds: nothing; tails of spikes in flight, whole or in few pieces; single classes of tails; tails that
# are kept, or expected to be needed; such tails, until those in flight are over; nothing ever, its memory is gone.
FREE, LARGE, SMALL, KEPT, LEAVING, GONE = range(6)
_KINDS, MAX_CLASSES = 6, 8
NONE = -1
# Positions in `clock`, and of large and small pieces in `peak` and `room`.
_OPENED, _OWED = 0, 1
FOR_LARGE, FOR_SMALL = 0, 1
# At first a quarter of all segments each; later so many times the most that there were for a while, but a sixteenth at
# least, and less only slowly.
_QUARTER, _SIXTEENTH, _CAUTION, _SLOWLY = 4, 16, 1.25, 8
# A burst is remembered for about 2^10 epochs.
_BURSTS = 10


class Segments(NamedTuple):
    """The pool of tails.

    Attributes
    ----------
    first : int
        Word of the pool at which the first segment begins.
    size : int
        Words of a segment.
    room : (2,) int64
        Segments that what is kept leaves to large pieces in flight, and what both leave to small ones.
    kind : (segments,) int64
    used : (segments,) int64
        Words.
    until : (segments,) int64
        Last step at which anything in it is delivered, -1 if nothing is.
    order : (segments,) int64
        Rises with each segment that is opened.
    filling : (kinds + classes,) int64
        The segment that each kind is put into, or -1; large pieces by the class that they end with, since what lies in
        a segment shall be over at about the same time.
    counts : (kinds,) int64
        Segments of each kind.
    peak : (2,) int64
        The most segments that there were with large and with small pieces since `set_room`.
    clock : (2,) int64
        Segments opened so far; those whose memory is to be given back as soon as they are free.
    demand : (2,) int64
        Words that were to be kept since the last `reserve`; the most of late.
    """

    first: int
    size: int
    room: NDArray[np.int64]
    kind: NDArray[np.int64]
    used: NDArray[np.int64]
    until: NDArray[np.int64]
    order: NDArray[np.int64]
    filling: NDArray[np.int64]
    counts: NDArray[np.int64]
    peak: NDArray[np.int64]
    clock: NDArray[np.int64]
    demand: NDArray[np.int64]

    @staticmethod
    def make(first: int, words: int, size: int) -> "Segments":
        """Return segments of ``size`` words, all free, in ``words`` from ``first`` on."""
        count = words // size if size else 0
        counts, room = np.zeros(_KINDS, np.int64), np.full(2, max(2, count // _QUARTER), np.int64)
        counts[FREE] = count
        kind, used, until, order = (np.zeros(count, np.int64) for _ in range(4))
        filling, clock = np.full(_KINDS + MAX_CLASSES, NONE, np.int64), np.zeros(2, np.int64)
        peak, demand = np.zeros(2, np.int64), np.zeros(2, np.int64)
        return Segments(first, size, room, kind, used, until, order, filling, counts, peak, clock, demand)


def clear(segments: Segments) -> None:
    """Free all segments, and take the room for each kind as it was at first."""
    fresh = Segments.make(segments.first, len(segments.kind) * segments.size, segments.size)
    for old, new in zip(segments, fresh, strict=True):
        if isinstance(old, np.ndarray):
            old[:] = new


def shrink(segments: Segments, count: int) -> NDArray[np.int64]:
    """Use no more than all but ``count`` segments, as soon as so many are free; return those that are given back now.

    Half of them stay in any case.
    """
    owed = max(0, min(count, len(segments.kind) // 2) - int(segments.counts[GONE]))
    given = np.flatnonzero(segments.kind == FREE)[::-1][:owed]
    segments.kind[given] = GONE
    segments.counts[[FREE, GONE]] += np.array([-1, 1]) * len(given)
    segments.clock[_OWED] = owed - len(given)
    return given


@part
def segment_of(segments: Segments, at: int) -> int:
    """Return the segment of a word of the pool."""
    return (at - segments.first) // segments.size


@part
def _become(segments: Segments, segment: int, kind: int) -> None:
    segments.counts[segments.kind[segment]] -= 1
    segments.counts[kind] += 1
    segments.kind[segment] = kind


@part
def _open(segments: Segments, kind: int) -> int:
    """Return a free segment that is now of this kind, or -1."""
    for segment in range(len(segments.kind)):
        if segments.kind[segment] == FREE:
            _become(segments, segment, kind)
            segments.used[segment], segments.until[segment] = 0, NONE
            segments.order[segment] = segments.clock[_OPENED]
            segments.clock[_OPENED] += 1
            return segment
    return NONE


@part
def _filling_of(kind: int, end: int) -> int:
    """Return the position in `filling` of a kind; of large pieces, of those that end with class ``end``."""
    return _KINDS + end - 1 if kind == LARGE else kind


@kernel
def take(segments: Segments, kind: int, end: int, words: int, until: int) -> int:
    """Return where in the pool a tail, or a piece of one, can lie, or -1 if there is no room.

    Parameters
    ----------
    end : int
        Classes of the tail up to the piece's end.
    until : int
        Last step at which it is delivered.
    """
    position = _filling_of(kind, end)
    segment = segments.filling[position]
    if segment == NONE or segments.used[segment] + words > segments.size:
        if segments.counts[FREE] == 0:
            return NONE
        segment = _open(segments, kind)
        segments.filling[position] = segment
        for k in range(2):
            segments.peak[k] = max(segments.peak[k], segments.counts[LARGE + k])
    at = segments.first + segment * segments.size + segments.used[segment]
    segments.used[segment] += words
    segments.until[segment] = max(segments.until[segment], until)
    return at


@kernel
def hold(segments: Segments, at: int, until: int) -> None:
    """Deliver what lies at ``at`` once more, up to step ``until``."""
    segment = segment_of(segments, at)
    segments.until[segment] = max(segments.until[segment], until)


@kernel
def release(segments: Segments, step: int) -> None:
    """Free the segments of which nothing is delivered from ``step`` on, but for those with what may be used again."""
    for segment in range(len(segments.kind)):
        kind = segments.kind[segment]
        if kind != FREE and kind != KEPT and kind != GONE and segments.until[segment] < step:
            for position in range(len(segments.filling)):
                if segments.filling[position] == segment:
                    segments.filling[position] = NONE
            _become(segments, segment, FREE)


@kernel
def there_are(segments: Segments) -> int:
    """Return how many segments there are, but for those that are gone or soon will be."""
    return len(segments.kind) - segments.counts[GONE] - segments.clock[_OWED]


@kernel
def room_kept(segments: Segments) -> int:
    """Return how many segments may hold what is kept."""
    return there_are(segments) - segments.room.sum()


@kernel
def room_large(segments: Segments, end: int, usable: int) -> int:
    """Return how many words of large pieces that end with class ``end`` there is room for.

    Parameters
    ----------
    usable : int
        Words of a segment that are filled, at least.
    """
    small = max(segments.room[FOR_SMALL], segments.counts[SMALL])
    others = segments.counts[KEPT] + segments.counts[LEAVING] + segments.counts[LARGE]
    free = there_are(segments) - small - others
    segment = segments.filling[_filling_of(LARGE, end)]
    rest = segments.size - segments.used[segment] if segment != NONE else 0
    return max(np.int64(0), free) * usable + rest


@kernel
def set_room(segments: Segments) -> None:
    """Follow what spikes in flight needed since the last time: at once if it was more, slowly if it was less."""
    count, room = there_are(segments), segments.room
    for k in range(2):
        wanted = max(2, count // _SIXTEENTH, np.int64(_CAUTION * segments.peak[k]) + 1)
        room[k] = max(wanted, room[k] - max(np.int64(1), room[k] // _SLOWLY))
        segments.peak[k] = segments.counts[LARGE + k]
    # What is divided by classes needs less of it, so it has the last word.
    room[FOR_SMALL] = min(room[FOR_SMALL], count // _QUARTER)
    room[FOR_LARGE] = min(room[FOR_LARGE], count - room[FOR_SMALL])


@kernel
def reserve(segments: Segments) -> int:
    """Return how many segments should be free for tails to be kept: as many as a burst of spikes needed of late."""
    demand = segments.demand
    demand[1] = max(demand[0], demand[1] - (demand[1] >> _BURSTS))
    demand[0] = 0
    return min(1 + demand[1] // segments.size, room_kept(segments) // _QUARTER)


@kernel
def oldest_kept(segments: Segments, step: int) -> int:
    """Return the segment that was opened first of those kept, but for the one that is being filled; or -1.

    Parameters
    ----------
    step : int
        Only those are meant of which nothing is delivered from then on.
    """
    oldest = NONE
    for segment in range(len(segments.kind)):
        closed = segments.kind[segment] == KEPT and segment != segments.filling[KEPT]
        earlier = oldest == NONE or segments.order[segment] < segments.order[oldest]
        if closed and earlier and segments.until[segment] < step:
            oldest = segment
    return oldest


@kernel
def leave(segments: Segments, segment: int) -> None:
    """Free a segment of kept tails as soon as those in flight are over."""
    _become(segments, segment, LEAVING)
