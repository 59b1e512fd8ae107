"""How does a worker run many steps without ever leaving compiled code?

`advance` takes a worker from epoch to epoch: steps, the meeting of all workers, the launch of the epoch's spikes. It
comes back only when it is done or when it needs something that Python does better, says what, and is then called again;
where it stood is in `progress`. Workers see each other's spikes through the *board*: for each worker and step of an
epoch, where its spikes lie and how many they are.
"""

import ctypes
from typing import Any, NamedTuple

import numpy as np
from numba import carray  # type: ignore[attr-defined, unused-ignore]
from numpy.typing import NDArray

from neurograph.delivery import Cursors, Graph, deliver, has_room, launch
from neurograph.models.base import (
    AT_CONSTANTS,
    AT_COUNTDOWN,
    AT_INPUTS,
    AT_REFRACTORY,
    AT_SPIKES,
    AT_STATE,
    CONSTANTS,
    NEURONS,
    STRIDE,
    TILE,
)
from neurograph.noise import Drives, add_noise, add_poisson, is_on
from neurograph.share import (
    ADJACENT,
    CONSTANT_ADDRESS,
    CONSTANT_COUNT,
    COUNT,
    FIRST,
    FIRST_DRIVE,
    INPUTS,
    LAST_DRIVE,
    RECEPTORS,
    STATE_ADDRESS,
    TILE_ADDRESS,
    Events,
    Neurons,
)
from neurograph.tails import PLACED, PLANNED, STEP_BITS, Tails, count_due, follow, free, place, request
from neurograph_storage.atomics import call, fetch, fetch_add, give_way, pointer, publish
from neurograph_storage.fetching import AT, READY, RING, WORDS
from neurograph_storage.fetching import STEP as STEP_OF
from neurograph_storage.jit import kernel, part
from neurograph_storage.libc import nanoseconds

# What `advance` comes back with: done; in need of a new log, more cursors, or leave to read rows; stopped by others; a
# tail is due that has not arrived, or for which there is no room.
DONE, LOG, CURSORS, ROWS, ABORTED, LATE, FULL = range(7)
# Positions in `progress`.
(STEP, EPOCH_END, EPOCH, PHASE, LOGGED, EVENTS, NEXT_DRIVEN, NEXT_INJECTED, FIRST_STEP, EPOCH_START, WANTED, LAUNCHED,
 HITS, MISSES, STALLED) = range(15)  # fmt: skip
PROGRESS = 16
_STEPPING, _MEETING, _LAUNCHING, _AWAITING = range(4)
# Positions in `meeting`, a cache line apart.
ARRIVED, ABORT = 0, 8
_SPINS = 4000
# Turns of waiting for a tail before Python has a look.
_PATIENCE = 100_000
# An epoch is no longer than this, so that the board stays small.
MAX_EPOCH = 2**STEP_BITS


class Common(NamedTuple):
    """What all workers share.

    Attributes
    ----------
    board : (workers, 2, MAX_EPOCH, 2) int64
        Address and number of the spikes, by worker, parity of the epoch, and step of the epoch.
    meeting : (16,) int64
        Arrivals so far; whether to stop.
    passed : (neurons,) uint8
        Whether a row may be delivered, by storage id.
    silenced : (neurons,) uint8
        Whether a neuron's spikes reach nobody, by storage id.
    """

    board: NDArray[np.int64]
    meeting: NDArray[np.int64]
    passed: NDArray[np.uint8]
    silenced: NDArray[np.uint8]


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


@part
def _gather(neurons: Neurons, run: int, first: int, n: int) -> None:
    """Turn the codes that have arrived for a tile into inputs, and clear them."""
    inputs, codes = neurons.inputs, neurons.codes
    at = np.int64(neurons.storage[first])
    for r in range(neurons.runs[run, RECEPTORS]):
        scale, into = neurons.scales[run, r], inputs[r][:n]
        if neurons.runs[run, ADJACENT]:
            arrived = codes[r][at : at + n]
            for i in range(n):
                into[i] = arrived[i] * scale
            for i in range(n):
                arrived[i] = 0
        else:
            storage, everywhere = neurons.storage[first : first + n], codes[r]
            for i in range(n):
                into[i] = everywhere[storage[i]] * scale
            for i in range(n):
                everywhere[storage[i]] = 0


@part
def _clear(rows: NDArray[np.float64], low: int, high: int, n: int) -> None:
    for r in range(low, high):
        cleared = rows[r]
        for i in range(n):
            cleared[i] = 0.0


@part
def _are_due(events: Events, following: int, step: int, first: int, n: int) -> bool:
    """Return whether the next event is one of ``step`` onto a tile."""
    if following >= len(events.step) or events.step[following] != step:
        return False
    return events.position[following] < first + n


@part
def _add_events(
    events: Events, following: int, step: int, first: int, n: int, receptors: int,
    outside: NDArray[np.float64], inputs: NDArray[np.float64],
) -> int:  # fmt: skip
    """Add the events of ``step`` onto a tile; return the first event that is not among them."""
    while following < len(events.step) and events.step[following] == step:
        position = events.position[following] - first
        if position >= n:
            break
        if events.receptor[following] < receptors:
            outside[events.receptor[following], position] += events.weight[following]
        else:
            inputs[events.receptor[following], position] += events.weight[following]
        following += 1
    return following


@part
def _add_outside(
    neurons: Neurons, drives: Drives, work: Work, run: int, step: int, first: int, n: int, outside: NDArray[np.float64]
) -> None:
    """Sum what comes from outside, first the drives and then the events, and add it to the inputs of a tile.

    Where only one drive adds to a tile, and for currents, which have no other input, it is added in place.
    """
    progress, runs = work.progress, neurons.runs
    receptors, driven, injected = runs[run, RECEPTORS], progress[NEXT_DRIVEN], progress[NEXT_INJECTED]
    several = runs[run, LAST_DRIVE] - runs[run, FIRST_DRIVE] > 1
    several |= _are_due(work.driven, driven, step, first, n) or _are_due(work.injected, injected, step, first, n)
    sums = outside if several else neurons.inputs
    _clear(neurons.inputs, receptors, runs[run, INPUTS], n)
    if several:
        _clear(outside, 0, receptors, n)
    for span in range(runs[run, FIRST_DRIVE], runs[run, LAST_DRIVE]):
        drive = neurons.drive_spans[span, 0]
        low, high = max(first, neurons.drive_spans[span, 1]), min(first + n, neurons.drive_spans[span, 2])
        if low < high and is_on(drives, drive, step):
            into = (sums if drives.receptor[drive] < receptors else neurons.inputs)[drives.receptor[drive]]
            into = into[low - first : high - first]
            if drives.noise[drive]:
                add_noise(neurons.keys[low:high], drives, drive, step, into)
            else:
                add_poisson(neurons.keys[low:high], drives, drive, step, neurons.bits, neurons.counts, into)
    if several:
        progress[NEXT_DRIVEN] = _add_events(work.driven, driven, step, first, n, receptors, outside, neurons.inputs)
        progress[NEXT_INJECTED] = _add_events(
            work.injected, injected, step, first, n, receptors, outside, neurons.inputs
        )
        for r in range(receptors):
            into, more = neurons.inputs[r], outside[r]
            for i in range(n):
                into[i] += more[i]


@part
def _describe_run(neurons: Neurons, run: int) -> None:
    block, runs = neurons.block, neurons.runs
    block[CONSTANTS], block[STRIDE] = runs[run, CONSTANT_COUNT], runs[run, COUNT]
    block[AT_CONSTANTS] = runs[run, CONSTANT_ADDRESS]
    block[AT_INPUTS], block[AT_SPIKES] = neurons.inputs.ctypes.data, neurons.spikes.ctypes.data


@part
def _advance_tile(neurons: Neurons, run: int, first: int, n: int) -> int:
    """Call the model's step for a tile; return how many spiked."""
    block, runs = neurons.block, neurons.runs
    block[NEURONS] = n
    block[AT_STATE] = runs[run, STATE_ADDRESS] + 8 * (first - runs[run, FIRST])
    block[AT_COUNTDOWN] = neurons.countdown.ctypes.data + 4 * first
    block[AT_REFRACTORY] = neurons.refractory.ctypes.data + 4 * first
    return call(runs[run, TILE_ADDRESS], block)


@part
def _step(
    neurons: Neurons, drives: Drives, work: Work, cursors: Cursors, graph: Graph, outside: NDArray[np.float64]
) -> None:
    """Run one step of all neurons: deliver, then tile by tile gather, add what comes from outside, and advance."""
    progress = work.progress
    step, logged = progress[STEP], progress[LOGGED]
    progress[EVENTS] += deliver(cursors, graph, step, neurons.codes, neurons.due)
    for run in range(len(neurons.runs)):
        _describe_run(neurons, run)
        first, last = neurons.runs[run, FIRST], neurons.runs[run, FIRST] + neurons.runs[run, COUNT]
        while first < last:
            n = min(TILE, last - first)
            _gather(neurons, run, first, n)
            _add_outside(neurons, drives, work, run, step, first, n, outside)
            for k in range(_advance_tile(neurons, run, first, n)):
                work.log[logged] = work.first_neuron + neurons.storage[first + neurons.spikes[k]]
                logged += 1
            first += n
    work.log_counts[step - progress[FIRST_STEP]] = logged - progress[LOGGED]
    progress[LOGGED] = logged
    progress[STEP] = step + 1


@part
def _run_epoch(
    neurons: Neurons, drives: Drives, work: Work, cursors: Cursors, graph: Graph, common: Common,
    outside: NDArray[np.float64], until: int,
) -> int:  # fmt: skip
    progress = work.progress
    if progress[STEP] == progress[EPOCH_END]:
        progress[EPOCH_END] = min(progress[STEP] + work.epoch_steps, until)
        progress[EPOCH_START] = progress[STEP]
    start = progress[EPOCH_START]
    while progress[STEP] < progress[EPOCH_END]:
        logged, step = progress[LOGGED], progress[STEP]
        if len(work.log) - logged < len(neurons.storage):
            return LOG
        _step(neurons, drives, work, cursors, graph, outside)
        place = common.board[work.worker, progress[EPOCH] & 1, step - start]
        place[0], place[1] = work.log.ctypes.data + 4 * logged, progress[LOGGED] - logged
    return DONE


@part
def _meet(work: Work, common: Common) -> bool:
    """Wait until all workers have come to the end of this epoch; return whether to go on."""
    needed, turns = work.workers * (work.progress[EPOCH] + 1), 0
    while fetch(common.meeting, ARRIVED) < needed:
        if fetch(common.meeting, ABORT):
            return False
        turns += 1
        if turns > _SPINS:
            give_way()
    return fetch(common.meeting, ABORT) == 0


@kernel
def _launch_epoch(work: Work, cursors: Cursors, graph: Graph, common: Common, start: int, launching: bool) -> int:
    """Count the epoch's spikes, or launch them; return how many, or -1 if a row of one must not be delivered yet."""
    total = 0
    for worker in range(work.workers):
        for k in range(work.progress[STEP] - start):
            place = common.board[worker, work.progress[EPOCH] & 1, k]
            spikes = carray(pointer(place[0]), (place[1],), np.uint32)
            for spike in spikes:
                if common.silenced[spike]:
                    continue
                if launching:
                    launch(cursors, graph, start + k, graph.start[spike])
                elif not common.passed[spike]:
                    return -1
            total += place[1]
    return total


@kernel
def _keys(work: Work, common: Common, start: int, spikes: int) -> NDArray[np.int64]:
    """Return the epoch's spikes as keys, sorted; see `request`."""
    keys, count = np.empty(spikes, np.int64), 0
    for worker in range(work.workers):
        for k in range(work.progress[STEP] - start):
            place = common.board[worker, work.progress[EPOCH] & 1, k]
            for spike in carray(pointer(place[0]), (place[1],), np.uint32):
                if not common.silenced[spike]:
                    keys[count] = np.int64(spike) << STEP_BITS | k
                    count += 1
    return np.sort(keys[:count])


@kernel
def _plan(work: Work, common: Common, tails: Tails, spikes: int) -> int:
    """Free, request and place tails, once an epoch; return `FULL` if one that is due has no place, else `DONE`."""
    progress, counters = work.progress, tails.counters
    if work.worker != 0 or counters[PLANNED] > progress[EPOCH]:
        return DONE
    start, step = progress[EPOCH_START], progress[STEP]
    # What follows is told by lines of the table, so before any is freed; and again for what has just been requested.
    if not follow(tails, start, step):
        return FULL
    free(tails, step)
    if not request(tails, _keys(work, common, start, spikes), start) or not follow(tails, start, step):
        return FULL
    place(tails)
    due = progress[LAUNCHED] + count_due(tails, progress[LAUNCHED], step + work.epoch_steps)
    if counters[PLACED] < due:
        return FULL
    publish(counters, PLANNED, progress[EPOCH] + 1)
    return DONE


@kernel
def _await(tails: Tails, common: Common, work: Work, number: int) -> int:
    """Wait until a request has arrived; return `DONE`, `ABORTED`, or `LATE`."""
    slot, progress = number % len(tails.state), work.progress
    if fetch(tails.state, slot) == READY:
        progress[HITS] += 1
        return DONE
    started, turns, status = nanoseconds(), 0, LATE
    while turns < _PATIENCE and status == LATE:
        if fetch(common.meeting, ABORT):
            status = ABORTED
        elif fetch(tails.state, slot) == READY:
            status = DONE
        turns += 1
        if turns > _SPINS:
            give_way()
    progress[STALLED] += nanoseconds() - started
    progress[MISSES] += status == DONE
    return status


@kernel
def _launch_tails(work: Work, cursors: Cursors, graph: Graph, common: Common, tails: Tails) -> int:
    """Launch the tails that may be due in the epoch that begins; return `DONE`, `CURSORS`, `LATE` or `ABORTED`."""
    progress, slots = work.progress, len(tails.state)
    while fetch(tails.counters, PLANNED) <= progress[EPOCH]:
        if fetch(common.meeting, ABORT):
            return ABORTED
        give_way()
    due = count_due(tails, progress[LAUNCHED], progress[STEP] + work.epoch_steps)
    if not has_room(cursors, due * cursors.bins.shape[1]):
        progress[WANTED] = due
        return CURSORS
    for number in range(progress[LAUNCHED], progress[LAUNCHED] + due):
        of_request = tails.requests[number % slots]
        if of_request[WORDS]:
            status = _await(tails, common, work, number)
            if status != DONE:
                return status
            first, length = tails.ring[of_request[RING]]
            launch(cursors, graph, of_request[STEP_OF], first + of_request[AT] % length)
        progress[LAUNCHED] = number + 1
    return DONE


@kernel
def advance(
    neurons: Neurons,
    drives: Drives,
    work: Work,
    cursors: Cursors,
    graph: Graph,
    common: Common,
    tails: Tails,
    until: int,
) -> int:
    """Run a worker up to step ``until``; return why it came back.

    A step costs, besides its events, one pass over the neurons in tiles; an epoch, a meeting. Traffic a neuron: its
    state read and written once, from the second- or third-level cache if it fits there; 4 bytes of codes a receptor
    read and cleared; 8 bytes of key.
    """
    progress = work.progress
    outside = np.empty(neurons.inputs.shape)
    while progress[STEP] < until or progress[PHASE] != _STEPPING:
        if progress[PHASE] == _STEPPING:
            if _run_epoch(neurons, drives, work, cursors, graph, common, outside, until) == LOG:
                return LOG
            progress[PHASE] = _MEETING
            fetch_add(common.meeting, ARRIVED, 1)
        if progress[PHASE] == _MEETING:
            if not _meet(work, common):
                return ABORTED
            progress[PHASE] = _LAUNCHING
        if progress[PHASE] == _LAUNCHING:
            start = progress[EPOCH_START]
            spikes = _launch_epoch(work, cursors, graph, common, start, False)
            if spikes < 0:
                return ROWS
            if not has_room(cursors, spikes * cursors.bins.shape[1]):
                progress[WANTED] = spikes
                return CURSORS
            if tails.streaming and _plan(work, common, tails, spikes) != DONE:
                return FULL
            _launch_epoch(work, cursors, graph, common, start, True)
            progress[PHASE] = _AWAITING
        if tails.streaming:
            status = _launch_tails(work, cursors, graph, common, tails)
            if status != DONE:
                return status
        progress[EPOCH] += 1
        progress[PHASE] = _STEPPING
    return DONE


def spikes_of_epoch(work: Work, common: Common) -> NDArray[np.uint32]:
    """Return the storage ids of all spikes of the epoch that is about to be launched."""
    steps, parity = int(work.progress[STEP] - work.progress[EPOCH_START]), int(work.progress[EPOCH]) & 1
    parts: list[Any] = [np.empty(0, np.uint32)]
    for address, count in common.board[:, parity, :steps].reshape(-1, 2).tolist():
        if count:
            parts.append(_view(address, count))
    return np.concatenate(parts)


def _view(address: int, count: int) -> NDArray[np.uint32]:
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_uint32)), (count,))
