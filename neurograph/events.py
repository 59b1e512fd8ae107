"""Which events come from outside, at which step, and onto what?

`OutsideEvents` holds them sorted by step, ready for the executor; `resolve` turns a user's neurons, receptor and weight
into one form for files, for `Simulation.inject` and for the reference alike. What is left out takes the circuit's
defaults, which a preset may have stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.circuit import Circuit
from neurograph.models import SpikeSource
from neurograph_storage.errors import ArgumentError, DataError


@dataclass(frozen=True, eq=False)
class OutsideEvents:
    """Events from outside, sorted by step; within a step in the order given, in which they are also summed.

    Attributes
    ----------
    step : (events,) int64
    index : (events,) int64
        Rows of the neuron table.
    receptor : (events,) uint8
    weight : (events,) float64
        In the receptor's unit.
    """

    step: NDArray[np.int64]
    index: NDArray[np.int64]
    receptor: NDArray[np.uint8]
    weight: NDArray[np.float64]

    def since(self, step: int) -> "OutsideEvents":
        """Return those of ``step`` and later ones."""
        later = self.step >= step
        return OutsideEvents(self.step[later], self.index[later], self.receptor[later], self.weight[later])


def no_events() -> OutsideEvents:
    """Return an empty set of events."""
    return OutsideEvents(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0))


def joined(parts: Sequence[OutsideEvents]) -> OutsideEvents:
    """Return several sets as one, sorted by step, in the order given within a step."""
    if not parts:
        return no_events()
    step, index, receptor, weight = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("step", "index", "receptor", "weight")
    )
    order = np.argsort(step, kind="stable")
    return OutsideEvents(step[order], index[order], receptor[order], weight[order])


def resolve(
    circuit: Circuit,
    step: NDArray[np.int64],
    index: NDArray[np.int64],
    weight: ArrayLike | None = None,
    receptor: NDArray[Any] | str | None = None,
) -> OutsideEvents:
    """Return events in order of step.

    Parameters
    ----------
    step, index : (events,) int64
    weight : number or (events,) float, optional
        In the receptor's unit; by default the circuit's.
    receptor : str or (events,) str, optional
        By default the circuit's, or else the one for each weight's sign.

    Raises
    ------
    DataError
        If a step is negative or a weight not finite.
    ArgumentError
        If no weight is given and the circuit has no default, or a receptor does not exist.
    """
    if weight is None:
        weight = circuit.drive_defaults.get("weight")
        if weight is None:
            raise ArgumentError("events from outside need a weight: this circuit stores no default for it")
    weights = np.array(np.broadcast_to(np.asarray(weight, np.float64), len(step)))
    if len(step) and step.min() < 0:
        raise DataError(f"step {step.min()} is negative; events can arrive from step 0 on")
    if not np.isfinite(weights).all():
        raise DataError("the weight of an event is not finite")
    receptors = _receptors(circuit, index, weights, receptor)
    order = np.argsort(step, kind="stable")
    return OutsideEvents(step[order], index[order], receptors[order], weights[order])


def lost_spikes(circuit: Circuit, events: OutsideEvents) -> int:
    """Return how many spikes that sources are told to fire fall in one step with another, where two are as one."""
    lost = 0
    for population in circuit.populations.values():
        if isinstance(population.model, SpikeSource):
            inside = (events.index >= population.first) & (events.index < population.first + population.size)
            inside &= events.weight > 0
            spikes = events.step[inside] * population.size + events.index[inside] - population.first
            lost += len(spikes) - len(np.unique(spikes))
    return lost


def _receptors(
    circuit: Circuit,
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    receptor: NDArray[Any] | str | None,
) -> NDArray[np.uint8]:
    name = circuit.drive_defaults.get("receptor") if receptor is None else receptor
    names = None if name is None else np.broadcast_to(np.asarray(name, object), len(index))
    numbers = np.zeros(len(index), np.uint8)
    for population in circuit.populations.values():
        model = type(population.model)
        inside = (index >= population.first) & (index < population.first + population.size)
        if names is None:
            signs = np.array([model.receptor_of_sign(negative=n) for n in (False, True)], np.uint8)
            numbers[inside] = signs[(weights[inside] < 0).astype(int)]
            continue
        for each in set(names[inside].tolist()):
            numbers[inside & (names == each)] = model.input_number(str(each))
    return numbers
