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

Where delays span much time, tails are requested in a few *pieces* (`neurograph.pieces`); when room is short, by single
*classes* of delays: more is read, but far less must be in memory at once, so bursts are survived.

But for waiting and guesses all depends on spikes alone, and spikes do not depend on how fast anything is read, or on
what is kept.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.kept import Kept, forget, learn, make_room
from neurograph.pieces import ASKED, Pieces, set_number
from neurograph.prediction import Model
from neurograph.segments import LARGE, NONE, Segments, clear, release, take, there_are
from neurograph_storage.atomics import publish
from neurograph_storage.jit import kernel
from neurograph_storage.libc import give_number
from neurograph_storage.requests import (
    AT,
    COUNT_BITS,
    FIELDS,
    HIGH,
    KIND,
    NEXT,
    READY,
    START,
    STEP,
    WAITING,
    WORDS,
)

# Positions in `counters`; those that others read have a cache line of their own.
PLANNED, PLACED, REQUESTED, SPLIT, FREED, QUEUED, MADE, SENT = 0, 8, 16, 17, 18, 19, 20, 21
COUNTERS = 24
# A batch goes to a reader when it has so many words: enough for the disk, few enough to spread among readers.
_BATCH_WORDS = 2**15
# The pipe holds 8,192 batches, and where all of the pool is asked for at once, nobody may be there to take them.
_MOST_BATCHES = 2**12
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
    pieces : Pieces
    usable : int
        Words of a segment that are filled, at least, if tails are whole.
    words : (rows,) uint32
        Of each tail; 0 if there is none.
    bounds : (classes + 1,) int64
        Largest delay of a head, then of each class, in steps; the first class ends no earlier than the smallest delay
        of a tail.
    classes : (rows, classes) uint16
        Words of each class of a tail, see `neurograph_storage.heads`.
    followed : (classes, classes) int64
        For each first class of a piece, and each class behind it, the requests that have been followed if it was they.
    requests, state
        See `Fetching`; the lines behind ``slots`` are for what is read ahead (`neurograph.ahead`).
    counters : (COUNTERS,) int64
        Epochs that may begin; requests that have a place; requests; spikes whose tails were divided by classes; first
        request that may be in flight; words of large pieces that wait for a place; plans made; requests that readers
        know of.
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
    pieces: Pieces
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
        nothing, followed = (Segments.make(0, 0, 0), Kept.make(0, 0, 1.0), Pieces.none()), np.empty((0, 0), np.int64)
        return Tails(0, 1, empty, -1, words, *nothing, 0, counts, empty, classes, followed, table, empty, empty, empty)


def start_over(tails: Tails, lookahead: int, *, cautious: bool) -> None:
    """Forget all requests and all that is in the pool; nothing may be under way, and no spike in flight."""
    clear(tails.segments)
    forget(tails.kept)
    tails.followed[:] = 0
    tails.pieces.numbers[ASKED] = 0
    tails.counters[[PLANNED, PLACED, REQUESTED, FREED, QUEUED, MADE, SENT]] = 0
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
        counters[FREED] += 1
    release(tails.segments, step)
    learn(tails.kept, tails.segments, tails.words, step, counters[SPLIT])
    make_room(tails.kept, tails.segments, tails.pool, tails.words, arrived, guessed, step, model, more)
    size = tails.segments.size
    set_number(tails.pieces, step, there_are(tails.segments) * size, size)


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
            of_request[AT] = take(tails.segments, kind, of_request[NEXT], words, of_request[STEP] + of_request[HIGH])
            if of_request[AT] == NONE:
                break
            counters[QUEUED] -= words * (kind == LARGE)
        number += 1
    publish(tails.counters, PLACED, number)


@kernel
def send(tails: Tails, end: int) -> None:
    """Give the requests before ``end`` to readers, in batches."""
    slots, counters, load = tails.slots, tails.counters, 0
    first, enough = counters[SENT], max(_BATCH_WORDS, len(tails.pool) // _MOST_BATCHES)
    for number in range(counters[SENT], end):
        if tails.state[number % slots] == WAITING:
            load += tails.requests[number % slots, WORDS]
        elif first == number:
            first += 1
        if load >= enough or number + 1 == end or number + 1 - first == _MAX_BATCH:
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
