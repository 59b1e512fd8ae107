"""How is memory divided when the rows of a circuit do not fit in it?

After state and tables, one *pool*: first the heads of all rows, then the tails. Heads are as deep as gives reads the
time that they need, if half of the pool holds them: what is deeper only takes room from tails that are kept.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.segments import MAX_CLASSES, Segments
from neurograph.work import MAX_EPOCH
from neurograph_storage.heads import head_words
from neurograph_storage.queueing import PAGE
from neurograph_storage.requests import FIELDS
from neurograph_storage.store import CircuitStore

HEADS_SHARE, _MAX_DEPTH = 2, 64
# A read comes within so long while others are under way; a step takes a worker at least so long for each neuron.
_READ_NS, _NEURON_NS = 600_000, 5.0
# Segments hold the largest tail so often, there are so many, and they have at most so many words.
_TAILS_A_SEGMENT, _SEGMENTS, _MAX_SEGMENT = 2, 128, 2**21
# How finely the borders of classes of delays are looked for.
BORDERS = 64
# Of each row: where it and its head begin, its sum, the words of its tail and of its classes, and what `Kept` knows.
ROW_BYTES, REQUEST_BYTES = 8 + 8 + 8 + 4 + 2 * MAX_CLASSES + 8 + 4 + 4 + 4 + 1, 8 * (FIELDS + 1)
# There must be room for the largest tail so many times, or it is no use to begin.
LEAST_TAILS = 6
# An epoch is short enough for a read to have this many while its deadline comes nearer.
_EPOCHS_AHEAD = 4


def epoch_length(min_delay: int, first_delay: int) -> int:
    """Return the steps of an epoch, when the smallest delays of all synapses and of all tails are these.

    Examples
    --------
    >>> epoch_length(1, 8), epoch_length(15, 15), epoch_length(2, 30)
    (1, 3, 2)
    """
    return int(max(1, min(min_delay, first_delay // _EPOCHS_AHEAD, MAX_EPOCH)))


def steps_to_read(neurons: int, workers: int) -> int:
    """Return how many steps a tail has until it must be there, if heads are as deep as that.

    Examples
    --------
    >>> [steps_to_read(neurons, 2) for neurons in (1000, 77_169, 1_000_000)]
    [64, 4, 1]
    """
    return int(min(_MAX_DEPTH, -(-_READ_NS // (max(1, neurons) * _NEURON_NS / workers))))


def choose_depth(heads: NDArray[np.int64], depths: NDArray[np.int64], pool_words: int) -> int:
    """Return the largest depth whose heads take at most half of the pool, or 0."""
    fitting: list[int] = depths[heads <= pool_words // HEADS_SHARE].tolist()
    return max(fitting, default=0)


def class_bounds(depth: int, borders: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the largest delay of heads, then of each class, so that classes take about equally much.

    That is words in memory, all at once after a burst of spikes, and steps that they must stay there.

    Parameters
    ----------
    depth : int
    borders : (n,) int64
        Delays at which a class may end, rising; classes end with the last one.
    words : (n,) int64
        Of all groups up to each border.

    Examples
    --------
    >>> class_bounds(2, np.arange(3, 20), 10 * np.arange(3, 20)).tolist()
    [2, 5, 7, 9, 11, 13, 15, 17, 19]
    >>> class_bounds(0, np.array([1]), np.array([10])).tolist()
    [0, 1]
    """
    shares = [(measure - measure[0]) / max(1, measure[-1] - measure[0]) for measure in (words, borders)]
    places = np.searchsorted(shares[0] + shares[1], 2 * np.arange(1, MAX_CLASSES) / MAX_CLASSES)
    ends = borders[np.minimum(places, len(borders) - 1)]
    return np.unique(np.concatenate([[depth], ends, borders[-1:]]))


def least_bytes(circuit: Circuit) -> int:
    """Return the memory without which streaming is impossible, besides the state, in bytes."""
    row = circuit.store.row_bytes
    return circuit.neurons * ROW_BYTES + row + 2 * PAGE + LEAST_TAILS * row


def fixed_bytes(circuit: Circuit) -> int:
    """Return the bytes of what is known of each row when it streams, and of heads that hold no synapse."""
    return circuit.neurons * ROW_BYTES + 2 * int(head_words(circuit.store, np.zeros(1, np.int64))[0])


def cut_segments(first: int, words: int, largest: int) -> Segments:
    """Return how some words of the pool, from ``first`` on, are cut into segments that each hold the largest tail."""
    size = min(max(_TAILS_A_SEGMENT * largest, min(words // _SEGMENTS, _MAX_SEGMENT)), words // LEAST_TAILS)
    return Segments.make(first, max(0, words), max(largest, size))


def divide(store: CircuitStore, room: int) -> tuple[int, int]:
    """Return how many requests there can be, a power of two, and the words of the pool."""
    mean = max(1, store.counts.plain_words // max(1, store.neurons))
    # One for each class of the tails that there is room for.
    wanted, affordable = MAX_CLASSES * room // (2 * mean), room // 4 // REQUEST_BYTES
    slots = 2 ** max(4, min(wanted, affordable, 2**40).bit_length() - 1)
    return slots, (room - slots * REQUEST_BYTES) // 2
