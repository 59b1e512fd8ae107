"""Which synapses does a circuit have, in a user's terms?

`synapse_lists` passes over all rows in storage order, some at a time, each checked against its checksums on the way;
whatever writes a circuit in another format, or looks at its graph, reads it through this.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.models import Model
from neurograph_storage.layout import MAX_RECEPTORS
from neurograph_storage.loading import load_rows
from neurograph_storage.store import CircuitStore

# Words of rows at a time; decoded they take some 40 MB.
BATCH_WORDS = 2**20


@dataclass(frozen=True, eq=False)
class SynapseList:
    """Some synapses, each array (synapses,).

    Attributes
    ----------
    source_index, target_index : int64
        Rows of the neuron table.
    source, target : int64
        Original ids.
    weight : float64
        In the receptor's unit.
    delay : float64
        In ms.
    receptor : int64
        Number among the receptors of the target's model.
    """

    source_index: NDArray[np.int64]
    target_index: NDArray[np.int64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float64]
    delay: NDArray[np.float64]
    receptor: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)


class Listed(Protocol):
    """What a circuit (`neurograph.circuit`) must say of itself for its synapses to be listed."""

    store: CircuitStore
    dt: float

    @property
    def scales(self) -> Mapping[str, NDArray[np.float64]]:
        """Weight of code 1 of each digit of each receptor, by the model's name."""

    @property
    def models(self) -> Sequence[Model]:
        """The model of each population."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """Original ids by index."""

    @property
    def index_of_storage(self) -> NDArray[np.int64]:
        """Index by storage id."""


def synapse_lists(circuit: Listed, batch_words: int = BATCH_WORDS) -> Iterator[SynapseList]:
    """Yield all synapses, each once: those of one source together, sources in storage order.

    Raises
    ------
    CorruptionError
        If stored arrays are damaged.
    """
    store = circuit.store
    store.check_tables()
    index, ids, units = circuit.index_of_storage, circuit.ids, weight_units(circuit)
    population = np.asarray(store.arrays["neurons/population"])
    for start, stop in store.row_batches(batch_words):
        found = load_rows(store, (start, stop)).synapses()
        source, target = index[found.row + start], index[found.target]
        weight = found.code * units[population[target], found.receptor]
        if store.digits > 1:
            # In stored order, the n-th digit of any significance is one of the n-th synapse.
            significance, receptor = found.receptor % store.digits, found.receptor // store.digits
            first = significance == 0
            weight = sum((weight[significance == k] for k in range(1, store.digits)), weight[first])
            found = found._replace(delay=found.delay[first], receptor=receptor[first])
            source, target = source[first], target[first]
        delay = delays_in_ms(found.delay, circuit.dt)
        yield SynapseList(source, target, ids[source], ids[target], weight, delay, found.receptor)


def weight_units(circuit: Listed) -> NDArray[np.float64]:
    """Return the weight of code 1, by population and stored receptor, (populations, 8) float64; 0 if there is none."""
    units = np.zeros((len(circuit.models), MAX_RECEPTORS))
    for row, model in zip(units, circuit.models, strict=True):
        scales = circuit.scales[type(model).__name__]
        row[: len(scales)] = scales
    return units


def delays_in_ms(steps: NDArray[np.int64], dt: float) -> NDArray[np.float64]:
    """Return delays in ms without what the multiplication adds at the far end (3 x 0.1 is 0.3)."""
    rounded: NDArray[np.float64] = np.round(steps * dt, 9)
    return rounded
