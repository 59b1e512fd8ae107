"""How does a run advance, stop between two steps, and go on from a checkpoint?

`Running` holds what a run consists of: the executor, the recorders, the events that are to come, and what was counted.
Everything in it is by step and index; `neurograph.Simulation` puts it into a user's terms.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from neurograph.checkpoint import Checkpoint, Moment, write_checkpoint
from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents, joined, no_events
from neurograph.executor import Executor
from neurograph.interrupts import Deferred
from neurograph.recorders import Recorders
from neurograph.snapshot import read_state
from neurograph.statistics import Counters, Meter, RunStatistics, peak_rss
from neurograph.work import Past
from neurograph_storage.errors import MemoryBudgetError

Progress = Callable[[int, int], object]
_NEVER = 2**62
# Caution lasts for so many times the largest delay.
_CAUTION = 16


class Running:
    """A run.

    Parameters
    ----------
    executor : Executor
    recorders : Recorders
    seed, budget : int
        As given, to be told again.
    """

    def __init__(self, executor: Executor, recorders: Recorders, *, seed: int, budget: int) -> None:
        self.executor, self.recorders, self.seed, self._budget = executor, recorders, seed, budget
        self._meter, self._earlier = Meter(), Counters()
        self._injected: list[OutsideEvents] = []
        self._driven = no_events()
        self._compiled = False
        # The step at which rows last did not fit, and the one at which caution about them ends.
        self._retreated, self._calm = -1, _NEVER

    @property
    def circuit(self) -> Circuit:
        """What runs."""
        return self.executor.circuit

    @property
    def now(self) -> float:
        """Time of the next step, in ms."""
        return self.executor.step * self.circuit.dt

    def set_driven(self, events: OutsideEvents) -> None:
        """Take events from outside, in place of those given before."""
        self._driven = events
        self.executor.set_driven(events)

    def inject(self, events: OutsideEvents) -> None:
        """Take events of the next step."""
        self._injected.append(events)

    def advance(self, steps: int, progress: Progress) -> None:
        """Advance by some steps; Ctrl-C has its effect between two of them.

        Where an error ends the run, spikes up to the last step that all workers took are recorded.
        """
        executor, last = self.executor, self.executor.step + steps
        with Deferred() as signals, self._compiled_meter():
            while executor.step < last:
                signals.now()
                before = executor.step
                if before >= self._calm:
                    self._start_over(cautious=False)
                self._stretch(min(last, self._note_traces(), self._calm) - before)
                self._note_counters()
                progress(executor.step - before, steps)

    def _compiled_meter(self) -> Meter:
        """Return the meter, once there is nothing left to compile: that is no part of what a run takes."""
        if not self._compiled:
            self.executor.run(0, no_events())
            self._compiled = True
        return self._meter

    def _stretch(self, steps: int) -> None:
        """Advance by at most so many steps, and record."""
        executor, injected = self.executor, joined(self._injected)
        self._injected = []
        retreat = False
        try:
            parts = executor.run(steps, injected)
        except BaseException as error:
            parts = executor.salvage()
            retreat = (
                isinstance(error, MemoryBudgetError) and executor.can_start_over and executor.step > self._retreated
            )
            if not retreat:
                raise
        finally:
            self.recorders.take(parts, executor.common.silenced, executor.step)
        if retreat:
            self._retreat(injected)

    def _retreat(self, injected: OutsideEvents) -> None:
        """Go on after rows in flight did not fit; where they do not even if little is in memory, it is an error."""
        self._retreated = self.executor.step
        self._start_over(cautious=True)
        self._injected = [injected.since(self.executor.step)]

    def _start_over(self, *, cautious: bool) -> None:
        now = self.executor.step
        first = max(0, now - self.circuit.store.max_delay)
        past = Past(first, *self.recorders.flight.since(first, now))
        try:
            self.executor.start_over(past, cautious=cautious)
        except MemoryBudgetError:
            # What is in flight is still too much to do without caution.
            if cautious:
                raise
            cautious = True
            self.executor.start_over(past, cautious=cautious)
        self._calm = self._end_of_caution() if cautious else _NEVER

    def _end_of_caution(self) -> int:
        return self.executor.step + _CAUTION * int(self.circuit.store.max_delay)

    def _note_traces(self) -> int:
        """Note what is due, and return the step at which a trace wants its next value."""
        step, traces = self.executor.step, self.recorders.traces
        for trace in traces:
            if trace.following == step:
                trace.note(step, read_state(self.executor, trace.name, self.circuit.index_of(trace.neurons)))
        return min((trace.following for trace in traces), default=_NEVER)

    def _note_counters(self, *, last: bool = False) -> None:
        series, wall_s = self.recorders.series, self._earlier.wall_s + self._meter.wall_s
        if series.is_due(wall_s, last=last):
            series.note(self.now, self.counters, self.executor.resident_bytes)
            self.recorders.residency.note(self.now, wall_s, self.executor.stream, last=last)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint."""
        moment = Moment(self.seed, self.counters, self._driven, joined(self._injected))
        with Deferred():
            write_checkpoint(path, self.executor, self.recorders, moment)

    def take_up(self, saved: Checkpoint) -> None:
        """Go on where a checkpoint was written; must precede all else."""
        with self._meter:
            saved.load(self.executor, self.recorders)
        if self.executor.starts:
            self._calm = self._end_of_caution()
        self.set_driven(saved.driven)
        self._injected, self._earlier = [saved.injected], saved.counters

    @property
    def counters(self) -> Counters:
        """What has been counted, before the last checkpoint and since."""
        executor, (wall, read, requests) = self.executor, self._meter.totals
        figures, prefetch = executor.stream.figures() if executor.stream else None, executor.prefetch
        return self._earlier + Counters(
            spikes=self.recorders.count,
            synaptic_events=executor.events,
            wall_s=wall,
            bytes_read=figures["bytes"] if figures else read,
            read_requests=figures["reads"] if figures else requests,
            read_s=figures["nanoseconds"] * 1e-9 if figures else 0.0,
            stall_s=executor.stall_s,
            hits=prefetch.hits,
            misses=prefetch.misses,
            wasted_bytes=prefetch.wasted_bytes,
        )

    @property
    def statistics(self) -> RunStatistics:
        """Figures of the run so far."""
        duration, counted = self.now, self.counters
        return RunStatistics(
            neurons=self.circuit.neurons,
            synapses=self.circuit.synapses,
            duration_ms=duration,
            spikes=counted.spikes,
            synaptic_events=counted.synaptic_events,
            wall_s=counted.wall_s,
            real_time_factor=counted.wall_s / (duration / 1000.0) if duration else 0.0,
            events_per_s=counted.synaptic_events / counted.wall_s if counted.wall_s else 0.0,
            bytes_read=counted.bytes_read,
            read_requests=counted.read_requests,
            read_s=counted.read_s,
            stall_s=counted.stall_s,
            peak_rss_bytes=peak_rss(),
            memory_budget_bytes=self._budget,
            prefetch=replace(
                self.executor.prefetch, hits=counted.hits, misses=counted.misses, wasted_bytes=counted.wasted_bytes
            ),
        )

    def close(self, *, failed: bool = False, hurry: bool = False) -> None:
        """Join all threads, and put the file of spikes where it belongs; see `Recorders.close`."""
        self.executor.close()
        self._note_counters(last=True)
        self.recorders.close(failed=failed, hurry=hurry)
