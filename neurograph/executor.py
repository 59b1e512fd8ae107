"""How does the whole circuit advance, with workers that never wait for each other inside an epoch?

Precedence, for steps t and u in one epoch (at most min_delay steps), d the age of a spike:

    advance(t - 1) precedes advance(t)             per neuron, within its worker
    spikes(t) precede launch(t)                    all workers meet at the end of the epoch
    launch(t) precedes deliver(t + d)              d >= min_delay, so always in a later epoch
    deliver(t), noise(t), events(t) precede the additions of advance(t)
    spikes(t), deliver(u) in any order             no spike of an epoch is due within it

A worker owns whole target blocks: their neurons' state and inputs, and the delivery of every spike to them. No two
workers write the same place, and inputs are sums of integers, so the result does not depend on their number.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.delivery import Graph, InFlight
from neurograph.events import OutsideEvents, no_events
from neurograph.initial import initial_state
from neurograph.models import MODELS
from neurograph.noise import PoissonTrain, add_poisson, neuron_keys, poisson_trains, runs_of
from neurograph_storage.codec import RAW
from neurograph_storage.guard import RowGuard

Spikes = NDArray[np.uint32]


class State:
    """All that changes per neuron, in storage order.

    Attributes
    ----------
    by_model : dict of str to (states, N) float64
    countdown, refractory : (N,) int32
    codes : (receptors, N) int32 or int64
        Summed weight codes due now; int64 only where the circuit's input bound asks for it.
    outside : (receptors, N) float64
    silenced : (N,) bool
    """

    def __init__(self, circuit: Circuit, seed: int) -> None:
        count, models = circuit.neurons, {type(model).__name__: type(model) for model in circuit.models}
        self.by_model = {name: np.zeros((len(model.states), count)) for name, model in models.items()}
        self.countdown = np.zeros(count, np.int32)
        self.refractory = np.zeros(count, np.int32)
        self.codes = np.zeros((circuit.receptor_count, count), circuit.sum_type)
        self.outside = np.zeros((circuit.receptor_count, count))
        self.silenced = np.zeros(count, bool)
        for number, population in enumerate(circuit.populations.values()):
            storage = circuit.storage[population.first : population.first + population.size]
            self.by_model[type(population.model).__name__][:, storage] = initial_state(circuit, number, seed)
            self.refractory[storage] = population.model.refractory_steps(circuit.dt)


def state_bytes(circuit: Circuit) -> int:
    """Return the bytes of everything that is held per neuron during a run."""
    models = {type(model) for model in circuit.models}
    inputs = circuit.receptor_count * (np.dtype(circuit.sum_type).itemsize + 8)
    # Besides the state: ids, index, storage id, population, key of draws, spike buffer.
    per_neuron = sum(8 * len(m.states) for m in models) + inputs + 4 + 4 + 1 + 8 + 8 + 4 + 8 + 8 + 4
    return circuit.neurons * per_neuron


class _Worker:
    """Owns target blocks ``first <= block < last``, so their neurons, and runs them through an epoch."""

    def __init__(self, shared: "Executor", first: int, last: int) -> None:
        self._shared, circuit = shared, shared.circuit
        self.low = first * shared.graph.block_neurons
        self.high = min(last * shared.graph.block_neurons, circuit.neurons)
        self._flight = InFlight(shared.graph, first, last, circuit.store.max_delay)
        self._buffer = np.empty(self.high - self.low, np.uint32)
        self._runs = {name: self._model_runs(name) for name in shared.state.by_model}
        self._trains = [(train, self._drive_runs(d.first, d.size)) for d, train in shared.trains]
        self.events = 0

    def run_epoch(
        self, first: int, steps: int, launches: list[tuple[int, Spikes]], outside: OutsideEvents
    ) -> list[Spikes]:
        """Advance by ``steps`` from step ``first``; return each step's spikes, in storage order."""
        for step, spikes in launches:
            self._flight.launch(step, spikes)
        return [self._step(step, outside) for step in range(first, first + steps)]

    def _step(self, step: int, outside: OutsideEvents) -> Spikes:
        shared, state = self._shared, self._shared.state
        self.events += self._flight.deliver(step, state.codes)
        for train, runs in self._trains:
            if train.active(step):
                into = state.outside[train.receptor]
                add_poisson(runs, shared.keys, train.prefix, step, train.table, train.weight, into)
        self._add_outside(step, outside)
        count = 0
        for name, runs in self._runs.items():
            count += MODELS[name].advance(
                runs, shared.constants[name], shared.circuit.scales[name], state.by_model[name],
                state.countdown, state.refractory, state.codes, state.outside, self._buffer[count:],
            )  # fmt: skip
        spikes = self._buffer[:count].copy()
        return spikes if len(self._runs) == 1 else np.sort(spikes)

    def _add_outside(self, step: int, outside: OutsideEvents) -> None:
        due = outside.at(step)
        if due.start == due.stop:
            return
        storage = self._shared.circuit.storage[outside.index[due]]
        mine = (storage >= self.low) & (storage < self.high)
        # Unbuffered, so that events onto one neuron are summed in the order given.
        np.add.at(
            self._shared.state.outside,
            (outside.receptor[due][mine], storage[mine]),
            outside.weight[due][mine],
        )

    def _model_runs(self, name: str) -> NDArray[np.int64]:
        """Return start, stop and population of each run of one model's neurons, (runs, 3) int64."""
        populations = self._shared.populations
        mine = populations[self.low : self.high]
        edges = self.low + np.concatenate([[0], np.flatnonzero(np.diff(mine)) + 1, [len(mine)]])
        runs = np.stack([edges[:-1], edges[1:], populations[edges[:-1]]], axis=1)
        of_model = [type(model).__name__ == name for model in self._shared.circuit.models]
        chosen: NDArray[np.int64] = runs[np.array(of_model)[runs[:, 2]]]
        return chosen

    def _drive_runs(self, first: int, size: int) -> NDArray[np.int64]:
        storage = np.sort(self._shared.circuit.storage[first : first + size])
        return runs_of(storage[(storage >= self.low) & (storage < self.high)])


class Executor:
    """Advances a circuit step by step.

    Parameters
    ----------
    circuit : Circuit
    workers : int
        Threads, the caller's included; no more are used than there are target blocks.
    seed : int
        Decides noise and start values.
    """

    def __init__(self, circuit: Circuit, *, workers: int, seed: int) -> None:
        self.circuit, self.step = circuit, 0
        self.graph = Graph.of(circuit)
        self.state = State(circuit, seed)
        self.keys = np.empty(circuit.neurons, np.uint64)
        self.keys[circuit.storage] = neuron_keys(circuit, seed)
        self.populations = np.empty(circuit.neurons, np.int64)
        self.populations[circuit.storage] = circuit.store.arrays["neurons/population"]
        self.constants = {name: self._constants(name) for name in self.state.by_model}
        self.trains: list[tuple[Any, PoissonTrain]] = poisson_trains(circuit, seed)
        self.outside = no_events()
        blocks = -(-circuit.neurons // self.graph.block_neurons)
        edges = np.arange(workers + 1) * blocks // workers
        self._workers = [_Worker(self, int(a), int(b)) for a, b in pairwise(edges) if a < b]
        self._launches: list[tuple[int, Spikes]] = []
        # Rows that were made plain have been checked on the way.
        self._guard = RowGuard(circuit.store) if circuit.store.codec == RAW else None
        self._pool: ThreadPoolExecutor | None = None

    @property
    def events(self) -> int:
        """Synaptic events delivered so far."""
        return sum(worker.events for worker in self._workers)

    def run_epoch(self, limit: int) -> list[tuple[int, Spikes]]:
        """Advance by one epoch, but no more than ``limit`` steps; return (step, spikes by storage id) for each."""
        steps = min(limit, self.circuit.store.min_delay)
        parts = self._run_workers(self.step, steps)
        spikes = [(self.step + k, np.concatenate([part[k] for part in parts])) for k in range(steps)]
        silent = self.state.silenced
        heard = [(step, fired[~silent[fired]]) for step, fired in spikes] if silent.any() else spikes
        self._launches = [(step, fired) for step, fired in heard if len(fired)]
        if self._guard is not None:
            for _, fired in self._launches:
                self._guard.admit(fired)
        self.step += steps
        return spikes

    def close(self) -> None:
        """Join the worker threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _run_workers(self, first: int, steps: int) -> list[list[Spikes]]:
        arguments = (first, steps, self._launches, self.outside)
        if not self._workers:
            return [[np.empty(0, np.uint32)] * steps]
        if self._pool is None and len(self._workers) > 1:
            self._pool = ThreadPoolExecutor(len(self._workers) - 1, thread_name_prefix="neurograph-worker")
        others = [self._pool.submit(w.run_epoch, *arguments) for w in self._workers[1:]] if self._pool else []
        mine = self._workers[0].run_epoch(*arguments)
        return [mine, *(other.result() for other in others)]

    def _constants(self, name: str) -> NDArray[np.float64]:
        width = len(next(m for m in self.circuit.models if type(m).__name__ == name).constants(self.circuit.dt))
        rows = [
            m.constants(self.circuit.dt) if type(m).__name__ == name else np.zeros(width) for m in self.circuit.models
        ]
        return np.array(rows)
