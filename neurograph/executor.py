"""How does the whole circuit advance, with workers that never wait for each other inside an epoch?

Precedence, for steps t and u in one epoch (at most min_delay steps), d the age of a spike:

    advance(t - 1) precedes advance(t)             per neuron, within its worker
    spikes(t) precede launch(t)                    all workers meet at the end of the epoch
    launch(t) precedes deliver(t + d)              d >= min_delay, so always in a later epoch
    deliver(t), noise(t), events(t) precede the additions of advance(t)
    spikes(t), deliver(u) in any order             no spike of an epoch is due within it
    launch by one worker precedes that worker's next meeting; so the board of an epoch, of which there are two, is
    written again only when all have launched from it

A worker owns whole target blocks: their neurons' state and inputs, and the delivery of every spike to them. No two
workers write the same place, and inputs are sums of integers, so the result does not depend on their number.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from neurograph.ahead import Ahead
from neurograph.circuit import Circuit
from neurograph.delivery import Graph
from neurograph.events import OutsideEvents, no_events
from neurograph.record import SpikePart
from neurograph.share import drives_of
from neurograph.statistics import PrefetchStatistics
from neurograph.streaming import Stream
from neurograph.tails import Tails
from neurograph.work import (
    ABORT,
    EVENTS,
    HITS,
    MAX_EPOCH,
    MEETING_NS,
    MISSES,
    NEURONS_NS,
    STALLED,
    STEP,
    Common,
    Past,
)
from neurograph.worker import MAX_STEPS, Worker
from neurograph_storage.codec import RAW
from neurograph_storage.guard import RowGuard
from neurograph_storage.requests import no_fetching
from neurograph_storage.sizes import MIB

# Time between two returns to Python at most.
_RETURN_NS = 100_000_000
# Cursors grow with the spikes in flight and the blocks that their rows reach; beyond so many bytes the pool makes room.
_CURSOR_BYTES = 48 * MIB


def state_bytes(circuit: Circuit) -> int:
    """Return the bytes of everything that is held per neuron during a run."""
    models = {type(model) for model in circuit.models}
    inputs = circuit.sum_count * np.dtype(circuit.sum_type).itemsize
    # Besides states and inputs: ids, index, storage id and its inverse, key of draws, countdown, refractory time, two
    # flags, population number, and two logs of spikes.
    per_neuron = (
        max((8 * len(m.states) for m in models), default=0) + inputs + 8 + 8 + 4 + 4 + 8 + 8 + 4 + 4 + 2 + 2 + 2 * 8
    )
    return circuit.neurons * per_neuron


class Executor:
    """Advances a circuit step by step.

    Parameters
    ----------
    circuit : Circuit
    workers : int
        Threads, the caller's included; no more are used than there are target blocks.
    seed : int
        Decides noise and start values.
    stream : Stream, optional
        Brings in the rows of a circuit that does not fit in memory; the executor closes it.
    copies : int
        Bytes that copied groups may take, of all workers.
    beside : bool
        Whether there is memory for another process that compiles.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        workers: int,
        seed: int,
        stream: Stream | None = None,
        copies: int = 0,
        beside: bool = False,
    ) -> None:
        self.circuit, self.step, self.stream, self.copies, self._beside = circuit, 0, stream, copies, beside
        # How often the pool was emptied.
        self.starts = 0
        self.graph, self.drives = stream.graph if stream else Graph.of(circuit), drives_of(circuit, seed)
        self.tails = stream.tails if stream else Tails.none()
        self.ahead = stream.foresight.ahead if stream else Ahead.none()
        self.fetching = stream.fetching if stream else no_fetching()
        self.epoch_steps = stream.epoch_steps if stream else min(circuit.store.min_delay, MAX_EPOCH)
        # Rows that were made plain, or come by a stream, are checked on the way.
        guarded = circuit.store.codec == RAW and stream is None
        self._guard, self._guard_lock = RowGuard(circuit.store, ahead=True) if guarded else None, Lock()
        blocks = -(-circuit.neurons // self.graph.block_neurons)
        edges = [(int(a), int(b)) for a, b in pairwise(np.arange(workers + 1) * blocks // workers) if a < b]
        self.common = Common(
            np.zeros((len(edges), 2, MAX_EPOCH, 2), np.int64),
            np.zeros(16, np.int64),
            self._guard.passed if self._guard else np.ones(circuit.neurons, np.uint8),
            np.zeros(circuit.neurons, np.uint8),
        )
        # A thread each, but the caller's own for the first. It makes its worker, so that the neurons' memory is first
        # touched, and on machines with several memories placed, by the thread that will use it.
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="neurograph-worker") for _ in edges[1:]]
        others = [
            thread.submit(Worker, self, k, len(edges), *edges[k], seed) for k, thread in enumerate(self._threads, 1)
        ]
        first = [Worker(self, 0, len(edges), *edge, seed) for edge in edges[:1]]
        self.workers = [*first, *(other.result() for other in others)]

    @property
    def events(self) -> int:
        """Synaptic events delivered so far."""
        return self._total(EVENTS) // self.circuit.store.digits

    @property
    def stall_s(self) -> float:
        """Time that a worker waited for rows so far, on average over workers, in seconds."""
        return self._seconds(STALLED)

    @property
    def phases(self) -> dict[str, float]:
        """Seconds that a worker spent on its neurons, and waiting for others to end an epoch, on average."""
        return {"neurons": self._seconds(NEURONS_NS), "meeting": self._seconds(MEETING_NS)}

    @property
    def prefetch(self) -> PrefetchStatistics:
        """What reading ahead achieved; a tail counts once for each worker."""
        return self.stream.prefetch(self._total(HITS), self._total(MISSES)) if self.stream else PrefetchStatistics()

    def _total(self, position: int) -> int:
        return sum(int(worker.progress[position]) for worker in self.workers)

    def _seconds(self, position: int) -> float:
        """Return nanoseconds that workers counted as seconds, on average."""
        return self._total(position) / max(1, len(self.workers)) * 1e-9

    def set_driven(self, events: OutsideEvents) -> None:
        """Take events from outside, in place of those given before."""
        for worker in self.workers:
            worker.set_driven(events)

    def replay(self, past: Past) -> None:
        """Take up a run that was left after the last step of ``past``, which holds all spikes that are in flight then.

        Launching, reading and delivering go their usual way, through the steps of the past once more; only the neurons
        do not. Must precede all other steps.
        """
        for worker in self.workers:
            worker.begin(past)
        self.step = past.first_step
        now = past.first_step + len(past.starts) - 1
        while self.step < now:
            self.run(now - self.step, no_events())

    @property
    def can_start_over(self) -> bool:
        """Whether a run whose rows in flight did not fit can go on with an empty pool: all workers are at one step."""
        return self.stream is not None and len({int(worker.progress[STEP]) for worker in self.workers}) == 1

    def start_over(self, past: Past, *, cautious: bool) -> None:
        """Go on with an empty pool, also after `MemoryBudgetError` in `run`, from the step that `salvage` gave.

        Parameters
        ----------
        past : Past
            As for `replay`.
        cautious : bool
            Whether to have as little as possible in memory from now on.
        """
        assert self.stream is not None
        self.starts += 1
        self.stream.start_over(self.step, cautious=cautious)
        self.common.meeting[:] = 0
        for worker in self.workers:
            worker.start_over()
        # Who is silenced now may have spikes in flight.
        silenced = self.common.silenced.copy()
        self.common.silenced[:] = 0
        try:
            self.replay(past)
        finally:
            self.common.silenced[:] = silenced

    def run(self, steps: int, injected: OutsideEvents) -> list[SpikePart]:
        """Advance by at most ``steps``, as far as one gets in a tenth of a second, and return all spikes.

        Parameters
        ----------
        injected : OutsideEvents
            More events from outside, for these steps, added after those of `set_driven`.
        """
        for worker in self.workers:
            worker.parts = []
        assert self.is_sound, "a run that an error has ended cannot go on"
        until, deadline = self.step + min(steps, MAX_STEPS), time.clock_gettime_ns(time.CLOCK_MONOTONIC) + _RETURN_NS
        for worker in self.workers:
            worker.compile(beside=self._beside)
        if self.stream:
            self.stream.start()
        others = zip(self._threads, self.workers[1:], strict=True)
        waiting = [thread.submit(worker.run, until, injected, deadline) for thread, worker in others]
        try:
            for worker in self.workers[:1]:
                worker.run(until, injected, deadline)
        finally:
            for other in waiting:
                other.result()
        if self.stream:
            self.stream.set_aside(sum(worker.cursor_bytes for worker in self.workers) - _CURSOR_BYTES)
        # All stand at the same step.
        self.step = int(self.workers[0].progress[STEP]) if self.workers else until
        return [part for worker in self.workers for part in worker.parts]

    def salvage(self) -> list[SpikePart]:
        """Return the spikes that an error kept `run` from returning, of all steps that every worker took."""
        for worker in self.workers:
            worker.take_log()
        self.step = min((int(worker.progress[STEP]) for worker in self.workers), default=self.step)
        return [part.until(self.step) for worker in self.workers for part in worker.parts]

    @property
    def is_sound(self) -> bool:
        """Whether all workers stand between two steps, so that the run can go on."""
        return not self.common.meeting[ABORT]

    @property
    def resident_bytes(self) -> int:
        """Bytes of the pool that hold rows now: heads, what is kept, what is in flight; 0 if all rows are in memory."""
        return self.stream.resident_bytes if self.stream else 0

    def admit(self, spikes: NDArray[np.uint32]) -> None:
        """Let the rows of these storage ids pass, or raise that they are damaged."""
        assert self._guard is not None
        with self._guard_lock:
            self._guard.admit(spikes)

    def attend(self, *, full: bool) -> None:
        """Raise why a row is not there, unless it is merely late."""
        assert self.stream is not None
        self.stream.check()
        if full:
            raise self.stream.full()

    def abort(self) -> None:
        """Make every worker come back, since one cannot go on."""
        self.common.meeting[ABORT] = 1

    def close(self) -> None:
        """Join all threads."""
        for thread in self._threads:
            thread.shutdown(wait=True, cancel_futures=True)
        if self.stream:
            self.stream.close()
