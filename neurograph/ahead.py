"""Which tails are read before any spike asks for them, and where do they lie?

Those of partitions that are expected to be active (`neurograph.prediction`), or of spikes that are known beforehand,
from a recording: the clairvoyant that others are measured against. They lie among those that are kept, and are read
while no spike's own read is under way. A spike that finds its tail there need not read it. Precedence:

    worker 0 places a tail                     its row is `UNDERWAY`; a spike until then reads it by itself
    arrived precedes enter, by worker 0        from then on it is found like one that is kept
    all of a segment arrived                   precedes its being emptied

None of this has any influence on spikes. Only worker 0 calls these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.kept import USED, enter, has_room
from neurograph.prediction import FILL, ORACLE, Model, is_over, next_row, predict, put_back
from neurograph.segments import KEPT, NONE, hold, room_kept, segment_of, take
from neurograph.tails import Tails
from neurograph_storage.atomics import fetch
from neurograph_storage.jit import kernel, lend
from neurograph_storage.libc import give_number
from neurograph_storage.requests import AT, COUNT_BITS, GUESS, HIGH, LOW, READY, ROW, WAITING, WORDS, line_of

# A row whose tail is on its way.
UNDERWAY = -2
# Positions in `counters`: guesses that have arrived, and that have a place; known spikes that have been seen to; words
# placed so far, and of those that have arrived; whether there was no room for one; words placed, and of those that a
# spike found, when that was last looked at, and of late.
ARRIVED, PLACED, KNOWN, READ, _BROUGHT, _WANTING, _READ_THEN, _USED_THEN, _READ_LATELY, _USED_LATELY = range(10)
_COUNTERS = 16
# Guesses go on while spikes find a third of what was read in about so many windows, besides what may lie there waiting.
_WORTH, _WINDOWS = 3, 64
# Words that are under way at most: some reads at once, but soon out of the way.
_UNDERWAY_WORDS = 2**17


class Ahead(NamedTuple):
    """What is read ahead.

    Attributes
    ----------
    guessing : int
        Whether anything is; if not, all else is empty.
    into : int
        The pipe to the readers.
    model : Model
    known : (2, spikes) int64
        For `ORACLE`: step and row of each, rising by step.
    counters : (16,) int64
    message : (1,) int64
        Scratch.
    look : int
        Address of the kernel `look_ahead`; 0 if nothing is read ahead.
    """

    guessing: int
    into: int
    model: Model
    known: NDArray[np.int64]
    counters: NDArray[np.int64]
    message: NDArray[np.int64]
    look: int

    @staticmethod
    def make(model: Model, known: NDArray[np.int64], into: int) -> "Ahead":
        """Return that nothing has been read ahead yet."""
        return Ahead(1, into, model, known, np.zeros(_COUNTERS, np.int64), np.zeros(1, np.int64), 0)

    @staticmethod
    def none() -> "Ahead":
        """Return what a run has that does not guess."""
        nobody = Model.make(0, np.empty(0, np.uint32), 1, 1)
        return Ahead.make(nobody, np.empty((2, 0), np.int64), -1)._replace(guessing=0)


def start_over(ahead: Ahead, step: int) -> None:
    """Forget all that was read ahead, and go on at ``step``; nothing may be under way."""
    counters, model = ahead.counters, ahead.model
    counters[[ARRIVED, _BROUGHT, _READ_THEN]] = counters[[PLACED, READ, READ]]
    counters[KNOWN] = np.searchsorted(ahead.known[0], step)
    model.clock[1:4] = 0
    model.table[:, :-1] = 0


@kernel
def _line(tails: Tails, number: int) -> int:
    """Return the line of a guess in the tables."""
    return line_of(GUESS + number, tails.slots, len(tails.state))


@kernel
def _arrive(ahead: Ahead, tails: Tails) -> None:
    """Let spikes find what has arrived."""
    counters, kept = ahead.counters, tails.kept
    while counters[ARRIVED] < counters[PLACED]:
        line = _line(tails, counters[ARRIVED])
        state, row = fetch(tails.state, line), tails.requests[line, ROW]
        if state == WAITING:
            break
        # A spike may have come meanwhile, and its tail been kept.
        if kept.at[row] == UNDERWAY:
            kept.at[row] = NONE
            # One that could not be read is left to the spike that needs it, which will say so.
            if state == READY:
                enter(kept, tails.segments, row, tails.requests[line, AT], NONE)
                kept.fresh[row] = 1
        counters[_BROUGHT] += tails.requests[line, WORDS]
        counters[ARRIVED] += 1


@kernel
def _place(ahead: Ahead, tails: Tails, row: int, until: int) -> bool:
    """Give the tail of a row a place; return whether there was one."""
    counters, segments, words = ahead.counters, tails.segments, np.int64(tails.words[row])
    number, lines = counters[PLACED], len(tails.state) - tails.slots
    if number - counters[ARRIVED] >= lines:
        return False
    if not has_room(segments, words, 0):
        counters[_WANTING] = 1
        return False
    at = take(segments, KEPT, 0, words, until)
    if at == NONE:
        return False
    tails.kept.at[row], tails.kept.placed[segment_of(segments, at), 1] = UNDERWAY, number
    line = _line(tails, number)
    wanted = tails.requests[line]
    wanted[ROW], wanted[AT], wanted[WORDS] = row, at, words
    wanted[LOW], wanted[HIGH] = tails.bounds[0], tails.bounds[len(tails.bounds) - 1]
    tails.state[line] = WAITING
    counters[PLACED], counters[READ] = number + 1, counters[READ] + words
    return True


@kernel
def _place_wanted(ahead: Ahead, tails: Tails) -> None:
    """Place rows of partitions that are expected to be active."""
    counters, words, kept = ahead.counters, tails.words, tails.kept
    while counters[READ] - counters[_BROUGHT] < _UNDERWAY_WORDS:
        row = next_row(ahead.model, len(words))
        if row == NONE:
            return
        if words[row] and kept.at[row] == NONE and not _place(ahead, tails, row, NONE):
            put_back(ahead.model)
            return


@kernel
def _place_known(ahead: Ahead, tails: Tails, step: int) -> None:
    """Place rows of spikes that are known to come, and hold those that are there."""
    counters, words, kept = ahead.counters, tails.words, tails.kept
    while counters[READ] - counters[_BROUGHT] < _UNDERWAY_WORDS and counters[KNOWN] < ahead.known.shape[1]:
        when, row = ahead.known[0, counters[KNOWN]], ahead.known[1, counters[KNOWN]]
        until = when + tails.bounds[len(tails.bounds) - 1]
        if when >= step and words[row]:
            if kept.at[row] >= 0:
                hold(tails.segments, kept.at[row], until)
            elif kept.at[row] == UNDERWAY or not _place(ahead, tails, row, until):
                # It is held for this spike as well, or placed, in a later step.
                return
        counters[KNOWN] += 1


@kernel
def judge(counters: NDArray[np.int64], used: int, room: int) -> int:
    """Return the words that guesses may fill: ``room``, or 0 if spikes found too little of what was read of late.

    Once in each window. What was read before it was worth it is forgotten with time, so that a little is always tried.

    Parameters
    ----------
    used : int
        Words that were read ahead and found by a spike, so far.
    """
    counters[_READ_LATELY] += counters[READ] - counters[_READ_THEN] - counters[_READ_LATELY] // _WINDOWS
    counters[_USED_LATELY] += used - counters[_USED_THEN] - counters[_USED_LATELY] // _WINDOWS
    counters[_READ_THEN], counters[_USED_THEN] = counters[READ], used
    return room if counters[_READ_LATELY] <= _WORTH * counters[_USED_LATELY] + np.int64(FILL * room) else 0


@kernel
def arrive(ahead: Ahead, tails: Tails) -> int:
    """Let spikes find what has arrived; return how many more segments guesses ask for, 0 or 1."""
    if not ahead.guessing:
        return 0
    _arrive(ahead, tails)
    more, ahead.counters[_WANTING] = ahead.counters[_WANTING], 0
    return more


@kernel
def look_ahead(ahead: Ahead, tails: Tails, step: int) -> int:
    """Have more read, when all workers stand before ``step``; return 0."""
    ahead, tails = lend((ahead, tails))
    counters, segments, first = ahead.counters, tails.segments, ahead.counters[PLACED]
    if ahead.model.policy == ORACLE:
        _place_known(ahead, tails, step)
    else:
        if is_over(ahead.model, step):
            room = room_kept(segments) * segments.size
            predict(ahead.model, step, judge(counters, tails.kept.numbers[USED], room))
        _place_wanted(ahead, tails)
    if counters[PLACED] > first:
        ahead.message[0] = GUESS + first << COUNT_BITS | counters[PLACED] - first
        give_number(ahead.into, ahead.message)
    return 0
