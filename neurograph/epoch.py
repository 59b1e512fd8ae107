"""How does a worker run many steps without ever leaving compiled code?

`advance` takes a worker from epoch to epoch: steps, the meeting of all workers, the launch of the epoch's spikes. It
comes back only when it is done or when it needs something that Python does better, says what, and is then called again;
where it stood is in `progress`. Workers see each other's spikes through the *board*: for each worker and step of an
epoch, where its spikes lie and how many they are.
"""

import ctypes
from typing import Any

import numpy as np
from numba import carray  # type: ignore[attr-defined, unused-ignore]
from numpy.typing import NDArray

from neurograph.ahead import ARRIVED as GUESSED
from neurograph.ahead import Ahead, arrive
from neurograph.cursors import has_room
from neurograph.delivery import Calendar, Graph, ask_for_row, deliver, launch, launch_spikes
from neurograph.kept import give_up
from neurograph.noise import Drives
from neurograph.requesting import follow, request
from neurograph.share import Neurons
from neurograph.stepping import run_epoch
from neurograph.tails import (
    CAUTIOUS,
    LAZY,
    LOOKAHEAD,
    MADE,
    PLACED,
    PLANNED,
    REQUESTED,
    STEP_BITS,
    Tails,
    count_due,
    free,
    place,
    send,
)
from neurograph.work import (
    ABORT,
    ABORTED,
    ARRIVED,
    CURSORS,
    DONE,
    EARLY,
    EPOCH,
    EPOCH_START,
    FULL,
    HITS,
    IDLE,
    LAST,
    LATE,
    LAUNCHED,
    LOG,
    MEETING_NS,
    MISSES,
    PHASE,
    ROWS,
    STALLED,
    STEP,
    SURE,
    WANTED,
    Common,
    Work,
)
from neurograph_storage.atomics import fetch, fetch_add, give_way, pointer, publish
from neurograph_storage.jit import call_kernel, kernel, lend, part
from neurograph_storage.libc import nanoseconds
from neurograph_storage.requests import AT, READY, THERE, WAITING, WORDS, Fetching, Reader
from neurograph_storage.requests import STEP as STEP_OF

_STEPPING, _MEETING, _LAUNCHING, _AWAITING = range(4)
# Turns of waiting before others may have the processor, and between two looks at what has been read.
_SPINS, _SPINS_A_TURN = 4000, 64
# Turns of waiting for a tail before Python has a look.
_PATIENCE = 100_000


@part
def _wait(fetching: Fetching, reader: Reader, turns: int) -> int:
    """Do something useful while waiting for others; return ``turns`` + 1."""
    if len(reader.queue.busy) > 0 and turns % _SPINS_A_TURN == 0:
        call_kernel(fetching.turn, (fetching, reader, 0))
    if turns > _SPINS:
        give_way()
    return turns + 1


@part
def _meet(work: Work, common: Common, fetching: Fetching, reader: Reader) -> bool:
    """Wait until all workers have come to the end of this epoch; return whether to go on."""
    needed, turns, started = work.workers * (work.progress[EPOCH] + 1), 0, nanoseconds()
    while fetch(common.meeting, ARRIVED) < needed:
        if fetch(common.meeting, ABORT):
            return False
        turns = _wait(fetching, reader, turns)
    work.progress[MEETING_NS] += nanoseconds() - started
    return fetch(common.meeting, ABORT) == 0


@kernel
def _launch_epoch(work: Work, calendar: Calendar, graph: Graph, common: Common, start: int, launching: bool) -> int:
    """Count the epoch's spikes, or launch them; return how many, or -1 if a row of one must not be delivered yet."""
    total = 0
    for worker in range(work.workers):
        for k in range(work.progress[STEP] - start):
            place = common.board[worker, work.progress[EPOCH] & 1, k]
            spikes = carray(pointer(place[0]), (place[1],), np.uint32)
            if launching:
                launch_spikes(calendar, graph, start + k, spikes, common.silenced)
            else:
                for spike in spikes:
                    if not common.silenced[spike] and not common.passed[spike]:
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
def plan(work: Work, common: Common, tails: Tails, ahead: Ahead, spikes: int) -> int:
    """Free, request and place tails, once an epoch; return `FULL` if one that is due has no place, else `DONE`."""
    work, common, tails, ahead = lend((work, common, tails, ahead))
    progress, counters = work.progress, tails.counters
    if work.worker != 0 or counters[MADE] > progress[EPOCH]:
        return DONE
    start, step = progress[EPOCH_START], progress[STEP]
    # What follows is told by lines of the table, so before any is freed; and again for what has just been requested.
    if not follow(tails, start, step):
        return FULL
    more = arrive(ahead, tails)
    free(tails, ahead.model, step, progress[LAUNCHED], ahead.counters[GUESSED], more)
    keys = _keys(work, common, start, spikes)
    if not request(tails, ahead.model, keys, start, progress[LAUNCHED]) or not follow(tails, start, step):
        return FULL
    place(tails)
    requested, launched = counters[REQUESTED], progress[LAUNCHED]
    due = launched + count_due(tails, launched, requested, step + work.epoch_steps)
    guessed = ahead.counters[GUESSED]
    while counters[PLACED] < due and give_up(
        tails.kept, tails.segments, tails.pool, tails.words, launched, guessed, step, ahead.model
    ):
        place(tails)
    placed = counters[PLACED]
    send(tails, min(placed, due) if tails.mode[LAZY] else placed)
    if placed < due:
        return FULL
    counters[MADE] = progress[EPOCH] + 1
    # Others need not wait for the next plan if what it requests is not due at once, and what will be due has its place.
    early = tails.mode[LOOKAHEAD] >= 2 * work.epoch_steps
    early &= placed >= launched + count_due(tails, launched, requested, step + 2 * work.epoch_steps)
    publish(counters, PLANNED, progress[EPOCH] + 1 + early)
    if ahead.guessing and not tails.mode[CAUTIOUS]:
        call_kernel(ahead.look, (ahead, tails, step))
    return DONE


@kernel
def _await(tails: Tails, common: Common, work: Work, fetching: Fetching, reader: Reader, number: int) -> int:
    """Wait until a request has arrived; return `DONE`, `ABORTED`, or `LATE`."""
    slot, progress = number % tails.slots, work.progress
    if fetch(tails.state, slot) == READY:
        progress[HITS] += 1
        return DONE
    started, turns, status = nanoseconds(), 0, LATE
    while turns < _PATIENCE and status == LATE:
        if fetch(common.meeting, ABORT):
            status = ABORTED
        elif fetch(tails.state, slot) == READY:
            status = DONE
        turns = _wait(fetching, reader, turns)
    progress[STALLED] += nanoseconds() - started
    progress[MISSES] += status == DONE
    return status


@part
def _launch_there(work: Work, calendar: Calendar, graph: Graph, tails: Tails, end: int) -> bool:
    """Launch what was there before it was requested, of requests before ``end``; return whether the others are, too."""
    progress, all_ready, asked = work.progress, True, -1
    for number in range(progress[LAUNCHED], end):
        slot = number % tails.slots
        state = fetch(tails.state, slot)
        all_ready &= state != WAITING
        if state == THERE:
            # Anywhere in memory: the one before is launched while this one comes.
            ask_for_row(calendar, graph, tails.requests[slot, AT])
            if asked >= 0:
                launch(calendar, graph, tails.requests[asked, STEP_OF], tails.requests[asked, AT])
            asked = slot
            progress[HITS] += 1
    if asked >= 0:
        launch(calendar, graph, tails.requests[asked, STEP_OF], tails.requests[asked, AT])
    return all_ready


@kernel
def launch_tails(
    work: Work, calendar: Calendar, graph: Graph, common: Common, tails: Tails, fetching: Fetching, reader: Reader
) -> int:
    """Launch the tails that may be due in the epoch that begins; return `DONE`, `CURSORS`, `IDLE`, `LATE` or `ABORTED`.

    First those that are there in any case, then the others, in order. Before one is waited for, `IDLE` says once that
    what has been launched can be delivered meanwhile.
    """
    work, calendar, graph, common, tails, fetching, reader = lend(
        (work, calendar, graph, common, tails, fetching, reader)
    )
    progress, slots, turns = work.progress, tails.slots, 0
    while fetch(tails.counters, PLANNED) <= progress[EPOCH]:
        if fetch(common.meeting, ABORT):
            return ABORTED
        turns = _wait(fetching, reader, turns)
    if len(reader.queue.busy) > 0:
        call_kernel(fetching.turn, (fetching, reader, 0))
    placed = fetch(tails.counters, PLACED)
    end = progress[LAUNCHED] + count_due(tails, progress[LAUNCHED], placed, progress[STEP] + work.epoch_steps)
    # The first time in an epoch.
    if progress[SURE] < end:
        due = end - progress[LAUNCHED]
        if not has_room(calendar.cursors, due * calendar.blocks):
            progress[WANTED] = due
            return CURSORS
        progress[SURE] = end
        if not _launch_there(work, calendar, graph, tails, end):
            return IDLE
    for number in range(progress[LAUNCHED], end):
        of_request = tails.requests[number % slots]
        if of_request[WORDS] and fetch(tails.state, number % slots) != THERE:
            status = _await(tails, common, work, fetching, reader, number)
            if status != DONE:
                return status
            launch(calendar, graph, of_request[STEP_OF], of_request[AT])
        progress[LAUNCHED] = number + 1
    return DONE


@kernel
def advance(
    neurons: Neurons,
    drives: Drives,
    work: Work,
    calendar: Calendar,
    graph: Graph,
    common: Common,
    tails: Tails,
    ahead: Ahead,
    fetching: Fetching,
    reader: Reader,
    until: int,
) -> int:
    """Run a worker up to step ``until``, or to the end of the epoch in which time is up; return why it came back.

    A step costs, besides its events, one pass over the neurons in tiles; an epoch, a meeting. Traffic a neuron: its
    state read and written once, from the second- or third-level cache if it fits there; 4 bytes of codes a receptor
    read and cleared; 8 bytes of key.
    """
    neurons, drives, work, calendar, graph, common = lend((neurons, drives, work, calendar, graph, common))
    tails, ahead, fetching, reader = lend((tails, ahead, fetching, reader))
    progress = work.progress
    outside = np.empty(neurons.inputs.shape)
    while progress[STEP] < until or progress[PHASE] != _STEPPING:
        if progress[PHASE] == _STEPPING:
            if run_epoch(neurons, drives, work, calendar, graph, common, outside, until) == LOG:
                return LOG
            progress[PHASE] = _MEETING
            if work.worker == 0 and nanoseconds() > work.deadline:
                publish(common.meeting, LAST, progress[EPOCH] + 1)
            fetch_add(common.meeting, ARRIVED, 1)
        if progress[PHASE] == _MEETING:
            if not _meet(work, common, fetching, reader):
                return ABORTED
            progress[PHASE] = _LAUNCHING
        if progress[PHASE] == _LAUNCHING:
            start = progress[EPOCH_START]
            spikes = _launch_epoch(work, calendar, graph, common, start, False)
            if spikes < 0:
                return ROWS
            if not has_room(calendar.cursors, spikes * calendar.blocks):
                progress[WANTED] = spikes
                return CURSORS
            if tails.streaming and call_kernel(work.plan, (work, common, tails, ahead, spikes)) != DONE:
                return FULL
            _launch_epoch(work, calendar, graph, common, start, True)
            progress[PHASE] = _AWAITING
        if tails.streaming:
            status = call_kernel(work.launch, (work, calendar, graph, common, tails, fetching, reader))
            if status == IDLE:
                # Sums are of integers, so it does not matter in what order the groups of a step are added.
                progress[EARLY] += deliver(calendar, graph, progress[STEP], neurons.codes, neurons.due)
                continue
            if status != DONE:
                return status
        progress[EPOCH] += 1
        progress[PHASE] = _STEPPING
        # Worker 0 says it for this epoch, or not at all before all have met again; so all come back, or none.
        if fetch(common.meeting, LAST) == progress[EPOCH]:
            break
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
