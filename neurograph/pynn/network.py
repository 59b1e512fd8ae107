"""How do PyNN's populations and projections become a network of ours?

Cells of one type and one set of parameters are one population, so that a PyNN population with parameters of its own for
each cell becomes several. Original ids are PyNN's. Populations whose models are of one class stand together, and all
synapses onto one receptor of a class are one list.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.inputs import PoissonInput
from neurograph.models import Model, PoissonSource
from neurograph.network import Network, Population
from neurograph.pynn.cells import SpikeSourceArray, SpikeSourcePoisson
from neurograph.rules import Edges

ARRAY, POISSON = SpikeSourceArray.map, SpikeSourcePoisson.map


def describe(populations: Sequence[Any], projections: Sequence[Any], dt: float) -> Network:
    """Return the network to be built."""
    network = Network(dt=dt)
    network.recipe = {"name": "PyNN"}
    groups = [group for population in populations for group in _groups(population)]
    groups.sort(key=lambda group: type(group[0]).__name__)
    spans: dict[str, list[Population]] = defaultdict(list)
    ids: list[NDArray[np.int64]] = []
    for number, (model, population, cells, parameters) in enumerate(groups):
        own = np.asarray(population.all_cells, np.int64)[cells]
        initial = _initial(population, model, cells)
        part = network.population(f"{population.label}/{number}", len(cells), model, initial=initial, ids=own)
        spans[type(model).__name__].append(part)
        ids.append(own)
        if population.celltype.map is POISSON:
            network.drive(part, _train(parameters, dt))
    if groups:
        _connect(network, spans, np.concatenate(ids), projections)
    return network


def _groups(population: Any) -> Iterable[tuple[Model, Any, NDArray[np.int64], dict[str, float]]]:
    """Yield the cells of a population that share all parameters, with their model."""
    names = [name for name in population.parameters if name != "spike_times"]
    if not names:
        yield population.celltype.map.model({}), population, np.arange(population.size), {}
        return
    table = np.stack([np.asarray(population.parameters[name], float) for name in names], axis=1)
    kinds, which = np.unique(table, axis=0, return_inverse=True)
    for k, kind in enumerate(kinds):
        parameters = dict(zip(names, kind.tolist(), strict=True))
        yield population.celltype.map.model(parameters), population, np.flatnonzero(which.ravel() == k), parameters


def _initial(population: Any, model: Model, cells: NDArray[np.int64]) -> dict[str, Any]:
    """Return start values in our names and units."""
    found: dict[str, Any] = {}
    for name, (state, factor) in population.celltype.map.variables.items():
        if name in population.start:
            values = np.asarray(population.start[name], float)[cells] * factor
            found[state] = float(values[0]) if (values == values[0]).all() else values
    assert found.keys() <= set(model.states)
    return found


def _train(parameters: dict[str, float], dt: float) -> PoissonInput:
    start, stop = parameters["start"], parameters["start"] + parameters["duration"]
    rate = PoissonSource(rate=parameters["rate"]).event_rate(dt)
    return PoissonInput(rate=rate, weight=1.0, receptor="fire", start=max(start, 0.0), stop=max(stop, 0.0))


def _connect(
    network: Network, spans: dict[str, list[Population]], ids: NDArray[np.int64], projections: Sequence[Any]
) -> None:
    order = np.argsort(ids)
    whole = network.span(network.setups[0].population, network.setups[-1].population)
    for class_name, parts in spans.items():
        first, last = parts[0].first, parts[-1].first + parts[-1].size
        onto: dict[str, list[tuple[NDArray[Any], ...]]] = defaultdict(list)
        for projection in projections:
            if not len(projection):
                continue
            source, target = (order[np.searchsorted(ids, ends, sorter=order)] for ends in projection.ends())
            mine = (target >= first) & (target < last)
            if mine.any():
                receptor, factor = projection.our_receptor(class_name)
                weight, delay = projection.values["weight"] * factor, projection.values["delay"]
                onto[receptor].append((source[mine], target[mine] - first, weight[mine], delay[mine]))
        for receptor, pieces in onto.items():
            columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
            network.connect(
                whole,
                network.span(parts[0], parts[-1]),
                Edges(columns[0], columns[1]),
                weight=columns[2],
                delay=columns[3],
                receptor=receptor,
            )
