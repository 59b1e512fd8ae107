"""Which tails, or pieces of them, are requested, and when?

Those of an epoch's spikes at its end, all of it where there is room (`neurograph.pieces`); of a tail in pieces each
other one as long before it is due. Requests are numbered, and become due, in the order in which they are made.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.kept import find, is_there, keep
from neurograph.pieces import ASKED, FEWER
from neurograph.prediction import ORACLE, SPIKES, Model
from neurograph.segments import KEPT, LARGE, NONE, SMALL, room_large
from neurograph.tails import CAUTIOUS, FREED, LOOKAHEAD, QUEUED, REQUESTED, SPLIT, STEP_BITS, Tails
from neurograph_storage.heads import MORE, UNIT
from neurograph_storage.jit import kernel
from neurograph_storage.requests import (
    AT,
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


@kernel
def _words(tails: Tails, row: int, first: int, end: int) -> int:
    """Return the words, at most, of the classes ``first <= c < end`` of a tail."""
    whole, total = np.int64(tails.words[row]), 0
    if end - first == len(tails.bounds) - 1:
        return whole
    for c in range(first, end):
        if tails.classes[row, c] == MORE:
            return whole
        total += np.int64(tails.classes[row, c]) * UNIT
    return min(total, whole)


@kernel
def _piece(tails: Tails, row: int, first: int) -> tuple[int, int, int]:
    """Return the class before which the piece of a tail ends that begins with class ``first``; its kind; its words."""
    end = tails.pieces.ends[tails.pieces.numbers[FEWER], first]
    words = _words(tails, row, first, end)
    fits = tails.counters[QUEUED] + words <= room_large(tails.segments, end, tails.usable)
    if len(tails.bounds) == 2 or (fits and not tails.mode[CAUTIOUS]):
        return end, LARGE, words
    return first + 1, SMALL, _words(tails, row, first, first + 1)


@kernel
def _enter(
    tails: Tails, row: int, step: int, origin: int, start: int, first: int, end: int, kind: int, words: int, at: int
) -> int:  # fmt: skip
    """Request the classes ``first <= c < end`` of a spike's tail; return the request, or -1: the table is full.

    Parameters
    ----------
    words : int
        Of these classes, at most.
    at : int
        Where in the pool the tail is kept, or will be, or -1.
    """
    counters, slots = tails.counters, tails.slots
    number = counters[REQUESTED]
    if number - counters[FREED] >= slots:
        return NONE
    of_request = tails.requests[number % slots]
    of_request[ROW], of_request[STEP], of_request[ORIGIN], of_request[START] = row, step, origin, start
    of_request[LOW], of_request[HIGH], of_request[NEXT] = tails.bounds[first], tails.bounds[end], end
    of_request[WORDS], of_request[KIND], of_request[AT] = words, kind, at
    tails.state[number % slots] = WAITING
    counters[QUEUED] += words * (kind == LARGE)
    counters[REQUESTED] = number + 1
    return number


@kernel
def follow(tails: Tails, start: int, end: int) -> bool:
    """Request the next pieces of tails, where it is time; return whether there was room in the table.

    Parameters
    ----------
    start, end : int
        First step of the epoch, and of the one that follows.
    """
    classes = len(tails.bounds) - 1
    for following in range(1, classes):
        for first in range(following):
            if not _follow(tails, first, following, start, end):
                return False
    return True


@kernel
def _follow(tails: Tails, first: int, following: int, start: int, end: int) -> bool:
    """Do so behind pieces of the classes ``first <= c < following``, which came in the order in which they are due."""
    counters, bounds, followed = tails.counters, tails.bounds, tails.followed[first]
    while followed[following] < counters[REQUESTED]:
        earlier = tails.requests[followed[following] % tails.slots]
        if earlier[NEXT] == following and earlier[LOW] == bounds[first]:
            # As long before it is due as at first.
            if earlier[ORIGIN] + bounds[following] + 1 - tails.mode[LOOKAHEAD] >= end:
                return True
            row, step, origin = earlier[ROW], earlier[STEP], earlier[ORIGIN]
            until, kind, words = _piece(tails, row, following)
            if _enter(tails, row, step, origin, start, following, until, kind, words, NONE) == NONE:
                return False
        followed[following] += 1
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
            tails.pieces.numbers[ASKED] += words
            if not tails.mode[CAUTIOUS] and model.policy != ORACLE:
                at = keep(tails.kept, segments, row, words, step, until, counters[REQUESTED])
        end, kind = classes, KEPT
        if at == NONE:
            end, kind, words = _piece(tails, row, 0)
        counters[SPLIT] += kind == SMALL
        number = _enter(tails, row, step, start, start, 0, end, kind, words, at)
        if number == NONE:
            return False
        if there:
            tails.state[number % tails.slots] = THERE if is_there(tails.kept, segments, at, arrived) else READY
    return True
