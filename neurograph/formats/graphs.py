"""How does a circuit become a networkx graph, and a graph a network?

A directed multigraph: nodes are original ids, each with its ``population`` and ``model``; edges have ``weight``,
``delay`` (ms) and ``receptor``. networkx holds some kilobytes a synapse: for circuits of a few million at most.
"""

from typing import Any

import numpy as np

from neurograph.circuit import Circuit
from neurograph.formats.extras import extra
from neurograph.formats.tables import receptor_names
from neurograph.models import LIFExp, Model
from neurograph.network import Network
from neurograph.rules import Edges
from neurograph_storage.errors import ArgumentError


def to_networkx(circuit: Circuit) -> Any:
    """Return the circuit as a ``networkx.MultiDiGraph``; needs networkx."""
    networkx = extra("networkx", "networkx")
    graph = networkx.MultiDiGraph(dt=circuit.dt)
    for name, population in circuit.populations.items():
        model = type(population.model).__name__
        graph.add_nodes_from(circuit.neuron_ids(name).tolist(), population=name, model=model)
    names, population_of = receptor_names(circuit), np.asarray(circuit.store.arrays["neurons/population"])
    for batch in circuit.edges():
        receptors = names[population_of[batch.target_index], batch.receptor]
        columns = (batch.source, batch.target, batch.weight, batch.delay)
        for source, target, weight, delay, receptor in zip(*(c.tolist() for c in columns), receptors, strict=True):
            graph.add_edge(source, target, weight=weight, delay=delay, receptor=receptor)
    return graph


def from_networkx(
    graph: Any,
    *,
    weight: str = "weight",
    delay: str | float = "delay",
    model: Model | None = None,
    dt: float = 0.1,
) -> Network:
    """Return a network of one population, ``neurons``, from a graph; build it with `neurograph.build`.

    Parameters
    ----------
    graph : networkx graph
        Undirected edges count in both directions. Nodes that are all integers become original ids; others are counted
        from 0 in the graph's order.
    weight : str
        Edge attribute, in the receptor's unit.
    delay : str or number
        Edge attribute, or one value for all; in ms.
    model : Model, optional
        `LIFExp` with its defaults.

    Raises
    ------
    ArgumentError
        If an edge lacks an attribute.
    """
    nodes = list(graph.nodes)
    place = {node: k for k, node in enumerate(nodes)}
    edges = list((graph if graph.is_directed() else graph.to_directed()).edges(data=True))
    sources, targets = (np.array([place[edge[end]] for edge in edges], np.int64) for end in (0, 1))
    whole = all(isinstance(node, int | np.integer) for node in nodes)
    network = Network(dt=dt)
    network.recipe = {"name": "networkx"}
    ids = np.array(nodes, np.int64) if whole and nodes else None
    cells = network.population("neurons", len(nodes), model or LIFExp(), ids=ids)
    delays = _attribute(edges, delay) if isinstance(delay, str) else delay
    network.connect(cells, cells, Edges(sources, targets), weight=_attribute(edges, weight), delay=delays)
    return network


def _attribute(edges: list[Any], name: str) -> Any:
    for source, target, attributes in edges:
        if name not in attributes:
            raise ArgumentError(f"edge {source!r} to {target!r} of the graph has no attribute {name!r}")
    return np.array([attributes[name] for *_, attributes in edges], np.float64)
