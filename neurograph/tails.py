"""Which tails of rows are read, when, and where in memory do they lie?

A spike's delays say when its row is needed. Groups of short delays are in memory (heads); the rest, the tail, is
*requested* at the end of the spike's epoch, and launched before the epoch in which its first group can be due; in
between it is read, unless it is kept from an earlier spike (`neurograph.kept`). Requests are numbered, given a place in
the pool (`neurograph.segments`), read and launched in this order: the earliest deadline first.
Precedence, for a request r of a spike at step t, D the smallest delay of any tail:

    all workers meet; worker 0 releases, requests, places  it alone writes the tables, and tells how far it has come
    place(r) precedes arrived(r) precedes launch(r)        a worker waits for r if it must: a stall
    launch(r) precedes deliver(t + D)
    arrived(r) precedes launch(r + 1)                      so what r brings in is there for all that follow; unless
                                                           r + 1 was there before it was requested (`THERE`)
    deliver(t + max_delay) by all precedes release(r)      they meet in between; then the place is given to another

When room is short, tails are requested by *class* of delays instead: more is read, but far less must be in memory at
once, so bursts are survived.

But for waiting and guesses all depends on spikes alone, and spikes do not depend on how fast anything is read, or on
what is kept.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.kept import Kept, find, forget, is_there, keep, learn, make_room
from neurograph.prediction import ORACLE, SPIKES, Model
from neurograph.segments import DIVIDED, KEPT, NONE, WHOLE, Segments, clear, release, room_whole, take
from neurograph_storage.atomics import publish
from neurograph_storage.heads import MORE, UNIT
from neurograph_storage.jit import kernel
from neurograph_storage.libc import give_number
from neurograph_storage.requests import (
    AT,
    COUNT_BITS,
    FIELDS,
    HIGH,
    KIND,
    LOW,
    NEXT,
    ORIGIN,
    READY,
    ROW,
    START,
    STEP,
    THERE,
    WAITING,
    WORDS,
)

# Positions in `counters`; those that others read have a cache line of their own.
PLANNED, PLACED, REQUESTED, SPLIT, FREED, HELD, MADE, SENT = 0, 8, 16, 17, 18, 19, 20, 21
COUNTERS = 24
# A batch goes to a reader when it has so many words: enough for the disk, few enough to spread among readers.
_BATCH_WORDS = 2**15
_MAX_BATCH = 2**COUNT_BITS - 1
# Positions in `mode`.
LOOKAHEAD, CAUTIOUS, LAZY = range(3)
# Steps of an epoch, in the keys by which requests are sorted.
STEP_BITS = 6


class Tails(NamedTuple):
    """What workers share about tails.

    Attributes
    ----------
    streaming : int
        Whether there are any; if not, all else is empty.
    slots : int
        Lines of the table of requests that are for spikes, a power of two.
    mode : (3,) int64
        How many steps before it is due a tail, or class, is requested: at most the smallest delay of any; whether all
        tails are divided and none is kept, as little as possible being in memory; whether tails are read only when they
        are due, so that reading ahead can be compared with that.
    pipe : int
        To the readers.
    pool : (words,) uint16
    segments : Segments
    kept : Kept
    usable : int
        Words of a segment that are filled, at least, if tails are whole.
    words : (rows,) uint32
        Of each tail; 0 if there is none.
    bounds : (classes + 1,) int64
        Largest delay of a head, then of each class, in steps; the first class ends no earlier than the smallest delay
        of a tail.
    classes : (rows, classes) uint16
        Words of each class of a tail, see `neurograph_storage.heads`.
    followed : (classes,) int64
        For each class, the requests whose next class has been requested if it was this one.
    requests, state
        See `Fetching`; the lines behind ``slots`` are for what is read ahead (`neurograph.ahead`).
    counters : (COUNTERS,) int64
        Epochs that may begin; requests that have a place; requests; spikes whose tails were divided; first request
        that may be in flight; words of whole tails in flight that are not kept; plans made;
        requests that readers know of.
    message : (1,) int64
        Scratch.
    """

    streaming: int
    slots: int
    mode: NDArray[np.int64]
    pipe: int
    pool: NDArray[np.uint16]
    segments: Segments
    kept: Kept
    usable: int
    words: NDArray[np.uint32]
    bounds: NDArray[np.int64]
    classes: NDArray[np.uint16]
    followed: NDArray[np.int64]
    requests: NDArray[np.int64]
    state: NDArray[np.int64]
    counters: NDArray[np.int64]
    message: NDArray[np.int64]

    @staticmethod
    def none() -> "Tails":
        """Return what a circuit in memory has."""
        empty, table = np.empty(0, np.int64), np.empty((0, FIELDS), np.int64)
        words, counts, classes = np.empty(0, np.uint16), np.empty(0, np.uint32), np.empty((0, 0), np.uint16)
        nothing = Segments.make(0, 0, 0), Kept.make(0, 0, 1.0)
        return Tails(0, 1, empty, -1, words, *nothing, 0, counts, empty, classes, empty, table, empty, empty, empty)


def start_over(tails: Tails, lookahead: int, *, cautious: bool) -> None:
    """Forget all requests and all that is in the pool; nothing may be under way, and no spike in flight."""
    clear(tails.segments)
    forget(tails.kept)
    tails.followed[:] = 0
    tails.counters[[PLANNED, PLACED, REQUESTED, FREED, HELD, MADE, SENT]] = 0
    tails.mode[LOOKAHEAD], tails.mode[CAUTIOUS] = lookahead, cautious


@kernel
def free(tails: Tails, model: Model, step: int, arrived: int, guessed: int, more: int) -> None:
    """Free lines of the table and memory, when all workers stand before ``step``.

    Parameters
    ----------
    arrived, guessed : int
        All requests, and all guesses, before these have arrived.
    more : int
        Segments that guesses ask for.
    model : Model
        Says which rows are expected to spike.
    """
    counters, slots = tails.counters, tails.slots
    while counters[FREED] < counters[PLACED]:
        of_request = tails.requests[counters[FREED] % slots]
        if of_request[STEP] + of_request[HIGH] >= step:
            break
        counters[HELD] -= of_request[WORDS] * (of_request[KIND] == WHOLE)
        counters[FREED] += 1
    release(tails.segments, step)
    learn(tails.kept, tails.segments, tails.words, step, counters[SPLIT])
    make_room(tails.kept, tails.segments, tails.pool, tails.words, arrived, guessed, step, model, more)


@kernel
def _enter(tails: Tails, row: int, step: int, origin: int, start: int, first: int, following: int, at: int) -> int:
    """Request the classes ``first <= c < following`` of a spike's tail; return the request, or -1: the table is full.

    Parameters
    ----------
    at : int
        Where in the pool the tail is kept, or will be, or -1.
    """
    counters, slots, classes = tails.counters, tails.slots, len(tails.bounds) - 1
    number, whole = counters[REQUESTED], following - first == classes
    if number - counters[FREED] >= slots:
        return NONE
    words, kind = np.int64(tails.words[row]), KEPT if at != NONE else WHOLE if whole else DIVIDED
    if not whole and tails.classes[row, first] != MORE:
        words = np.int64(tails.classes[row, first]) * UNIT
    of_request = tails.requests[number % slots]
    of_request[ROW], of_request[STEP], of_request[ORIGIN], of_request[START] = row, step, origin, start
    of_request[LOW], of_request[HIGH], of_request[NEXT] = tails.bounds[first], tails.bounds[following], following
    of_request[WORDS], of_request[KIND], of_request[AT] = words, kind, at
    tails.state[number % slots] = WAITING
    counters[HELD] += words * (kind == WHOLE)
    counters[REQUESTED] = number + 1
    return number


@kernel
def follow(tails: Tails, start: int, end: int) -> bool:
    """Request the next class of tails that were divided, where it is time; return whether there was room in the table.

    Parameters
    ----------
    start, end : int
        First step of the epoch, and of the one that follows.
    """
    counters, slots, classes = tails.counters, tails.slots, len(tails.bounds) - 1
    for c in range(1, classes):
        while tails.followed[c] < counters[REQUESTED]:
            earlier = tails.requests[tails.followed[c] % slots]
            if earlier[NEXT] == c:
                # As long before it is due as at first.
                if earlier[ORIGIN] + tails.bounds[c] + 1 - tails.mode[LOOKAHEAD] >= end:
                    break
                if _enter(tails, earlier[ROW], earlier[STEP], earlier[ORIGIN], start, c, c + 1, NONE) == NONE:
                    return False
            tails.followed[c] += 1
    return True


@kernel
def request(tails: Tails, model: Model, keys: NDArray[np.int64], start: int, arrived: int) -> bool:
    """Request the tails of an epoch's spikes; return whether there was room in the table.

    Parameters
    ----------
    keys : (spikes,) int64
        Row x 2^STEP_BITS + step of the epoch, rising: so neighbours on the disk are neighbours in the table.
    start : int
        First step of the epoch.
    model : Model
        Learns who spiked.
    arrived : int
        All requests before have arrived.
    """
    counters, segments, classes = tails.counters, tails.segments, len(tails.bounds) - 1
    for key in keys:
        row = key >> STEP_BITS
        words = np.int64(tails.words[row])
        if words == 0:
            continue
        step = start + (key & ((1 << STEP_BITS) - 1))
        until, there = step + tails.bounds[classes], True
        at = find(tails.kept, segments, row, words, step, until)
        model.table[row >> model.shift, SPIKES] += 1
        if at == NONE:
            there = False
            if not tails.mode[CAUTIOUS] and model.policy != ORACLE:
                at = keep(tails.kept, segments, row, words, step, until, counters[REQUESTED])
        short = tails.mode[CAUTIOUS] or counters[HELD] + words > room_whole(segments) * tails.usable
        divided = at == NONE and classes > 1 and short
        counters[SPLIT] += divided
        number = _enter(tails, row, step, start, start, 0, 1 if divided else classes, at)
        if number == NONE:
            return False
        if there:
            tails.state[number % tails.slots] = THERE if is_there(tails.kept, segments, at, arrived) else READY
    return True


@kernel
def place(tails: Tails) -> None:
    """Give requests a place in the pool, in order, while there is room."""
    counters, slots = tails.counters, tails.slots
    number = counters[PLACED]
    while number < counters[REQUESTED]:
        of_request = tails.requests[number % slots]
        words, kind = of_request[WORDS], of_request[KIND]
        if words == 0:
            tails.state[number % slots] = READY
        elif of_request[AT] == NONE:
            of_request[AT] = take(tails.segments, kind, words, of_request[STEP] + of_request[HIGH])
            if of_request[AT] == NONE:
                break
        number += 1
    publish(tails.counters, PLACED, number)


@kernel
def send(tails: Tails, end: int) -> None:
    """Give the requests before ``end`` to readers, in batches."""
    slots, counters, load = tails.slots, tails.counters, 0
    first = counters[SENT]
    for number in range(counters[SENT], end):
        if tails.state[number % slots] == WAITING:
            load += tails.requests[number % slots, WORDS]
        elif first == number:
            first += 1
        if load >= _BATCH_WORDS or number + 1 == end or number + 1 - first == _MAX_BATCH:
            if load > 0:
                tails.message[0] = first << COUNT_BITS | number + 1 - first
                give_number(tails.pipe, tails.message)
            first, load = number + 1, 0
    counters[SENT] = max(counters[SENT], end)


@kernel
def count_due(tails: Tails, first: int, last: int, end: int) -> int:
    """Return how many of requests ``first <= r < last`` may have a group that is due before step ``end``."""
    number, slots = first, tails.slots
    while number < last and tails.requests[number % slots, START] + tails.mode[LOOKAHEAD] < end:
        number += 1
    return number - first
