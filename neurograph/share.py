"""What does one worker own, and how does it lie in memory?

A worker owns whole target blocks, hence a range of storage ids. It keeps their neurons in the order of the neuron
table, so that those of one population, and of one drive, are neighbours whatever the storage order is: a *run* each.
Only the vector of arriving weight codes is in storage order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents
from neurograph.initial import initial_state
from neurograph.models.base import BLOCK, TILE
from neurograph.noise import Drives, neuron_keys, trains_of

# Columns of the table of runs.
(FIRST, COUNT, TILE_ADDRESS, CONSTANT_COUNT, CONSTANT_ADDRESS, STATE_ADDRESS, RECEPTORS, FIRST_DRIVE, LAST_DRIVE,
 ADJACENT, INPUTS, DIGITS) = range(12)  # fmt: skip


class Events(NamedTuple):
    """Events from outside onto one worker's neurons, sorted by (step, position); in the order given where both agree.

    Attributes
    ----------
    step, position : (events,) int64
    receptor : (events,) int64
    weight : (events,) float64
    """

    step: NDArray[np.int64]
    position: NDArray[np.int64]
    receptor: NDArray[np.int64]
    weight: NDArray[np.float64]


class Neurons(NamedTuple):
    """Arrays of a worker's n neurons, for kernels; by position unless said otherwise.

    Attributes
    ----------
    runs : (runs, 12) int64
        One population each; see the names of the columns above.
    scales : (runs, receptors x digits) float64
        Weight of code 1 of each digit.
    drive_spans : (spans, 3) int64
        Drive, first and last position; those of a run are consecutive, in the order in which they are summed.
    storage : (n,) uint32
        Storage id, less that of the worker's first neuron.
    keys : (n,) uint64
        Of random draws.
    countdown, refractory : (n,) int32
    codes : (receptors x digits, n) int32 or int64
        Arriving weight codes, in storage order.
    inputs : (receptors and currents, TILE) float64
    bits : (TILE,) uint64
    counts : (TILE,) int8
    spikes : (TILE,) int32
        These four are scratch for one tile.
    block : (BLOCK,) int64
        What a model's step is given.
    due : (2, any) int64
        Scratch for delivery.
    """

    runs: NDArray[np.int64]
    scales: NDArray[np.float64]
    drive_spans: NDArray[np.int64]
    storage: NDArray[np.uint32]
    keys: NDArray[np.uint64]
    countdown: NDArray[np.int32]
    refractory: NDArray[np.int32]
    codes: NDArray[np.integer[Any]]
    inputs: NDArray[np.float64]
    bits: NDArray[np.uint64]
    counts: NDArray[np.int8]
    spikes: NDArray[np.int32]
    block: NDArray[np.int64]
    due: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Run:
    """Neurons of one population that one worker owns.

    Attributes
    ----------
    population : int
    position : int
        Of the first one.
    index : (n,) int64
        Rising rows of the neuron table.
    state : (states, n) float64
    constants : (k,) float64
    """

    population: int
    position: int
    index: NDArray[np.int64]
    state: NDArray[np.float64]
    constants: NDArray[np.float64]


_DUE = 8192


class Share:
    """The neurons of the target blocks ``first <= block < last``, with all that changes.

    Attributes
    ----------
    low, high : int
        Storage ids, ``low <= id < high``.
    index : (n,) int64
        Rows of the neuron table, rising.
    runs : list of Run
    neurons : Neurons
    """

    def __init__(self, circuit: Circuit, first: int, last: int, seed: int) -> None:
        self.low = first * circuit.store.block_neurons
        self.high = min(last * circuit.store.block_neurons, circuit.neurons)
        self.index = np.sort(circuit.index_of_storage[self.low : self.high])
        self.runs = list(_runs(circuit, self.index, seed))
        self.neurons = self._arrays(circuit, seed)

    def positions(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the position of each row of the neuron table, and whether it is the worker's at all."""
        position = np.searchsorted(self.index, index)
        inside = position < len(self.index)
        inside[inside] = self.index[position[inside]] == index[inside]
        return position, inside

    def events(self, events: OutsideEvents) -> Events:
        """Return those events that are onto the worker's neurons."""
        position, inside = self.positions(events.index)
        step, position = events.step[inside], position[inside]
        order = np.lexsort((position, step))
        receptor, weight = events.receptor[inside].astype(np.int64), events.weight[inside]
        return Events(step[order], position[order], receptor[order], weight[order])

    def _arrays(self, circuit: Circuit, seed: int) -> Neurons:
        n, sums = len(self.index), circuit.sum_count
        storage = circuit.storage[self.index] - np.uint32(self.low)
        refractory = np.empty(n, np.int32)
        for run in self.runs:
            steps = circuit.models[run.population].refractory_steps(circuit.dt)
            refractory[run.position : run.position + len(run.index)] = steps
        spans, edges = self._drive_spans(circuit, seed)
        return Neurons(
            self._run_table(circuit, storage, edges),
            self._scales(circuit, sums),
            spans,
            storage,
            neuron_keys(circuit, seed, self.index),
            np.zeros(n, np.int32),
            refractory,
            np.zeros((sums, n), circuit.sum_type),
            np.zeros((circuit.input_count, TILE)),
            np.empty(TILE, np.uint64),
            np.zeros(TILE, np.int8),
            np.empty(TILE, np.int32),
            np.empty(BLOCK, np.int64),
            np.empty((2, _DUE), np.int64),
        )

    def _run_table(self, circuit: Circuit, storage: NDArray[np.uint32], edges: NDArray[np.int64]) -> NDArray[np.int64]:
        table = np.zeros((len(self.runs), 12), np.int64)
        for k, run in enumerate(self.runs):
            model, of_run = circuit.models[run.population], storage[run.position : run.position + len(run.index)]
            table[k] = (
                run.position, len(run.index), model.tile.address, len(run.constants), run.constants.ctypes.data,
                run.state.ctypes.data, len(model.receptors), edges[k], edges[k + 1],
                int(of_run[-1]) - int(of_run[0]) == len(of_run) - 1 and (np.diff(of_run.astype(np.int64)) == 1).all(),
                len(model.inputs()), circuit.store.digits,
            )  # fmt: skip
        return table

    def _scales(self, circuit: Circuit, sums: int) -> NDArray[np.float64]:
        scales = np.zeros((len(self.runs), sums))
        for k, run in enumerate(self.runs):
            of_model = circuit.scales[type(circuit.models[run.population]).__name__]
            scales[k, : len(of_model)] = of_model
        return scales

    def _drive_spans(self, circuit: Circuit, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return drive, first and last position of each span, and where those of each run begin."""
        spans, edges = [], [0]
        trains = trains_of(circuit, seed)
        for run in self.runs:
            for number, (drive, _) in enumerate(trains):
                low, high = run.position + np.searchsorted(run.index, [drive.first, drive.first + drive.size])
                if low < high:
                    spans.append((number, int(low), int(high)))
            edges.append(len(spans))
        return np.array(spans, np.int64).reshape(-1, 3), np.array(edges, np.int64)


def drives_of(circuit: Circuit, seed: int) -> Drives:
    """Return the drives of a circuit, for kernels."""
    return Drives.of([train for _, train in trains_of(circuit, seed)])


def _runs(circuit: Circuit, index: NDArray[np.int64], seed: int) -> Iterator[Run]:
    for number, population in enumerate(circuit.populations.values()):
        low, high = np.searchsorted(index, [population.first, population.first + population.size])
        if low < high:
            own = index[low:high]
            state = np.ascontiguousarray(initial_state(circuit, number, seed)[:, own - population.first])
            yield Run(number, int(low), own, state, population.model.constants(circuit.dt))
