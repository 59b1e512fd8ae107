"""In how many pieces is a tail read?

A tail waits in memory for the longest of its delays. Where delays span so much time that the tails of spikes in flight
would fill the pool, they are cut at borders of their classes of delays: a piece is read when it comes due, and is gone
once it is over. Each piece costs a read of its row, so they are as few as there is room for. How many is decided for
all tails several times while the largest delay passes, by what spikes did not find of late. What a burst leaves no room
for is divided by single classes in any case (`neurograph.requesting`).
"""

from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel

# Positions in `numbers`: pieces of a tail, less one; words that spikes did not find, since which step; a step, of late;
# how often it was decided.
FEWER, ASKED, SINCE, FLOW, TURN = range(5)
# Of the pool, large pieces in flight may take this much. So often it is decided while the largest delay passes; more is
# believed at once, less only slowly.
_SHARE, _OFTEN, _SLOWLY = 0.75, 8, 16


class Pieces(NamedTuple):
    """How tails can be cut.

    Attributes
    ----------
    ends : (classes, classes) int64
        For each number of pieces, less one: the class before which the piece ends that a class belongs to.
    held : (classes,) float64
        For each number of pieces, less one: steps that a word of a tail lies in memory, on average.
    recent : (8,) int64
        Words that spikes did not find, between one decision and the next, while the largest delay passed.
    numbers : (5,) int64
    """

    ends: NDArray[np.int64]
    held: NDArray[np.float64]
    recent: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @staticmethod
    def make(bounds: NDArray[np.int64], words: NDArray[np.int64], lookahead: int) -> "Pieces":
        """Return the best cuts into each number of pieces: those that hold words for the shortest time.

        Parameters
        ----------
        bounds : (classes + 1,) int64
            Largest delay of a head, then of each class, in steps.
        words : (classes,) int64
            Of all rows.
        lookahead : int
            Steps by which a piece is requested before it is due.

        Examples
        --------
        >>> pieces = Pieces.make(np.array([0, 10, 20, 100]), np.array([50, 45, 5]), 5)
        >>> pieces.ends.tolist(), pieces.held.round(1).tolist()
        ([[3, 3, 3], [2, 2, 3], [1, 2, 3]], [105.0, 28.0, 18.5])
        """
        classes, shares = len(bounds) - 1, words / max(1, words.sum())

        def held(cuts: tuple[int, ...]) -> float:
            spans = [(shares[a:b].sum(), bounds[b] - bounds[a] + lookahead) for a, b in pairwise((0, *cuts))]
            return float(sum(share * steps for share, steps in spans))

        best = [min(((*c, classes) for c in combinations(range(1, classes), n)), key=held) for n in range(classes)]
        ends = [[min(cut for cut in cuts if cut > c) for c in range(classes)] for cuts in best]
        times = np.array([held(cuts) for cuts in best])
        return Pieces(np.array(ends, np.int64), times, np.zeros(_OFTEN, np.int64), np.zeros(5, np.int64))

    @staticmethod
    def none() -> "Pieces":
        """Return what a circuit in memory has."""
        nothing = np.empty(0, np.int64)
        return Pieces(nothing.reshape(0, 0), np.empty(0, np.float64), nothing, nothing)


@kernel
def _asked_of_late(pieces: Pieces, passed: int) -> int:
    """Return what was asked for while a tail lies in memory, at ``passed`` steps from one decision to the next."""
    recent, total = pieces.recent, 0
    for k in range(min(_OFTEN, int(np.ceil(pieces.held[0] / passed)))):
        total += recent[(pieces.numbers[TURN] - k) % _OFTEN]
    return total


@kernel
def set_number(pieces: Pieces, step: int, words: int, segment: int) -> None:
    """Decide how many pieces there are from now on, if it is time.

    Parameters
    ----------
    step : int
        The one that all workers stand before.
    words, segment : int
        Of the pool, and of each of its segments, of which pieces of each kind leave one unfilled.
    """
    numbers, held, recent = pieces.numbers, pieces.held, pieces.recent
    passed = step - numbers[SINCE]
    if passed < 0:
        # The run has gone back, to launch the spikes in flight again.
        numbers[ASKED], numbers[SINCE] = 0, step
    if passed * _OFTEN < held[0]:
        return
    turn, asked = numbers[TURN], numbers[ASKED]
    # What two in a row ask for will go on. What one alone asks for is a burst: no more than that is in flight.
    steady = min(asked, recent[(turn - 1) % _OFTEN]) // passed
    recent[turn % _OFTEN] = asked
    flow = max(steady, np.int64(_asked_of_late(pieces, passed) / held[0]))
    numbers[FLOW] = max(flow, numbers[FLOW] - numbers[FLOW] // _SLOWLY)
    fewer = 0
    while fewer + 1 < len(held) and numbers[FLOW] * held[fewer] + (fewer + 1) * segment > _SHARE * words:
        if numbers[FLOW] * (held[fewer] - held[fewer + 1]) < segment:
            # What one more piece leaves unfilled is more than it saves.
            break
        fewer += 1
    numbers[FEWER], numbers[ASKED], numbers[SINCE], numbers[TURN] = fewer, 0, step, turn + 1
