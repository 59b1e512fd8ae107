"""What is in a stored circuit, in a user's terms?

`Circuit` opens a store and reads its metadata into populations, models, scales and drives; it also translates between
original ids, indices and storage ids. It holds no simulation state.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.choices import find
from neurograph.digits import place_values
from neurograph.distributions import Distribution, restore
from neurograph.ids import find_ids
from neurograph.inputs import Input
from neurograph.inputs import restore as restore_input
from neurograph.listing import SynapseList, synapse_lists
from neurograph.models import MODELS, Model
from neurograph.network import Population
from neurograph_storage.errors import CorruptionError, DataError, VersionError
from neurograph_storage.store import CircuitStore


@dataclass(frozen=True)
class StoredDrive:
    """A drive and the indices it acts on, ``first <= index < first + size``."""

    first: int
    size: int
    source: Input


class Circuit:
    """A stored circuit, opened for reading.

    Parameters
    ----------
    path : path
        Folder that `build` or ``neurograph import`` made.

    Attributes
    ----------
    store : CircuitStore
    dt : float
        Step, in ms.
    populations : dict of str to Population
    scales : dict of str to (receptors x digits,) float64
        Weight of code 1, by the model's name; for each receptor as many as its weights have digits, the highest first.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.store = CircuitStore(Path(path))
        self.path = self.store.path
        try:
            self._read(self.store.circuit)
        except VersionError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorruptionError(f"metadata of {path} is damaged: {error!r}", path=self.path / "zarr.json") from error

    def _read(self, meta: Any) -> None:
        self.dt = float(meta["dt"])
        self.populations: dict[str, Population] = {}
        self._initial: list[dict[str, float | Distribution]] = []
        first = 0
        for entry in meta["populations"]:
            self.populations[entry["name"]] = Population(entry["name"], first, entry["size"], _model(entry))
            self._initial.append({state: restore(value) for state, value in entry["initial"].items()})
            first += entry["size"]
        if not (self.dt > 0 and first == self.neurons):
            raise ValueError("dt is not positive, or population sizes do not sum to the neurons")
        self.scales: dict[str, NDArray[np.float64]] = {
            m: np.concatenate([place_values(s["unit"], self.store.digits) for s in of_model])
            for m, of_model in meta["scales"].items()
        }
        self.drives = [_drive(entry) for entry in meta["drives"]]
        self.drive_defaults: dict[str, Any] = dict(meta["drive_defaults"])

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.store.counts.neurons

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return self.store.counts.synapses // self.store.digits

    @property
    def models(self) -> list[Model]:
        """The model of each population, in order."""
        return [population.model for population in self.populations.values()]

    @property
    def receptor_count(self) -> int:
        """Largest number of receptors of any model."""
        return max((len(model.receptors) for model in self.models), default=0)

    @property
    def input_count(self) -> int:
        """Largest number of inputs of any model, receptors and currents."""
        return max((len(model.inputs()) for model in self.models), default=0)

    @property
    def sum_count(self) -> int:
        """Sums of codes that a neuron has, at most: one for each digit of each receptor."""
        return self.receptor_count * self.store.digits

    @property
    def sum_type(self) -> type[np.int32] | type[np.int64]:
        """Type that holds every sum of weight codes which a neuron can receive in one step."""
        return np.int32 if self.store.input_bound < 2**31 else np.int64

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """Original ids by index, (neurons,) int64."""
        ids: NDArray[np.int64] = np.array(self.store.arrays["neurons/id"])
        return ids

    @cached_property
    def storage(self) -> NDArray[np.uint32]:
        """Storage ids by index, (neurons,) uint32."""
        storage: NDArray[np.uint32] = np.array(self.store.arrays["neurons/storage"])
        populations = self.store.arrays["neurons/population"]
        if (np.bincount(storage) != 1).any() or (len(storage) and populations.max() >= len(self.populations)):
            raise CorruptionError(f"the neuron table of {self.path} is damaged; neurograph verify says where")
        return storage

    @cached_property
    def index_of_storage(self) -> NDArray[np.int64]:
        """Index by storage id, (neurons,) int64."""
        return np.argsort(self.storage)

    @cached_property
    def _id_order(self) -> NDArray[np.int64]:
        return np.argsort(self.ids)

    def neuron_ids(self, population: str) -> NDArray[np.int64]:
        """Return the original ids of a population.

        Raises
        ------
        ArgumentError
            If there is no such population.
        """
        found = find("population", population, self.populations)
        return self.ids[found.first : found.first + found.size]

    def index_of(self, neurons: ArrayLike) -> NDArray[np.int64]:
        """Return the index of each original id.

        Raises
        ------
        DataError
            If an id is not in the circuit, or ids are not integers (large ids do not survive being floats).
        """
        wanted = np.atleast_1d(np.asarray(neurons))
        if wanted.size and not np.issubdtype(wanted.dtype, np.integer):
            raise DataError(f"neuron ids must be integers, got {wanted.dtype}; ids beyond 2^53 are damaged by floats")
        wanted = wanted.astype(np.int64)
        index, unknown = find_ids(wanted, self.ids, self._id_order)
        if unknown.any():
            raise DataError(f"neuron id {wanted[unknown][0]} is not in the circuit {self.path}")
        return index

    def edges(self) -> Iterator[SynapseList]:
        """Yield all synapses, some at a time, in original ids, ms and the receptors' units; see `SynapseList`."""
        return synapse_lists(self)

    def initial_values(self, population: int) -> dict[str, float | Distribution | NDArray[np.float64]]:
        """Return the start value of each state of one population, in user units."""
        chosen = list(self.populations.values())[population]
        values: dict[str, Any] = {**chosen.model.default_state(), **self._initial[population]}
        for state in self.store.circuit["initial_arrays"]:
            stored = self.store.arrays[f"initial/{state}"][chosen.first : chosen.first + chosen.size]
            if state in values and not np.isnan(stored).all():
                values[state] = np.array(stored)
        return values


def _model(entry: dict[str, Any]) -> Model:
    if entry["model"] not in MODELS:
        raise VersionError(
            f"neuron model {entry['model']!r} is not one of {', '.join(MODELS)}: if it is your own, name the file that"
            " defines it with --models FILE.py (in Python, import it before you open the circuit); if not, update this"
            " release"
        )
    return MODELS[entry["model"]](**entry["parameters"])


def _drive(entry: dict[str, Any]) -> StoredDrive:
    described = {key: value for key, value in entry.items() if key not in {"first", "size"}}
    return StoredDrive(entry["first"], entry["size"], restore_input(described))
