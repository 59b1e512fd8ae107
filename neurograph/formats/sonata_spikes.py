"""How are spikes read from and written to SONATA reports?

    /spikes/<population>/timestamps, node_ids      one entry a spike; attribute units (ms), sorting

Older files have ``/spikes/timestamps`` and ``gids``, without a population. Spikes are written sorted by time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.formats.sonata_places import NodePlaces, node_places
from neurograph.record import Spikes
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.publish import appearing

_SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2})
_PER_MS = {"ms": 1.0, "milliseconds": 1.0, "s": 1000.0, "seconds": 1000.0}


@dataclass(frozen=True, eq=False)
class NodeSpikes:
    """Spikes of one population of nodes, in the order of the file.

    Attributes
    ----------
    population : str or None
        None in files that do not name it.
    times : (n,) float64
        ms.
    node_ids : (n,) int64
    """

    population: str | None
    times: NDArray[np.float64]
    node_ids: NDArray[np.int64]


def write_report(path: str | os.PathLike[str], spikes: Spikes, circuit: Circuit) -> None:
    """Write spikes as a SONATA report; the file appears complete or not at all."""
    index = circuit.index_of(spikes.neurons)
    with appearing(Path(path)) as partial, h5py.File(partial, "w") as file:
        for place in node_places(circuit):
            node = np.full(circuit.neurons, -1, np.int64)
            node[place.index] = place.node_id
            inside = node[index] >= 0
            group = file.create_group(f"spikes/{place.name}")
            group.attrs.create("sorting", 2, dtype=_SORTING)
            group["timestamps"] = spikes.times[inside]
            group["timestamps"].attrs["units"] = "ms"
            group["node_ids"] = node[index[inside]].astype(np.uint64)


def read_report(path: str | os.PathLike[str]) -> list[NodeSpikes]:
    """Return the spikes of each population.

    Raises
    ------
    ArgumentError
        If the file does not exist.
    DataError
        If it is not a report of spikes.
    """
    if not Path(path).is_file():
        raise ArgumentError(f"no file {path}")
    try:
        with h5py.File(path, "r") as file:
            return list(_groups(file["spikes"], Path(path)))
    except DataError:
        raise
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a SONATA report of spikes: {error}") from error


def _groups(spikes: h5py.Group, path: Path) -> Iterator[NodeSpikes]:
    if isinstance(spikes.get("timestamps"), h5py.Dataset):
        yield _spikes(spikes, None, "gids" if "gids" in spikes else "node_ids", path)
        return
    for name, group in spikes.items():
        yield _spikes(group, name, "node_ids" if "node_ids" in group else "gids", path)


def _spikes(group: h5py.Group, name: str | None, ids: str, path: Path) -> NodeSpikes:
    times, nodes = group["timestamps"], group[ids]
    unit = times.attrs.get("units", "ms")
    unit = unit.decode() if isinstance(unit, bytes) else str(unit)
    if unit not in _PER_MS:
        raise DataError(f"timestamps in {path} are in {unit!r}; allowed are {', '.join(_PER_MS)}")
    if times.shape != nodes.shape or not np.issubdtype(nodes.dtype, np.integer):
        raise DataError(f"spikes of {name or 'all nodes'} in {path} need a time and a whole node id each")
    values = times[:].astype(np.float64) * _PER_MS[unit]
    if not np.isfinite(values).all():
        raise DataError(f"timestamps in {path} hold a time that is not finite")
    return NodeSpikes(name, values, nodes[:].astype(np.int64))


def indexed_spikes(
    reports: list[NodeSpikes], circuit: Circuit, population: str | None = None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Yield times (ms) and rows of the neuron table of the spikes of each population.

    Parameters
    ----------
    population : str, optional
        Whose spikes are wanted, and whose they are where the file does not say.

    Raises
    ------
    DataError
        If the circuit has no such population of nodes, or no such node.
    """
    places = {place.name: place for place in node_places(circuit)}
    there = [report.population for report in reports]
    if population is not None:
        _place(population, places)
        if population not in there and None not in there:
            raise DataError(f"spikes of {population!r} are wanted; the file has those of {', '.join(map(str, there))}")
    for report in reports:
        name = report.population if report.population is not None else population
        if population is not None and name != population:
            continue
        yield report.times, _place(name, places).index_of(report.node_ids)


def _place(name: str | None, places: dict[str, NodePlaces]) -> NodePlaces:
    if name is None and len(places) == 1:
        return next(iter(places.values()))
    if name not in places:
        raise DataError(f"spikes are of population {name!r}; the circuit has {', '.join(places)}")
    return places[name]
