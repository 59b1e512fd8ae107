"""What changes while a circuit runs, and how is it put into arrays that know nothing of workers and storage order?

By index, so that it can be put back into any number of workers and any storage order: the state of each population,
both integers of each neuron, and who is silenced; and the spikes in flight, from which all that is still to be
delivered follows (`Executor.replay`).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents
from neurograph.executor import Executor
from neurograph.inflight import InFlight
from neurograph.models import Model
from neurograph.work import Past
from neurograph_storage.errors import ArgumentError

Arrays = Iterator[tuple[str, NDArray[Any]]]
Read = Callable[[str], NDArray[Any]]
_INTEGERS = ("countdown", "refractory")
_EVENTS = ("step", "index", "receptor", "weight")


def save_neurons(executor: Executor) -> Arrays:
    """Yield all that changes of neurons, by name; each array is made when it is asked for."""
    circuit = executor.circuit
    shares = [worker.share for worker in executor.workers]
    for number, population in enumerate(circuit.populations.values()):
        state = np.empty((len(population.model.states), population.size))
        for run in (run for share in shares for run in share.runs if run.population == number):
            state[:, run.index - population.first] = run.state
        yield f"state/{number}", state
    for name in _INTEGERS:
        values = np.empty(circuit.neurons, np.int32)
        for share in shares:
            values[share.index] = getattr(share.neurons, name)
        yield f"neurons/{name}", values
    yield "neurons/silenced", executor.common.silenced[circuit.storage]


def load_neurons(executor: Executor, read: Read) -> None:
    """Put back what `save_neurons` gave."""
    circuit = executor.circuit
    shares = [worker.share for worker in executor.workers]
    for number, population in enumerate(circuit.populations.values()):
        state = read(f"state/{number}")
        for run in (run for share in shares for run in share.runs if run.population == number):
            run.state[:] = state[:, run.index - population.first]
    for name in _INTEGERS:
        values = read(f"neurons/{name}")
        for share in shares:
            getattr(share.neurons, name)[:] = values[share.index]
    executor.common.silenced[circuit.storage] = read("neurons/silenced")


def read_state(executor: Executor, name: str, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a state variable of some neurons in user units, (n,) float64."""
    models, values = executor.circuit.models, np.empty(len(index))
    for share in (worker.share for worker in executor.workers):
        position, mine = share.positions(index)
        for run in share.runs:
            within = position - run.position
            inside = mine & (within >= 0) & (within < len(run.index))
            if inside.any():
                model = models[run.population]
                values[inside] = model.to_user(name, run.state[_state_number(model, name), within[inside]])
    return values


def _state_number(model: Model, name: str) -> int:
    if name not in model.states:
        raise ArgumentError(f"{type(model).__name__} has no state {name!r}; choose from {', '.join(model.states)}")
    return model.states.index(name)


def save_flight(circuit: Circuit, flight: InFlight, now: int) -> Arrays:
    """Yield the spikes in flight at step ``now``, as the index of each and where each step begins."""
    starts, storage = flight.since(max(0, now - circuit.store.max_delay), now)
    yield "flight/starts", starts
    yield "flight/index", circuit.index_of_storage[storage].astype(np.uint32)


def load_flight(circuit: Circuit, now: int, read: Read) -> Past:
    """Return what `save_flight` gave, as storage ids."""
    starts = read("flight/starts")
    return Past(now + 1 - len(starts), starts, circuit.storage[read("flight/index")])


def save_events(name: str, events: OutsideEvents, now: int) -> Arrays:
    """Yield the events from outside that are still to come at step ``now``."""
    for column in _EVENTS:
        yield f"{name}/{column}", getattr(events, column)[events.step >= now]


def load_events(name: str, read: Read) -> OutsideEvents:
    """Return what `save_events` gave."""
    return OutsideEvents(*(read(f"{name}/{column}") for column in _EVENTS))
