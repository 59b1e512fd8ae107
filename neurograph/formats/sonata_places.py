"""Which SONATA population and node id is each neuron of a circuit?

A circuit that came from SONATA says so in its provenance. Of any other one, the neurons that are simulated are the
nodes ``neurons``, and each population of `SpikeSource`s is a population of virtual nodes of its own; node ids count
from 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.models import SpikeSource
from neurograph.network import Population
from neurograph_storage.errors import DataError

NEURONS = "neurons"


@dataclass(frozen=True, eq=False)
class NodePlaces:
    """A SONATA population of nodes.

    Attributes
    ----------
    name : str
    populations : list of Population
        Ours, in their order.
    index : (nodes,) int64
        Rows of the neuron table, ascending.
    node_id : (nodes,) int64
    """

    name: str
    populations: list[Population]
    index: NDArray[np.int64]
    node_id: NDArray[np.int64]

    @property
    def virtual(self) -> bool:
        """Whether they only pass on spikes from outside."""
        return all(isinstance(population.model, SpikeSource) for population in self.populations)

    def index_of(self, node_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of the neuron table of each node.

        Raises
        ------
        DataError
        """
        order = np.argsort(self.node_id)
        place = np.minimum(np.searchsorted(self.node_id, node_ids, sorter=order), len(order) - 1)
        found = order[place] if len(order) else np.zeros(len(node_ids), np.int64)
        unknown = self.node_id[found] != node_ids if len(order) else np.ones(len(node_ids), np.bool_)
        if unknown.any():
            raise DataError(f"node {node_ids[unknown][0]} is not one of the {len(order)} of population {self.name!r}")
        return self.index[found]


def node_places(circuit: Circuit) -> list[NodePlaces]:
    """Return the SONATA populations of a circuit, which together hold each neuron once."""
    recipe = circuit.store.circuit["provenance"]["recipe"]
    if recipe.get("name") == "sonata":
        return [_imported(circuit, entry) for entry in recipe["populations"]]
    simulated = [p for p in circuit.populations.values() if not isinstance(p.model, SpikeSource)]
    sources = [p for p in circuit.populations.values() if isinstance(p.model, SpikeSource)]
    name = NEURONS if NEURONS not in [source.name for source in sources] else "simulated"
    groups = [(name, simulated)] if simulated else []
    return [_counted(*group) for group in (*groups, *((source.name, [source]) for source in sources))]


def _counted(name: str, populations: list[Population]) -> NodePlaces:
    index = np.concatenate([np.arange(p.first, p.first + p.size) for p in populations])
    return NodePlaces(name, populations, index, np.arange(len(index)))


def _imported(circuit: Circuit, entry: dict[str, object]) -> NodePlaces:
    first, size = int(str(entry["first"])), int(str(entry["size"]))
    index = np.arange(first, first + size)
    inside = [p for p in circuit.populations.values() if p.size and first <= p.first < first + size]
    node_id = circuit.ids[index] - int(str(entry["first_id"])) if "first_id" in entry else np.arange(size)
    return NodePlaces(str(entry["name"]), inside, index, node_id)
