"""What does a worker have before it, where does it stand, and what do workers share?

Compiled code reads and writes these; `neurograph.executor` makes them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.share import (
    Events,
)
from neurograph.tails import (
    STEP_BITS,
)

# What `advance` comes back with: done; in need of a new log, more cursors, or leave to read rows; stopped by others; a
# tail is due that has not arrived, or for which there is no room. And what only `launch_tails` says: one has not
# arrived, but there is other work to do.
DONE, LOG, CURSORS, ROWS, ABORTED, LATE, FULL, IDLE = range(8)
# Positions in `progress`. Of the last: requests before `SURE` are launched if they were there in any case; events of
# the next step that have been delivered before it begins; nanoseconds spent on neurons, and waiting for other workers.
(STEP, EPOCH_END, EPOCH, PHASE, LOGGED, EVENTS, NEXT_DRIVEN, NEXT_INJECTED, FIRST_STEP, EPOCH_START, WANTED, LAUNCHED,
 HITS, MISSES, STALLED, SURE, EARLY, NEURONS_NS, MEETING_NS) = range(19)  # fmt: skip
PROGRESS = 19
# Positions in `meeting`; what all write to is a cache line apart.
ARRIVED, ABORT, LAST = 0, 8, 9
# An epoch is no longer than this, so that the board stays small.
MAX_EPOCH = 2**STEP_BITS


class Common(NamedTuple):
    """What all workers share.

    Attributes
    ----------
    board : (workers, 2, MAX_EPOCH, 2) int64
        Address and number of the spikes, by worker, parity of the epoch, and step of the epoch.
    meeting : (16,) int64
        Arrivals so far; whether to stop at once; after how many epochs to come back, said by worker 0 before it meets.
    passed : (neurons,) uint8
        Whether a row may be delivered, by storage id.
    silenced : (neurons,) uint8
        Whether a neuron's spikes reach nobody, by storage id.
    """

    board: NDArray[np.int64]
    meeting: NDArray[np.int64]
    passed: NDArray[np.uint8]
    silenced: NDArray[np.uint8]


class Past(NamedTuple):
    """Spikes in flight when a run is taken up again, of one worker's neurons.

    Attributes
    ----------
    first_step : int
    starts : (steps + 1,) int64
        Where those of each step begin, and the end.
    storage : (spikes,) uint32
        Storage ids, step by step.
    """

    first_step: int
    starts: NDArray[np.int64]
    storage: NDArray[np.uint32]


class Work(NamedTuple):
    """What one worker reads and writes besides its neurons.

    Attributes
    ----------
    worker, workers, first_neuron : int
    epoch_steps : int
        At most the smallest delay.
    progress : (PROGRESS,) int64
    log : (at least the neurons,) uint32
        Storage ids of spikes, step by step.
    log_counts : (steps,) int32
        How many each step has, from ``progress[FIRST_STEP]`` on.
    driven, injected : Events
    past : Past
        Steps that have been before: their spikes are taken from here.
    deadline : int
        When to come back, in nanoseconds.
    plan, launch : int
        Addresses of the kernels that a circuit that streams needs; 0 if it does not.
    """

    worker: int
    workers: int
    first_neuron: int
    epoch_steps: int
    progress: NDArray[np.int64]
    log: NDArray[np.uint32]
    log_counts: NDArray[np.int32]
    driven: Events
    injected: Events
    past: Past
    deadline: int
    plan: int
    launch: int
