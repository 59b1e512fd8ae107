"""How is a circuit written as a SONATA network?

    OUT/circuit_config.json, simulation_config.json
    OUT/network/<population>_nodes.h5, <population>_node_types.csv     a node type for each of our populations
    OUT/network/<source>_<target>_edges.h5, ..._edge_types.csv         an edge type for each receptor
    OUT/components/models/<type>.json                                  parameters

Weight and delay stand at each synapse. What SONATA cannot say (drives, start values) is under ``neurograph`` in the
circuit's configuration, and read again by `import_sonata`. Synapses are written in one pass, some at a time.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.formats.sonata_models import template_of
from neurograph.formats.sonata_nodes import INITIAL, ORIGINAL_ID
from neurograph.formats.sonata_places import NodePlaces, node_places
from neurograph.formats.tables import Progress, receptor_names
from neurograph.inputs import PoissonInput
from neurograph.listing import SynapseList
from neurograph.models import Model, PoissonSource
from neurograph_storage.publish import publishing

_FIRST_TYPE = 100
_CHUNK = 2**16


def export_sonata(
    circuit: Circuit, out: str | os.PathLike[str], *, progress: Progress = lambda _done, _total: None
) -> None:
    """Write a circuit as a SONATA network into a new folder, which appears when it is complete.

    Raises
    ------
    CircuitExistsError
        If ``out`` exists.
    """
    places = node_places(circuit)
    with publishing(Path(out).absolute()) as folder:
        (folder / "network").mkdir()
        (folder / "components" / "models").mkdir(parents=True)
        for place in places:
            _write_nodes(folder, circuit, place)
        edges = _write_edges(folder / "network", circuit, places, progress)
        _write_configs(folder, circuit, places, edges)


def _write_nodes(folder: Path, circuit: Circuit, place: NodePlaces) -> None:
    kinds = _type_ids(place)
    lines = ["node_type_id pop_name model_type model_template dynamics_params"]
    for population in place.populations:
        template, parameters = template_of(population.model)
        file = f"{kinds[population.name]}_{_stem(place)}.json"
        named = f"{kinds[population.name]} {_word(population.name)}"
        if place.virtual:
            lines.append(f"{named} virtual NULL NULL")
            continue
        (folder / "components" / "models" / file).write_text(json.dumps(parameters, indent=1))
        lines.append(f"{named} point_neuron {template} {file}")
    (folder / "network" / f"{_stem(place)}_node_types.csv").write_text("\n".join(lines) + "\n")
    with h5py.File(folder / "network" / f"{_stem(place)}_nodes.h5", "w") as file:
        group = file.create_group(f"nodes/{place.name}")
        sizes = [population.size for population in place.populations]
        group["node_id"] = place.node_id.astype(np.uint64)
        group["node_type_id"] = np.repeat([kinds[p.name] for p in place.populations], sizes).astype(np.uint64)
        group["node_group_id"] = np.zeros(len(place.index), np.uint16)
        group["node_group_index"] = np.arange(len(place.index), dtype=np.uint64)
        group[f"0/{ORIGINAL_ID}"] = circuit.ids[place.index]
        for state in circuit.store.circuit["initial_arrays"]:
            group[f"0/{INITIAL}{state}"] = circuit.store.arrays[f"initial/{state}"][place.index]


def _type_ids(place: NodePlaces) -> dict[str, int]:
    return {population.name: _FIRST_TYPE + k for k, population in enumerate(place.populations)}


def _word(name: str) -> str:
    """Return a name without what separates columns."""
    return "_".join(name.split())


def _stem(place: NodePlaces) -> str:
    """Return the name of a population as a part of names of files."""
    return re.sub(r"[^\w.-]", "_", place.name)


@dataclass(frozen=True, eq=False)
class _EdgeFile:
    """A file of edges that is being written."""

    source: NodePlaces
    target: NodePlaces
    group: h5py.Group
    columns: Mapping[str, h5py.Dataset]

    def append(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Add some synapses."""
        for name, column in self.columns.items():
            start = len(column)
            column.resize((start + len(values[name]),))
            column[start:] = values[name]


_COLUMNS = {
    "source_node_id": "<u8",
    "target_node_id": "<u8",
    "edge_type_id": "<u8",
    "edge_group_id": "<u2",
    "edge_group_index": "<u8",
    "0/syn_weight": "<f8",
    "0/delay": "<f8",
}


def _open_edges(folder: Path, source: NodePlaces, target: NodePlaces, stack: ExitStack) -> _EdgeFile:
    file = stack.enter_context(h5py.File(folder / f"{_stem(source)}_{_stem(target)}_edges.h5", "w"))
    group = file.create_group(f"edges/{source.name}_to_{target.name}")
    columns = {
        name: group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(_CHUNK,))
        for name, kind in _COLUMNS.items()
    }
    for end, place in (("source", source), ("target", target)):
        columns[f"{end}_node_id"].attrs["node_population"] = place.name
    return _EdgeFile(source, target, group, columns)


def _write_edges(folder: Path, circuit: Circuit, places: list[NodePlaces], progress: Progress) -> list[str]:
    """Write all synapses; return the stems of the files."""
    node, number = np.empty(circuit.neurons, np.int64), np.empty(circuit.neurons, np.int64)
    for k, place in enumerate(places):
        node[place.index], number[place.index] = place.node_id, k
    names = receptor_names(circuit)
    known = sorted(set(names.ravel()) - {""})
    kind_of = np.array([[known.index(name) if name else 0 for name in row] for row in names], np.int64)
    population = np.asarray(circuit.store.arrays["neurons/population"])
    files: dict[tuple[int, int], _EdgeFile] = {}
    with ExitStack() as stack:
        for batch in circuit.edges():
            kind = kind_of[population[batch.target_index], batch.receptor] + _FIRST_TYPE
            pair = number[batch.source_index] * len(places) + number[batch.target_index]
            for each in np.unique(pair).tolist():
                ends = divmod(each, len(places))
                if ends not in files:
                    files[ends] = _open_edges(folder, places[ends[0]], places[ends[1]], stack)
                files[ends].append(_edge_columns(batch, np.flatnonzero(pair == each), node, kind, files[ends]))
            progress(len(batch), circuit.synapses)
    stems = []
    for file in files.values():
        stems.append(f"{_stem(file.source)}_{_stem(file.target)}")
        lines = ["edge_type_id target_query source_query receptor model_template"]
        lines += [f"{_FIRST_TYPE + k} * * {name} static_synapse" for k, name in enumerate(known)]
        (folder / f"{stems[-1]}_edge_types.csv").write_text("\n".join(lines) + "\n")
    return stems


def _edge_columns(
    batch: SynapseList, chosen: NDArray[np.int64], node: NDArray[np.int64], kind: NDArray[np.int64], file: _EdgeFile
) -> dict[str, NDArray[Any]]:
    start = len(file.columns["source_node_id"])
    return {
        "source_node_id": node[batch.source_index[chosen]],
        "target_node_id": node[batch.target_index[chosen]],
        "edge_type_id": kind[chosen],
        "edge_group_id": np.zeros(len(chosen)),
        "edge_group_index": np.arange(start, start + len(chosen)),
        "0/syn_weight": batch.weight[chosen],
        "0/delay": batch.delay[chosen],
    }


def _write_configs(folder: Path, circuit: Circuit, places: list[NodePlaces], edges: list[str]) -> None:
    network = "$NETWORK_DIR/"
    said = {
        "manifest": {"$NETWORK_DIR": "./network", "$COMPONENT_DIR": "./components"},
        "components": {"point_neuron_models_dir": "$COMPONENT_DIR/models"},
        "networks": {
            "nodes": [
                {
                    "nodes_file": f"{network}{_stem(p)}_nodes.h5",
                    "node_types_file": f"{network}{_stem(p)}_node_types.csv",
                }
                for p in places
            ],
            "edges": [
                {"edges_file": f"{network}{stem}_edges.h5", "edge_types_file": f"{network}{stem}_edge_types.csv"}
                for stem in edges
            ],
        },
        "neurograph": _own(circuit),
    }
    simulation = {
        "network": "./circuit_config.json",
        "run": {"tstop": 1000.0, "dt": circuit.dt},
        "inputs": {},
        "output": {"output_dir": "./output", "spikes_file": "spikes.h5", "spikes_sort_order": "by_time"},
    }
    (folder / "circuit_config.json").write_text(json.dumps(said, indent=1) + "\n")
    (folder / "simulation_config.json").write_text(json.dumps(simulation, indent=1) + "\n")


def _own(circuit: Circuit) -> dict[str, Any]:
    """Return what only we can read again."""
    stored = circuit.store.circuit["populations"]
    own: dict[str, Any] = {
        "dt": circuit.dt,
        "populations": [_word(entry["name"]) for entry in stored],
        "initial": {_word(entry["name"]): entry["initial"] for entry in stored if entry["initial"]},
        "drive_defaults": circuit.drive_defaults,
        "drives": [],
    }
    for drive in circuit.drives:
        for population in circuit.populations.values():
            start, stop = population.first, population.first + population.size
            low, high = max(start, drive.first), min(stop, drive.first + drive.size)
            if low < high and drive.source != _comes_with(population.model, circuit.dt):
                place = {"population": _word(population.name), "first": low - start, "size": high - low}
                own["drives"].append({**place, **drive.source.describe()})
    return own


def _comes_with(model: Model, dt: float) -> PoissonInput | None:
    """Return the drive that a population of this model is given anyway."""
    if not isinstance(model, PoissonSource):
        return None
    return PoissonInput(rate=model.event_rate(dt), weight=1.0, receptor="fire")
