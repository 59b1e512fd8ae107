"""How does a user run a circuit?

`Simulation` is a context manager around the executor: run for a time or step by step, feed events in, read state,
cut outputs, and look at spikes and figures, all in user units and original ids.
"""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents, joined, resolve
from neurograph.executor import MAX_STEPS, Executor, state_bytes
from neurograph.memory import budget_bytes
from neurograph.models import Model
from neurograph.record import SpikeRecorder, Spikes
from neurograph.statistics import Meter, RunStatistics, peak_rss
from neurograph.streaming import Stream, least_bytes
from neurograph_storage.codec import RAW
from neurograph_storage.errors import ArgumentError, MemoryBudgetError
from neurograph_storage.sizes import format_size

Progress = Callable[[int, int], object]
MIN_NEURONS_PER_WORKER = 10_000
# How long compiled code runs before Python looks at it again, and the steps of the first stretch.
_RETURN_SECONDS, _FIRST_CHUNK = 0.1, 8


class Simulation:
    """A run of a circuit, from its first step.

    Parameters
    ----------
    circuit : Circuit or path
    memory : str or int, optional
        Budget, such as ``"4GiB"``; by default 60 % of what there is. State must fit. Synapses that do not fit as well
        are read from the disk when spikes need them.
    workers : int, optional
        Threads; by default one for each processor, as far as each gets enough neurons to be worth the meeting at the
        end of every epoch. Results are the same for any number.
    seed : int
        Decides noise and start values.
    drive : OutsideEvents, optional
        Events from outside, from `neurograph.read_drive`.

    Raises
    ------
    MemoryBudgetError
        If the state does not fit in the budget, or leaves too little to read rows into; when a run begins, or when
        the spikes that are in flight need more rows than fit.
    CorruptionError
        If stored arrays are damaged; the words of raw rows that fit are checked when a spike first needs them.
    """

    def __init__(
        self,
        circuit: Circuit | str | os.PathLike[str],
        *,
        memory: str | int | None = None,
        workers: int | None = None,
        seed: int = 0,
        drive: OutsideEvents | None = None,
    ) -> None:
        self.circuit = circuit if isinstance(circuit, Circuit) else Circuit(circuit)
        self.memory_budget = budget_bytes(memory)
        threads = default_workers(self.circuit.neurons) if workers is None else workers
        if threads < 1:
            raise ArgumentError(f"workers is {threads}, it must be at least 1")
        room = self.memory_budget - _check_budget(self.circuit, self.memory_budget)
        self.circuit.store.check_tables()
        fits, stream = self.circuit.store.synapse_bytes <= room, None
        if not fits:
            stream = Stream(self.circuit, room, self.memory_budget)
        elif self.circuit.store.codec == RAW:
            self.circuit.store.advise(fits=True)
        self._executor = Executor(self.circuit, workers=threads, seed=seed, stream=stream)
        self._recorder = SpikeRecorder(self.circuit)
        self._meter, self._chunk = Meter(), _FIRST_CHUNK
        self._injected: list[OutsideEvents] = []
        if drive is not None:
            self._executor.set_driven(drive)
            self._release_driven(drive)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def now(self) -> float:
        """Time of the next step, in ms."""
        return self._executor.step * self.circuit.dt

    @property
    def spikes(self) -> Spikes:
        """All spikes so far; ``times`` in ms and ``neurons`` by original id, sorted by (time, neuron)."""
        return self._recorder.spikes

    def run(self, duration: float, *, progress: Progress = lambda _done, _total: None) -> None:
        """Advance by ``duration`` ms, rounded to whole steps.

        ``progress`` is called with the steps just taken, and of those there will be.

        Raises
        ------
        ArgumentError
            If the duration is negative or not finite.
        """
        if not (np.isfinite(duration) and duration >= 0):
            raise ArgumentError(f"duration is {duration} ms, it must be at least 0")
        self.step(round(duration / self.circuit.dt), progress=progress)

    def step(self, steps: int = 1, *, progress: Progress = lambda _done, _total: None) -> None:
        """Advance by ``steps`` steps."""
        if steps < 0:
            raise ArgumentError(f"steps is {steps}, it must be at least 0")
        last = self._executor.step + steps
        with self._meter:
            while self._executor.step < last:
                started, before = time.perf_counter(), self._executor.step
                for part in self._executor.run(min(self._chunk, last - self._executor.step), self._take_injected()):
                    self._recorder.append(part)
                self._adapt(time.perf_counter() - started)
                progress(self._executor.step - before, steps)

    def _adapt(self, seconds: float) -> None:
        """Choose how many steps to take at once: enough to forget what a return costs, few enough to be interrupted."""
        if seconds < _RETURN_SECONDS / 2:
            self._chunk = min(2 * self._chunk, MAX_STEPS)
        elif seconds > 2 * _RETURN_SECONDS:
            self._chunk = max(1, self._chunk // 2)

    def inject(self, neurons: ArrayLike, weight: ArrayLike | None = None, *, receptor: str | None = None) -> None:
        """Give neurons an event that arrives in the next step.

        Parameters
        ----------
        neurons : (n,) integer
            Original ids; one listed twice gets two events.
        weight : number or (n,) float, optional
            In the receptor's unit; by default the circuit's (from a preset).
        receptor : str, optional
            By default the circuit's, or else the one for each weight's sign.

        A preset's rule for driven neurons applies to them from now on, as to those of a drive file.
        """
        index = self.circuit.index_of(neurons)
        step = np.full(len(index), self._executor.step, np.int64)
        events = resolve(self.circuit, step, index, weight, receptor)
        self._release_driven(events)
        self._injected.append(events)

    def state(self, name: str, neurons: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return a state variable in user units.

        Parameters
        ----------
        name : str
            Such as ``"v"``.
        neurons : (n,) integer, optional
            Original ids; by default all, in table order.

        Returns
        -------
        (n,) float64
        """
        index = np.arange(self.circuit.neurons) if neurons is None else self.circuit.index_of(neurons)
        values = np.empty(len(index))
        for share in (worker.share for worker in self._executor.workers):
            position, mine = share.positions(index)
            for run in share.runs:
                within = position - run.position
                inside = mine & (within >= 0) & (within < len(run.index))
                if inside.any():
                    model = self.circuit.models[run.population]
                    values[inside] = model.to_user(name, run.state[_state_number(model, name), within[inside]])
        return values

    def silence(self, neurons: ArrayLike) -> None:
        """Cut the output of neurons: from now on their spikes are recorded but reach nobody."""
        self._executor.common.silenced[self.circuit.storage[self.circuit.index_of(neurons)]] = 1

    def set_refractory(self, neurons: ArrayLike, t_ref: float) -> None:
        """Set the refractory time of single neurons, in ms, from their next spike on."""
        if not (np.isfinite(t_ref) and t_ref >= 0):
            raise ArgumentError(f"t_ref is {t_ref} ms, it must be at least 0")
        self._set_refractory(self.circuit.index_of(neurons), t_ref)

    @property
    def statistics(self) -> RunStatistics:
        """Figures of the run so far, those that ``run --json`` prints."""
        meter, duration, stream = self._meter, self.now, self._executor.stream
        figures = stream.figures() if stream else None
        return RunStatistics(
            neurons=self.circuit.neurons,
            synapses=self.circuit.synapses,
            duration_ms=duration,
            spikes=self._recorder.count,
            synaptic_events=self._executor.events,
            wall_s=meter.wall_s,
            real_time_factor=meter.wall_s / (duration / 1000.0) if duration else 0.0,
            events_per_s=self._executor.events / meter.wall_s if meter.wall_s else 0.0,
            bytes_read=figures["bytes"] if figures else meter.bytes_read,
            read_requests=figures["reads"] if figures else meter.read_requests,
            read_s=figures["nanoseconds"] * 1e-9 if figures else 0.0,
            stall_s=self._executor.stall_s,
            peak_rss_bytes=peak_rss(),
            memory_budget_bytes=self.memory_budget,
            prefetch=self._executor.prefetch,
        )

    def close(self) -> None:
        """Join all threads; spikes and statistics stay readable."""
        self._executor.close()

    def _take_injected(self) -> OutsideEvents:
        injected, self._injected = self._injected, []
        return joined(injected)

    def _release_driven(self, drive: OutsideEvents) -> None:
        """Apply the preset's rule for driven neurons, if the circuit has one."""
        t_ref = self.circuit.drive_defaults.get("t_ref")
        if t_ref is not None:
            self._set_refractory(np.unique(drive.index), t_ref)

    def _set_refractory(self, index: NDArray[np.int64], t_ref: float) -> None:
        for worker in self._executor.workers:
            position, inside = worker.share.positions(index)
            worker.share.neurons.refractory[position[inside]] = round(t_ref / self.circuit.dt)


def _state_number(model: Model, name: str) -> int:
    if name not in model.states:
        raise ArgumentError(f"{type(model).__name__} has no state {name!r}; choose from {', '.join(model.states)}")
    return model.states.index(name)


def default_workers(neurons: int) -> int:
    """Return the number of workers for a circuit of ``neurons``."""
    return max(1, min(os.cpu_count() or 1, neurons // MIN_NEURONS_PER_WORKER))


def _check_budget(circuit: Circuit, budget: int) -> int:
    """Return the bytes of the state; refuse a budget that they, with the least of rows, do not fit in."""
    state = state_bytes(circuit)
    needed = state + min(least_bytes(circuit), circuit.store.synapse_bytes)
    if needed > budget:
        raise MemoryBudgetError(
            f"the state of {circuit.neurons:,} neurons needs {format_size(state)}, and rows at least "
            f"{format_size(needed - state)}; the memory budget is {format_size(budget)}; give at least --memory "
            f"{needed // 2**20 + 1}MiB",
            needed=needed,
            budget=budget,
        )
    return state
