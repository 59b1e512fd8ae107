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

All but waiting depends on spikes alone, so spikes do not depend on how fast anything is read.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.atomics import fetch, publish
from neurograph_storage.fetching import AT, COUNT_BITS, FIELDS, READY, ROW, START, STEP, WAITING
from neurograph_storage.jit import kernel
from neurograph_storage.libc import give_number

# Positions in `counters`; those that others read have a cache line of their own.
PLANNED, PLACED, REQUESTED, FREED, TOP, COPIED = 0, 8, 16, 17, 18, 19
COUNTERS = 24
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
    first_delay, last_delay : int
        Of all tails, in steps.
    pipe : int
        To the readers.
    pool : (words,) uint16
    ring : (2,) int64
        First word of the ring in the pool, and its length.
    words : (rows,) uint32
        Of each tail; 0 if there is none.
    latest : (rows,) int64
        Last request of each row, or -1.
    requests, state
        See `Fetching`.
    counters : (COUNTERS,) int64
        Epochs planned; requests that have a place, requests, freed ones; word of the ring, counted on, where the next
        tail goes; tails copied.
    message : (1,) int64
        Scratch.
    """

    streaming: int
    first_delay: int
    last_delay: int
    pipe: int
    pool: NDArray[np.uint16]
    ring: NDArray[np.int64]
    words: NDArray[np.uint32]
    latest: NDArray[np.int64]
    requests: NDArray[np.int64]
    state: NDArray[np.int64]
    counters: NDArray[np.int64]
    message: NDArray[np.int64]

    @staticmethod
    def none() -> "Tails":
        """Return what a circuit in memory has."""
        empty = np.empty(0, np.int64)
        table = np.empty((0, FIELDS), np.int64)
        return Tails(
            0, 0, 0, -1, np.empty(0, np.uint16), empty, np.empty(0, np.uint32), empty, table, empty, empty, empty
        )


@kernel
def free(tails: Tails, step: int) -> None:
    """Free the requests whose last group has been delivered when all workers stand before ``step``."""
    counters, slots = tails.counters, len(tails.state)
    while counters[FREED] < counters[PLACED]:
        if tails.requests[counters[FREED] % slots, STEP] + tails.last_delay >= step:
            break
        counters[FREED] += 1


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
    counters, slots = tails.counters, len(tails.state)
    for key in keys:
        row = key >> STEP_BITS
        if tails.words[row] == 0:
            continue
        number = counters[REQUESTED]
        if number - counters[FREED] >= slots:
            return False
        of_request = tails.requests[number % slots]
        of_request[ROW], of_request[STEP], of_request[START] = row, start + (key & ((1 << STEP_BITS) - 1)), start
        tails.state[number % slots] = WAITING
        counters[REQUESTED] = number + 1
    return True


@kernel
def _room(tails: Tails, number: int, words: int) -> int:
    """Return where in the ring, counted on, the tail of a request can lie, or -1 if there is no room yet."""
    counters, length, at = tails.counters, tails.ring[1], tails.counters[TOP]
    if at % length + words > length:
        at += length - at % length
    oldest = at if counters[FREED] == number else tails.requests[counters[FREED] % len(tails.state), AT]
    return at if at + words - oldest <= length else -1


@kernel
def _copy(tails: Tails, row: int, at: int, words: int) -> bool:
    """Copy a tail that still lies somewhere in the ring to ``at``; return whether it does."""
    earlier, slots, length = tails.latest[row], len(tails.state), tails.ring[1]
    if earlier < 0 or tails.counters[REQUESTED] - earlier > slots:
        return False
    source = tails.requests[earlier % slots, AT]
    if source < at + words - length or fetch(tails.state, earlier % slots) != READY:
        return False
    source, into = tails.ring[0] + source % length, tails.ring[0] + at % length
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
        words = np.int64(tails.words[row])
        at = _room(tails, number, words)
        if at < 0:
            break
        of_request[AT], counters[TOP] = at, at + words
        if _copy(tails, row, at, words):
            counters[COPIED] += 1
            publish(tails.state, number % slots, READY)
            if first == number:
                first += 1
        else:
            load += words
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
