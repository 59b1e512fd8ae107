"""What happens in one step, and in the steps of an epoch?

Groups that are due are delivered; then, tile by tile, what has arrived becomes inputs, what comes from outside is
added, and the model advances its neurons. A step that has been before, when a run is taken up again, only delivers.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.delivery import Calendar, Graph, deliver
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
    DIGITS,
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
from neurograph.work import (
    DONE,
    EARLY,
    EPOCH,
    EPOCH_END,
    EPOCH_START,
    EVENTS,
    FIRST_STEP,
    LOG,
    LOGGED,
    NEURONS_NS,
    NEXT_DRIVEN,
    NEXT_INJECTED,
    STEP,
    Common,
    Work,
)
from neurograph_storage.atomics import call
from neurograph_storage.jit import kernel, part
from neurograph_storage.libc import nanoseconds


@part
def _gather_first(neurons: Neurons, run: int, first: int, n: int) -> None:
    """Turn the codes that have arrived for a tile into inputs, of each receptor the first digit, and clear them."""
    inputs, codes = neurons.inputs, neurons.codes
    at, digits = np.int64(neurons.storage[first]), neurons.runs[run, DIGITS]
    for r in range(neurons.runs[run, RECEPTORS]):
        scale, into = neurons.scales[run, r * digits], inputs[r][:n]
        if neurons.runs[run, ADJACENT]:
            arrived = codes[r * digits][at : at + n]
            for i in range(n):
                into[i] = arrived[i] * scale
            for i in range(n):
                arrived[i] = 0
        else:
            storage, everywhere = neurons.storage[first : first + n], codes[r * digits]
            for i in range(n):
                into[i] = everywhere[storage[i]] * scale
            for i in range(n):
                everywhere[storage[i]] = 0


@part
def _gather_others(neurons: Neurons, run: int, first: int, n: int) -> None:
    """Add what has arrived in all other digits, from the highest to the lowest, and clear it."""
    digits = neurons.runs[run, DIGITS]
    for r in range(neurons.runs[run, RECEPTORS]):
        into, storage = neurons.inputs[r][:n], neurons.storage[first : first + n]
        for k in range(r * digits + 1, (r + 1) * digits):
            scale, arrived = neurons.scales[run, k], neurons.codes[k]
            for i in range(n):
                into[i] += arrived[storage[i]] * scale
                arrived[storage[i]] = 0


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
    neurons: Neurons, drives: Drives, work: Work, calendar: Calendar, graph: Graph, outside: NDArray[np.float64]
) -> None:
    """Run one step of all neurons: deliver, then tile by tile gather, add what comes from outside, and advance."""
    progress = work.progress
    step, logged = progress[STEP], progress[LOGGED]
    progress[EVENTS] += progress[EARLY] + deliver(calendar, graph, step, neurons.codes, neurons.due)
    progress[EARLY] = 0
    started = nanoseconds()
    for run in range(len(neurons.runs)):
        _describe_run(neurons, run)
        first, last = neurons.runs[run, FIRST], neurons.runs[run, FIRST] + neurons.runs[run, COUNT]
        while first < last:
            n = min(TILE, last - first)
            _gather_first(neurons, run, first, n)
            if neurons.runs[run, DIGITS] > 1:
                _gather_others(neurons, run, first, n)
            _add_outside(neurons, drives, work, run, step, first, n, outside)
            for k in range(_advance_tile(neurons, run, first, n)):
                work.log[logged] = work.first_neuron + neurons.storage[first + neurons.spikes[k]]
                logged += 1
            first += n
    progress[NEURONS_NS] += nanoseconds() - started
    work.log_counts[step - progress[FIRST_STEP]] = logged - progress[LOGGED]
    progress[LOGGED] = logged
    progress[STEP] = step + 1


@kernel
def _repeat(neurons: Neurons, work: Work, calendar: Calendar, graph: Graph) -> None:
    """Run a step that has been before: its spikes are known, neurons stay as they are, and what is due goes nowhere."""
    progress, past = work.progress, work.past
    step, logged = progress[STEP], progress[LOGGED]
    deliver(calendar, graph, step, neurons.codes, neurons.due)
    progress[EARLY] = 0
    at = step - past.first_step
    first, end = past.starts[at], past.starts[at + 1]
    for k in range(end - first):
        work.log[logged + k] = past.storage[first + k]
    work.log_counts[step - progress[FIRST_STEP]] = end - first
    progress[LOGGED] = logged + end - first
    progress[STEP] = step + 1
    if at + 2 == len(past.starts):
        for codes in neurons.codes:
            for i in range(len(codes)):
                codes[i] = 0


@part
def run_epoch(
    neurons: Neurons, drives: Drives, work: Work, calendar: Calendar, graph: Graph, common: Common,
    outside: NDArray[np.float64], until: int,
) -> int:  # fmt: skip
    """Run the steps of an epoch, or go on with them; return `DONE`, or `LOG` if there is no room for more spikes."""
    progress = work.progress
    if progress[STEP] == progress[EPOCH_END]:
        progress[EPOCH_END] = min(progress[STEP] + work.epoch_steps, until)
        progress[EPOCH_START] = progress[STEP]
    start = progress[EPOCH_START]
    while progress[STEP] < progress[EPOCH_END]:
        logged, step = progress[LOGGED], progress[STEP]
        if len(work.log) - logged < len(neurons.storage):
            return LOG
        if step < work.past.first_step + len(work.past.starts) - 1:
            _repeat(neurons, work, calendar, graph)
        else:
            _step(neurons, drives, work, calendar, graph, outside)
        place = common.board[work.worker, progress[EPOCH] & 1, step - start]
        place[0], place[1] = work.log.ctypes.data + 4 * logged, progress[LOGGED] - logged
    return DONE
