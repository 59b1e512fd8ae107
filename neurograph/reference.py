"""What should a simulation give? The whole of it in memory, plain and obvious: the oracle of every fast path.

One step: each model's own, given inputs(t), which is the sum over delays d of the synapses with delay d whose source
spiked at t - d, then the drives, then events from outside.
Neurons are in table order, synapses one sparse matrix for each (delay, receptor), read with stock zarr. No storage
order, no workers, no compiled code; it shares with the executor only the models' parameters and the random draws.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import zarr
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from neurograph.circuit import Circuit
from neurograph.draws import counter_key, mix64
from neurograph.events import OutsideEvents, no_events
from neurograph.initial import initial_state
from neurograph.network import Population
from neurograph.noise import neuron_keys, trains_of
from neurograph.record import Spikes, spikes_of
from neurograph.reference_rows import READERS

Floats = NDArray[np.float64]
Synapses = dict[tuple[int, int], sparse.csr_array]


@dataclass
class PopulationState:
    """State of one population: (states, n) float64 and two (n,) int32."""

    population: Population
    constants: Floats
    state: Floats
    refractory: NDArray[np.int32]
    countdown: NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        self.countdown = np.zeros(self.population.size, np.int32)

    @property
    def span(self) -> slice:
        """Indices of the population's neurons."""
        return slice(self.population.first, self.population.first + self.population.size)


def simulate(
    circuit: Circuit,
    steps: int,
    *,
    seed: int = 0,
    drive: OutsideEvents | None = None,
    silenced: ArrayLike = (),
) -> Spikes:
    """Return the spikes of steps 0 to ``steps - 1``.

    Parameters
    ----------
    drive : OutsideEvents, optional
        Neurons it names follow the circuit's rule for driven neurons, if there is one.
    silenced : (n,) integer
        Original ids of neurons whose spikes reach nobody.
    """
    synapses = load_synapses(circuit)
    populations = start(circuit, seed, drive)
    outside = outside_input(circuit, seed, drive or no_events())
    heard = np.ones(circuit.neurons, np.int64)
    heard[circuit.index_of(np.asarray(silenced, np.int64))] = 0
    fired: list[NDArray[np.bool_]] = []
    for step in range(steps):
        inputs = recurrent_input(circuit, synapses, fired, heard) + outside(step)
        spiking = np.zeros(circuit.neurons, np.bool_)
        for p in populations:
            model = p.population.model
            spiking[p.span] = model.reference_step(p.constants, p.state, p.countdown, p.refractory, inputs[:, p.span])
        fired.append(spiking)
    step_of, index = np.nonzero(np.array(fired).reshape(steps, circuit.neurons))
    return spikes_of(circuit, step_of.astype(np.int64), index)


def load_synapses(circuit: Circuit) -> Synapses:
    """Return the (target, source) matrix of weight codes for each (delay in steps, receptor), in table order."""
    root = zarr.open_group(circuit.path, mode="r")
    index = np.argsort(np.asarray(root["neurons/storage"][:]))  # type: ignore[index]
    starts, words = (np.asarray(root[f"rows/{name}"][:]).astype(int).tolist() for name in ("start", "words"))  # type: ignore[index]
    read = READERS[circuit.store.codec]
    listed: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for row in range(circuit.neurons):
        for target, delay, receptor, code in read(words[starts[row] : starts[row + 1]], circuit.store.block_neurons):
            listed.setdefault((delay, receptor), []).append((code, index[target], index[row]))
    shape = (circuit.neurons, circuit.neurons)
    synapses: Synapses = {}
    for key in sorted(listed):
        code, target, source = np.array(listed[key]).T
        synapses[key] = sparse.csr_array((code, (target, source)), shape=shape)
    return synapses


def start(circuit: Circuit, seed: int, drive: OutsideEvents | None) -> list[PopulationState]:
    """Return every population before the first step."""
    started = []
    for number, population in enumerate(circuit.populations.values()):
        steps = population.model.refractory_steps(circuit.dt)
        refractory = np.full(population.size, steps, np.int32)
        state = initial_state(circuit, number, seed)
        started.append(PopulationState(population, population.model.constants(circuit.dt), state, refractory))
        if drive is not None and "t_ref" in circuit.drive_defaults:
            driven = drive.index - population.first
            driven = driven[(driven >= 0) & (driven < population.size)]
            refractory[driven] = round(circuit.drive_defaults["t_ref"] / circuit.dt)
    return started


def recurrent_input(
    circuit: Circuit, synapses: Synapses, fired: list[NDArray[np.bool_]], heard: NDArray[np.int64]
) -> Floats:
    """Return what earlier spikes deliver now, (receptors, neurons) float64, in the receptors' units."""
    codes = np.zeros((circuit.sum_count, circuit.neurons), np.int64)
    for (delay, receptor), matrix in synapses.items():
        if delay <= len(fired):
            codes[receptor] += matrix @ (fired[-delay] * heard)
    total, digits = np.zeros((circuit.input_count, circuit.neurons)), circuit.store.digits
    for k, of_digit in enumerate(codes * scale_of_each(circuit)):
        total[k // digits] += of_digit
    return total


def outside_input(circuit: Circuit, seed: int, drive: OutsideEvents) -> Callable[[int], Floats]:
    """Return a function of the step that gives the input from outside, (receptors, neurons) float64."""
    keys, trains = neuron_keys(circuit, seed), trains_of(circuit, seed)

    def at(step: int) -> Floats:
        total = np.zeros((circuit.input_count, circuit.neurons))
        for place, train in trains:
            if train.active(step):
                span = slice(place.first, place.first + place.size)
                bits = mix64(keys[span] ^ counter_key(np.array([train.prefix]), np.array([step])))
                total[train.receptor, span] += train.sample(bits)
        for k in np.flatnonzero(drive.step == step):
            total[drive.receptor[k], drive.index[k]] += drive.weight[k]
        return total

    return at


def scale_of_each(circuit: Circuit) -> Floats:
    """Return the weight of code 1 for each digit of each receptor and neuron, (sums, neurons) float64."""
    scales = np.zeros((circuit.sum_count, circuit.neurons))
    for p in circuit.populations.values():
        of_model = circuit.scales[type(p.model).__name__]
        scales[: len(of_model), p.first : p.first + p.size] = of_model[:, np.newaxis]
    return scales
