"""What does one worker do: run its share of the neurons, and help compiled code where that cannot go on?

`neurograph.epoch.advance` comes back with a reason: the log of spikes is full, cursors are too few, rows have not been
checked, a row is late. The worker does what is needed and calls it again, until it is done.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.ahead import Ahead, look_ahead
from neurograph.circuit import Circuit
from neurograph.delivery import Calendar, Graph
from neurograph.epoch import advance, launch_tails, plan, spikes_of_epoch
from neurograph.events import OutsideEvents, no_events
from neurograph.noise import Drives
from neurograph.record import SpikePart
from neurograph.share import Share
from neurograph.streaming import Stream
from neurograph.tails import Tails
from neurograph.work import (
    ABORTED,
    CURSORS,
    DONE,
    EARLY,
    EPOCH,
    EPOCH_END,
    FIRST_STEP,
    FULL,
    LATE,
    LAUNCHED,
    LOG,
    LOGGED,
    NEXT_DRIVEN,
    NEXT_INJECTED,
    PHASE,
    PROGRESS,
    ROWS,
    STEP,
    SURE,
    WANTED,
    Common,
    Past,
    Work,
)
from neurograph_storage.beside import Wanted, compiled_beside
from neurograph_storage.fetching import turn
from neurograph_storage.jit import address_of
from neurograph_storage.requests import Fetching, no_reader

# Steps between two returns to Python at most, and room for spikes in a log at least.
MAX_STEPS = 4096
MIN_LOG = 2**16
_NO_PAST = Past(0, np.zeros(1, np.int64), np.empty(0, np.uint32))


class Team(Protocol):
    """What workers share, and whom they turn to: the executor."""

    circuit: Circuit
    stream: Stream | None
    graph: Graph
    drives: Drives
    common: Common
    tails: Tails
    ahead: Ahead
    fetching: Fetching
    epoch_steps: int
    copies: int

    def admit(self, spikes: NDArray[np.uint32]) -> None:
        """Let the rows of these storage ids pass, or raise that they are damaged."""

    def attend(self, *, full: bool) -> None:
        """Raise why a row is not there, unless it is merely late."""

    def abort(self) -> None:
        """Make every worker come back, since one cannot go on."""


class Worker:
    """Runs one share of the neurons, and does for compiled code what that cannot.

    Parameters
    ----------
    executor : Team
    number, workers : int
        Which worker this is, and of how many.
    first, last : int
        Its target blocks, ``first <= block < last``.
    seed : int
    """

    def __init__(self, executor: Team, number: int, workers: int, first: int, last: int, seed: int) -> None:
        self._executor, circuit = executor, executor.circuit
        self.share = Share(circuit, first, last, seed)
        self._room = executor.copies // workers
        self._calendar = self._empty_calendar(first, last - first)
        log = np.empty(max(MIN_LOG, 2 * len(self.share.index)), np.uint32)
        counts, none = np.zeros(MAX_STEPS, np.int32), self.share.events(no_events())
        self._work = Work(number, workers, self.share.low, executor.epoch_steps, np.zeros(PROGRESS, np.int64),
                          log, counts, none, none, _NO_PAST, 0, 0, 0)  # fmt: skip
        self._reader = executor.stream.readers.of_worker(number) if executor.stream else no_reader()
        self._old_logs: list[tuple[int, NDArray[np.uint32]]] = []
        self.parts: list[SpikePart] = []

    def _empty_calendar(self, first: int, blocks: int) -> Calendar:
        receptors, max_delay = len(self.share.neurons.codes), self._executor.circuit.store.max_delay
        return Calendar.make(first, blocks, receptors, max_delay, self._room)

    @property
    def cursor_bytes(self) -> int:
        """Bytes of what says where spikes in flight stand."""
        return self._calendar.cursors.nbytes

    @property
    def progress(self) -> NDArray[np.int64]:
        """Where the worker stands, and what it has counted; see `neurograph.work`."""
        return self._work.progress

    def set_driven(self, events: OutsideEvents) -> None:
        """Take events from outside, in place of those given before."""
        self._work = self._work._replace(driven=self.share.events(events))

    def begin(self, past: Past) -> None:
        """Stand before the first step of the past of all neurons."""
        share = self.share
        mine = (past.storage >= share.low) & (past.storage < share.high)
        starts = np.append(0, np.cumsum(mine))[past.starts]
        self._work = self._work._replace(past=Past(past.first_step, starts, past.storage[mine]))
        self.progress[STEP] = self.progress[EPOCH_END] = past.first_step

    def start_over(self) -> None:
        """Stand before the step that was last reached, with no spike in flight."""
        self._calendar = self._empty_calendar(self._calendar.first_block, self._calendar.blocks)
        self.progress[[EPOCH, PHASE, LAUNCHED, SURE, EARLY]] = 0

    def run(self, until: int, injected: OutsideEvents, deadline: int) -> None:
        """Advance to step ``until``, or till time is up; what spiked is then in `parts`."""
        progress = self._work.progress
        self._work = self._work._replace(injected=self.share.events(injected), deadline=deadline)
        progress[NEXT_DRIVEN] = np.searchsorted(self._work.driven.step, progress[STEP])
        progress[NEXT_INJECTED] = 0
        progress[FIRST_STEP], progress[LOGGED], self.parts = progress[STEP], 0, []
        try:
            while self._go_on(until):
                pass
        except BaseException:
            self._executor.abort()
            raise
        self.take_log()

    def compile(self, *, beside: bool) -> None:
        """Compile what only a circuit that streams needs, and the step itself.

        Parameters
        ----------
        beside : bool
            Whether another process may compile some of it.
        """
        executor, work = self._executor, self._work
        if executor.stream and not work.plan:
            tails, reading = executor.tails, (executor.fetching, self._reader)
            to_plan = (work, executor.common, tails, executor.ahead, 0)
            to_launch = (work, self._calendar, executor.graph, executor.common, tails, *reading)
            to_look = (executor.ahead, tails, 0)
            # Half of what there is to compile.
            half: list[Wanted] = [(plan, to_plan), (launch_tails, to_launch)]
            if executor.ahead.guessing:
                half.append((look_ahead, to_look))
            with compiled_beside(half if beside else []):
                address_of(advance, *self._arguments(0))
                executor.fetching = executor.fetching._replace(turn=address_of(turn, *reading, 0))
            if executor.ahead.guessing:
                executor.ahead = executor.ahead._replace(look=address_of(look_ahead, *to_look))
            self._work = work._replace(plan=address_of(plan, *to_plan), launch=address_of(launch_tails, *to_launch))

    def _arguments(self, until: int) -> tuple[Any, ...]:
        """Return what `advance` is called with."""
        executor = self._executor
        return (
            self.share.neurons, executor.drives, self._work, self._calendar, executor.graph, executor.common,
            executor.tails, executor.ahead, executor.fetching, self._reader, until,
        )  # fmt: skip

    def _go_on(self, until: int) -> bool:
        """Call compiled code, do what it asks for, and return whether it must be called again."""
        executor = self._executor
        status = advance(*self._arguments(until))
        if status == LOG:
            self.take_log()
            # Other workers may still read from the logs of this epoch and of the one before.
            epoch = int(self._work.progress[EPOCH])
            self._old_logs = [*(old for old in self._old_logs if old[0] >= epoch - 1), (epoch, self._work.log)]
            self._work = self._work._replace(log=np.empty_like(self._work.log))
        elif status == CURSORS:
            wanted = int(self._work.progress[WANTED])
            self._calendar.cursors.grow(wanted * self._calendar.blocks)
        elif status == ROWS:
            executor.admit(spikes_of_epoch(self._work, executor.common))
        elif status in (LATE, FULL):
            executor.attend(full=status == FULL)
        return status not in (DONE, ABORTED)

    def take_log(self) -> None:
        """Move what is logged to `parts`."""
        progress = self._work.progress
        first, steps = int(progress[FIRST_STEP]), int(progress[STEP] - progress[FIRST_STEP])
        storage = self._work.log[: progress[LOGGED]].copy()
        self.parts.append(SpikePart(first, self._work.log_counts[:steps].copy(), storage))
        progress[FIRST_STEP], progress[LOGGED] = progress[STEP], 0
