"""How does a user run a circuit?

`Simulation` is a context manager around a run: run for a time or step by step, feed events in, cut outputs, keep what
was reached and take it up again; `RunView` shows spikes, state and figures. All in user units and original ids.
"""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checkpoint import Checkpoint, check_checkpoint_path
from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents, resolve
from neurograph.foresight import Prefetch
from neurograph.memory import budget_bytes
from neurograph.recorders import Recorders, Sink, Where
from neurograph.resources import default_workers, make_executor
from neurograph.run_view import RunView
from neurograph.running import Running
from neurograph.traces import Trace
from neurograph_storage.errors import ArgumentError

__all__ = ["Simulation", "default_workers"]

AnyPath = str | os.PathLike[str]
Progress = Callable[[int, int], object]


class Simulation(RunView):
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
    spikes : path or bool
        By default spikes stay in memory; a Parquet file gets them as they come, and is complete once the simulation is
        closed; False counts them only.
    prefetch : str or Prefetch
        Which rows that do not fit are read before they are needed; results are the same. ``"exact"``: those that spikes
        will need, as soon as they have spiked; ``"none"``: nothing; ``"layout"`` and ``"learned"`` also guess, from
        the synapses of what is active and from what followed it so far; `Prefetch` with ``"oracle"`` knows.

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
        circuit: Circuit | AnyPath,
        *,
        memory: str | int | None = None,
        workers: int | None = None,
        seed: int = 0,
        drive: OutsideEvents | None = None,
        spikes: Where = True,
        prefetch: str | Prefetch = "exact",
    ) -> None:
        opened = circuit if isinstance(circuit, Circuit) else Circuit(circuit)
        self._start(opened, memory, workers, seed, prefetch, lambda: Recorders(opened, spikes))
        if drive is not None:
            self._running.set_driven(drive)
            self._release_driven(drive)

    @classmethod
    def resume(
        cls,
        path: AnyPath | Checkpoint,
        circuit: Circuit | AnyPath | None = None,
        *,
        memory: str | int | None = None,
        workers: int | None = None,
        seed: int | None = None,
        drive: OutsideEvents | None = None,
        spikes: Where | None = None,
        prefetch: str | Prefetch = "exact",
    ) -> Self:
        """Take up a run from a checkpoint; it goes on as if it had never ended.

        Memory, workers and prefetch policy may be others than before, and so may the circuit's storage order, blocks
        and codec.

        Parameters
        ----------
        path : path
            What `checkpoint` wrote.
        circuit : Circuit or path, optional
            By default the one at the path where it was.
        seed, drive : optional
            Only those of the checkpoint are accepted; they need not be given.
        spikes : path or bool, optional
            By default the file that spikes went to goes on, if they went to a file. In another one, or in memory, are
            those from the checkpoint on.

        Raises
        ------
        ArgumentError, DataError
            If there is no such checkpoint, it is damaged or of a later release, or made with another circuit, seed or
            drive.
        """
        saved, sim = path if isinstance(path, Checkpoint) else Checkpoint(path), cls.__new__(cls)
        opened = circuit if isinstance(circuit, Circuit) else Circuit(circuit or saved.circuit_path)
        saved.check(opened, seed, drive)
        sim._start(
            opened, memory, workers, saved.seed, prefetch, lambda: Recorders.going_on(opened, saved.position, spikes)
        )
        try:
            sim._running.take_up(saved)
        except BaseException:
            sim._running.close(failed=True, hurry=True)
            raise
        return sim

    def _start(
        self, circuit: Circuit, memory: str | int | None, workers: int | None, seed: int,
        prefetch: str | Prefetch, make_recorders: Callable[[], Recorders],
    ) -> None:  # fmt: skip
        """Make the run: first the executor, which checks the circuit, then what writes to the disk."""
        self.circuit, self.memory_budget = circuit, budget_bytes(memory)
        chosen = Prefetch(prefetch) if isinstance(prefetch, str) else prefetch
        executor = make_executor(circuit, budget=self.memory_budget, workers=workers, seed=seed, prefetch=chosen)
        try:
            self._running = Running(executor, make_recorders(), seed=seed, budget=self.memory_budget)
        except BaseException:
            executor.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close(failed=value is not None, hurry=isinstance(value, KeyboardInterrupt))

    def record(self, name: str, neurons: ArrayLike, *, every: float | None = None) -> Trace:
        """Record a state variable of some neurons from now on.

        Parameters
        ----------
        name : str
            Such as ``"v"``.
        neurons : (n,) integer
            Original ids.
        every : float, optional
            ms from one value to the next, rounded to whole steps; by default each step. The run stops for each.

        Returns
        -------
        Trace
            Its ``times`` and ``values``, (times, n), grow as the run goes on.
        """
        steps = 1 if every is None else _whole_steps("every", every, self.circuit.dt)
        self.state(name, neurons)
        ids = np.atleast_1d(np.asarray(neurons)).astype(np.int64)
        self.traces.append(Trace(name, ids, steps, self._running.executor.step, self.circuit.dt))
        return self.traces[-1]

    def watch(self, watcher: Sink) -> None:
        """Give all spikes to ``watcher.take`` too, as they come, some ten times a second; see `SpikePart`."""
        self._running.recorders.watchers.append(watcher)

    def unwatch(self, watcher: Sink) -> None:
        """Give no more spikes to a watcher."""
        self._running.recorders.watchers.remove(watcher)

    def run(
        self,
        duration: float,
        *,
        progress: Progress = lambda _done, _total: None,
        checkpoint: AnyPath | None = None,
        checkpoint_every: float | None = None,
    ) -> None:
        """Advance by ``duration`` ms, rounded to whole steps.

        Parameters
        ----------
        duration : float
        progress : callable
            Called with the steps just taken, and of those there will be.
        checkpoint : path, optional
            Where a checkpoint is written at the end.
        checkpoint_every : float, optional
            And whenever the time is a multiple of so many ms.

        Raises
        ------
        ArgumentError
            If the duration is negative or not finite, or the interval not positive.
        KeyboardInterrupt
            At Ctrl-C, between two steps: the run can go on, be looked at, or be written to a checkpoint.
        """
        if not (np.isfinite(duration) and duration >= 0):
            raise ArgumentError(f"duration is {duration} ms, it must be at least 0")
        dt, executor = self.circuit.dt, self._running.executor
        steps = round(duration / dt)
        last = executor.step + steps
        interval = last + 1 if checkpoint_every is None else _whole_steps("checkpoint_every", checkpoint_every, dt)
        if checkpoint is not None:
            check_checkpoint_path(checkpoint)
        while executor.step < last:
            following = min(interval - executor.step % interval, last - executor.step)
            self._running.advance(following, lambda done, _of: progress(done, steps))
            if checkpoint is not None:
                self.checkpoint(checkpoint)

    def step(self, steps: int = 1, *, progress: Progress = lambda _done, _total: None) -> None:
        """Advance by ``steps`` steps."""
        if steps < 0:
            raise ArgumentError(f"steps is {steps}, it must be at least 0")
        self._running.advance(steps, progress)

    def checkpoint(self, path: AnyPath) -> None:
        """Write all that decides how the run goes on to a file; one that is there is replaced once it is complete.

        Raises
        ------
        DiskSpaceError
            If it does not fit.
        ArgumentError
            If an error has ended the run within a step.
        """
        if not self.can_go_on:
            raise ArgumentError("a run that an error has ended within a step cannot be written to a checkpoint")
        check_checkpoint_path(path)
        self._running.save(path)

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
        step = np.full(len(index), self._running.executor.step, np.int64)
        events = resolve(self.circuit, step, index, weight, receptor)
        self._release_driven(events)
        self._running.inject(events)

    def silence(self, neurons: ArrayLike) -> None:
        """Cut the output of neurons: from now on their spikes are recorded but reach nobody."""
        self._running.executor.common.silenced[self.circuit.storage[self.circuit.index_of(neurons)]] = 1

    def set_refractory(self, neurons: ArrayLike, t_ref: float) -> None:
        """Set the refractory time of single neurons, in ms, from their next spike on."""
        if not (np.isfinite(t_ref) and t_ref >= 0):
            raise ArgumentError(f"t_ref is {t_ref} ms, it must be at least 0")
        self._set_refractory(self.circuit.index_of(neurons), t_ref)

    def close(self) -> None:
        """Join all threads and complete the file of spikes; spikes in memory and statistics stay readable.

        Raises
        ------
        DiskSpaceError
            If the file does not fit; its parts stay.
        """
        self._running.close()

    def _release_driven(self, drive: OutsideEvents) -> None:
        """Apply the preset's rule for driven neurons, if the circuit has one."""
        t_ref = self.circuit.drive_defaults.get("t_ref")
        if t_ref is not None:
            self._set_refractory(np.unique(drive.index), t_ref)

    def _set_refractory(self, index: NDArray[np.int64], t_ref: float) -> None:
        for worker in self._running.executor.workers:
            position, inside = worker.share.positions(index)
            worker.share.neurons.refractory[position[inside]] = round(t_ref / self.circuit.dt)


def _whole_steps(name: str, ms: float, dt: float) -> int:
    if not (np.isfinite(ms) and round(ms / dt) >= 1):
        raise ArgumentError(f"{name} is {ms} ms, it must be at least a step of {dt} ms")
    return round(ms / dt)
