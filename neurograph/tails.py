"""Which tails of rows are read, when, and where in memory do they lie?

A spike's delays say when its row is needed. Groups of short delays are in memory (heads); the rest, the tail, is
*requested* at the end of the spike's epoch, and launched before the epoch in which its first group can be due; in
between it is read. Requests are numbered; their tails lie in this order in a *ring*, and leave it in this order.
Precedence, for a request r of a spike at step t, D the smallest delay of any tail:

    all workers meet; worker 0 frees, requests, places     it alone writes the table, and tells how far it has come
    place(r) precedes arrived(r) precedes launch(r)        a worker waits for r if it must: a stall
    launch(r) precedes deliver(t + D)
    deliver(t + max_delay) by all precedes free(r)         they meet in between; then the place is given to another
    until then, and until another's tail comes to lie there, a tail can be copied instead of being read again

When the ring is full, tails are requested by *class* of delays instead: more is read, but far less must be in memory at
once, so bursts are survived. These lie in a ring of their own, since they leave sooner.

All but waiting depends on spikes alone, so spikes do not depend on how fast anything is read.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.atomics import fetch, publish
from neurograph_storage.fetching import (
    AT,
    COUNT_BITS,
    FIELDS,
    HIGH,
    LOW,
    NEXT,
    ORIGIN,
    READY,
    RING,
    ROW,
    START,
    STEP,
    WAITING,
    WORDS,
)
from neurograph_storage.heads import MORE, UNIT
from neurograph_storage.jit import kernel
from neurograph_storage.libc import give_number

# Positions in `counters`; those that others read have a cache line of their own.
PLANNED, PLACED, REQUESTED, COPIED, SPLIT = 0, 8, 16, 17, 18
# And for each ring: of whole tails, and of divided ones.
FREED, TOP, HELD = 24, 26, 28
COUNTERS = 32
WHOLE, DIVIDED = range(2)
# A batch goes to a reader when it has so many words: enough for the disk, few enough to spread among readers.
_BATCH_WORDS = 2**15
_MAX_BATCH = 2**COUNT_BITS - 1
# Steps of an epoch, in the keys by which requests are sorted.
STEP_BITS = 6


class Tails(NamedTuple):
    """What workers share about tails.

    Attributes
    ----------
    streaming : int
        Whether there are any; if not, all else is empty.
    first_delay : int
        Of all tails, in steps.
    pipe : int
        To the readers.
    pool : (words,) uint16
    ring : (2, 2) int64
        First word in the pool, and length, of the rings of whole and of divided tails.
    words : (rows,) uint32
        Of each tail; 0 if there is none.
    bounds : (classes + 1,) int64
        Largest delay of a head, then of each class, in steps; the first class ends no earlier than ``first_delay``.
    classes : (rows, classes) uint16
        Words of each class of a tail, see `neurograph_storage.heads`.
    followed : (classes,) int64
        For each class, the requests whose next class has been requested if it was this one.
    latest : (rows,) int64
        Last request of each row, or -1.
    requests, state
        See `Fetching`.
    counters : (COUNTERS,) int64
        Epochs planned; requests that have a place; requests; tails copied; spikes whose tails were divided. For each
        ring: first request that is not free; word, counted on, where the next tail goes; words that are not free.
    message : (1,) int64
        Scratch.
    """

    streaming: int
    first_delay: int
    pipe: int
    pool: NDArray[np.uint16]
    ring: NDArray[np.int64]
    words: NDArray[np.uint32]
    bounds: NDArray[np.int64]
    classes: NDArray[np.uint16]
    followed: NDArray[np.int64]
    latest: NDArray[np.int64]
    requests: NDArray[np.int64]
    state: NDArray[np.int64]
    counters: NDArray[np.int64]
    message: NDArray[np.int64]

    @staticmethod
    def none() -> "Tails":
        """Return what a circuit in memory has."""
        empty, table = np.empty(0, np.int64), np.empty((0, FIELDS), np.int64)
        words, counts, classes = np.empty(0, np.uint16), np.empty(0, np.uint32), np.empty((0, 0), np.uint16)
        return Tails(0, 0, -1, words, table, counts, empty, classes, empty, empty, table, empty, empty, empty)


@kernel
def free(tails: Tails, step: int) -> None:
    """Free the requests whose last group has been delivered when all workers stand before ``step``, in each ring."""
    counters, slots = tails.counters, len(tails.state)
    for ring in range(2):
        number = counters[FREED + ring]
        while number < counters[PLACED]:
            of_request = tails.requests[number % slots]
            if of_request[RING] == ring:
                if of_request[STEP] + of_request[HIGH] >= step:
                    break
                counters[HELD + ring] -= of_request[WORDS]
            number += 1
        counters[FREED + ring] = number


@kernel
def _enter(tails: Tails, row: int, step: int, origin: int, start: int, first: int, following: int) -> bool:
    """Request the classes ``first <= c < following`` of a spike's tail; return whether there was room in the table."""
    counters, slots, classes = tails.counters, len(tails.state), len(tails.bounds) - 1
    number, ring = counters[REQUESTED], WHOLE if following - first == classes else DIVIDED
    if number - min(counters[FREED], counters[FREED + 1]) >= slots:
        return False
    words = np.int64(tails.words[row])
    if ring == DIVIDED and tails.classes[row, first] != MORE:
        words = np.int64(tails.classes[row, first]) * UNIT
    of_request = tails.requests[number % slots]
    of_request[ROW], of_request[STEP], of_request[ORIGIN], of_request[START] = row, step, origin, start
    of_request[LOW], of_request[HIGH], of_request[NEXT] = tails.bounds[first], tails.bounds[following], following
    of_request[WORDS], of_request[RING] = words, ring
    tails.state[number % slots] = WAITING
    counters[HELD + ring] += words
    counters[REQUESTED] = number + 1
    return True


@kernel
def follow(tails: Tails, start: int, end: int) -> bool:
    """Request the next class of tails that were divided, where it is time; return whether there was room in the table.

    Parameters
    ----------
    start, end : int
        First step of the epoch, and of the one that follows.
    """
    counters, slots, classes = tails.counters, len(tails.state), len(tails.bounds) - 1
    for c in range(1, classes):
        while tails.followed[c] < counters[REQUESTED]:
            earlier = tails.requests[tails.followed[c] % slots]
            if earlier[NEXT] == c:
                # As long before it is due as at first.
                if earlier[ORIGIN] + tails.bounds[c] + 1 - tails.first_delay >= end:
                    break
                if not _enter(tails, earlier[ROW], earlier[STEP], earlier[ORIGIN], start, c, c + 1):
                    return False
            tails.followed[c] += 1
    return True


@kernel
def request(tails: Tails, keys: NDArray[np.int64], start: int) -> bool:
    """Request the tails of an epoch's spikes; return whether there was room in the table.

    Parameters
    ----------
    keys : (spikes,) int64
        Row x 2^STEP_BITS + step of the epoch, rising: so neighbours on the disk are neighbours in the table.
    start : int
        First step of the epoch.
    """
    counters, classes = tails.counters, len(tails.bounds) - 1
    for key in keys:
        row = key >> STEP_BITS
        words = np.int64(tails.words[row])
        if words == 0:
            continue
        # A little is lost at the end of the ring.
        divided = classes > 1 and counters[HELD] + 2 * words > tails.ring[WHOLE, 1]
        counters[SPLIT] += divided
        step = start + (key & ((1 << STEP_BITS) - 1))
        if not _enter(tails, row, step, start, start, 0, 1 if divided else classes):
            return False
    return True


@kernel
def _room(tails: Tails, number: int) -> int:
    """Return where in its ring, counted on, a request can lie, or -1 if there is no room yet."""
    counters, slots = tails.counters, len(tails.state)
    words, ring = tails.requests[number % slots, WORDS], tails.requests[number % slots, RING]
    at, length = counters[TOP + ring], tails.ring[ring, 1]
    if at % length + words > length:
        at += length - at % length
    oldest = counters[FREED + ring]
    while oldest < number and tails.requests[oldest % slots, RING] != ring:
        oldest += 1
    first = at if oldest == number else tails.requests[oldest % slots, AT]
    return at if at + words - first <= length else -1


@kernel
def _copy(tails: Tails, row: int, at: int, words: int) -> bool:
    """Copy a tail that still lies somewhere in the ring to ``at``; return whether it does."""
    earlier, slots, length = tails.latest[row], len(tails.state), tails.ring[WHOLE, 1]
    if earlier < 0 or tails.counters[REQUESTED] - earlier > slots:
        return False
    source = tails.requests[earlier % slots, AT]
    if source < at + words - length or fetch(tails.state, earlier % slots) != READY:
        return False
    first = tails.ring[WHOLE, 0]
    source, into = first + source % length, first + at % length
    tails.pool[into : into + words] = tails.pool[source : source + words]
    return True


@kernel
def _send(tails: Tails, first: int, end: int) -> None:
    """Give requests ``first <= r < end`` to a reader."""
    if end > first:
        tails.message[0] = first << COUNT_BITS | end - first
        give_number(tails.pipe, tails.message)


@kernel
def place(tails: Tails) -> None:
    """Give requests a place in the ring, in order, while there is room, and have them read, or copy what is there."""
    counters, slots = tails.counters, len(tails.state)
    number, load = counters[PLACED], 0
    first = number
    while number < counters[REQUESTED]:
        of_request, row = tails.requests[number % slots], tails.requests[number % slots, ROW]
        words, ring = of_request[WORDS], of_request[RING]
        at = _room(tails, number)
        if at < 0:
            break
        of_request[AT], counters[TOP + ring] = at, at + words
        copied = ring == WHOLE and _copy(tails, row, at, words)
        if copied or words == 0:
            counters[COPIED] += copied
            publish(tails.state, number % slots, READY)
            if first == number:
                first += 1
        else:
            load += words
        if ring == WHOLE:
            tails.latest[row] = number
        number += 1
        if load >= _BATCH_WORDS or number - first == _MAX_BATCH:
            _send(tails, first, number)
            first, load = number, 0
    if load > 0:
        _send(tails, first, number)
    publish(tails.counters, PLACED, number)


@kernel
def count_due(tails: Tails, launched: int, end: int) -> int:
    """Return how many requests from ``launched`` on may have a group that is due before step ``end``."""
    number, slots = launched, len(tails.state)
    while number < tails.counters[REQUESTED]:
        if tails.requests[number % slots, START] + tails.first_delay >= end:
            break
        number += 1
    return number - launched
