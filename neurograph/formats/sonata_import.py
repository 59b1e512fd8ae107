"""How does a SONATA network become a circuit?

1. Read the configuration, the tables of types and the nodes: each type of nodes is one of our populations.
2. Of each population of edges, see which models its targets have; connect it in one piece, or, if there are several
   models or receptors, in one for each.
3. Build. Virtual nodes are `SpikeSource`s, which fire when `run --drive` says so: from the configuration's own spikes.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurograph.builder import ROUNDED, Progress, build, check_options
from neurograph.circuit import Circuit
from neurograph.distributions import restore
from neurograph.edge_files import EdgeFile
from neurograph.edge_sonata import SonataEdges
from neurograph.formats.sonata_chosen import ChosenEdges
from neurograph.formats.sonata_config import SonataConfig, read_config, read_json
from neurograph.formats.sonata_nodes import INITIAL, ORIGINAL_ID, NodePopulation, read_nodes
from neurograph.formats.sonata_types import read_types
from neurograph.ids import Ids
from neurograph.importing import FileEdges
from neurograph.inputs import restore as restore_input
from neurograph.network import Network, Population
from neurograph.spill import MEMORY
from neurograph.survey import survey_edges
from neurograph_storage.codec import RAW
from neurograph_storage.errors import ArgumentError, DataError

_PLAIN_SYNAPSES = ("static_synapse", "nest:static_synapse", "neurograph:synapse")
# Weight functions that give the weight of the type or of the synapse as it stands.
_PLAIN_WEIGHTS = ("wmax", "uniform")


def import_sonata(
    config: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    dt: float | None = None,
    multapses: str = "keep",
    weights: str = ROUNDED,
    codec: str = RAW,
    memory: str | int = MEMORY,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Circuit:
    """Import a SONATA network and open the circuit.

    Original ids are the node ids of the first population of nodes; those of the next ones are counted on behind it.

    Parameters
    ----------
    config : path
        Circuit or simulation configuration, ``.json``; the simulation's spikes are read by `read_drive`.
    out : path
        As for `neurograph.import_edges`, as are the other options.
    dt : float, optional
        Step in ms; by default that of the configuration, else 0.1.

    Raises
    ------
    ArgumentError, DataError, CircuitExistsError
    """
    check_options(Path(out).absolute(), codec, multapses, memory, weights)
    network = sonata_network(read_config(config), dt)
    return build(
        out, network, multapses=multapses, weights=weights, codec=codec, memory=memory, jobs=jobs, progress=progress
    )


@dataclass(frozen=True, eq=False)
class _Placed:
    """A population of nodes in the network: ours, and their node ids in our order."""

    populations: list[Population]
    ids: Ids


def sonata_network(config: SonataConfig, dt: float | None = None) -> Network:
    """Return the network that a configuration describes."""
    if not config.nodes:
        raise DataError(f"{config.path} names no nodes: networks / nodes is empty")
    network = Network(dt=float(dt or config.run.get("dt") or config.own.get("dt") or 0.1))
    models_dir = config.components.get("point_neuron_models_dir")
    found = [population for entry in config.nodes for population in read_nodes(entry, models_dir)]
    placed = _place(network, found, config)
    for entry in config.edges:
        _connect(network, placed, entry, config)
    for drive in config.own.get("drives", ()):
        said = {key: value for key, value in drive.items() if key not in ("population", "first", "size")}
        part = slice(drive["first"], drive["first"] + drive["size"])
        network.drive(_named(network, drive["population"], config)[part], restore_input(said))
    network.drive_defaults = config.own.get("drive_defaults", {})
    return network


def _place(network: Network, found: Sequence[NodePopulation], config: SonataConfig) -> dict[str, _Placed]:
    """Add the nodes to the network."""
    names = [population.name for population in found]
    if len(set(names)) < len(names):
        raise DataError(f"{config.path} names the nodes of {max(names, key=names.count)} more than once")
    own_ids = all(ORIGINAL_ID in kind.values for population in found for kind in population.types)
    placed: dict[str, _Placed] = {}
    recipe, base = [], 0
    for population in found:
        first, members = network.size, []
        for kind in population.types:
            name = _population_name(population, kind.name, config)
            said = config.own.get("initial", {}).get(name, {})
            initial: dict[str, Any] = {**kind.node.initial, **{state: restore(v) for state, v in said.items()}}
            arrays = {k.removeprefix(INITIAL): v for k, v in kind.values.items() if k.startswith(INITIAL)}
            initial |= {state: values for state, values in arrays.items() if not np.isnan(values).all()}
            initial = {s: v for s, v in initial.items() if s in kind.node.model.states}
            ids = kind.values[ORIGINAL_ID] if own_ids else base + kind.ids
            members.append(network.population(name, len(kind.ids), kind.node.model, initial=initial, ids=ids))
        ids = np.concatenate([np.empty(0, np.int64), *(kind.ids for kind in population.types)])
        placed[population.name] = _Placed(members, ids)
        entry = {"name": population.name, "first": first, "size": len(ids)}
        recipe.append(entry if own_ids else entry | {"first_id": base})
        base += int(ids.max(initial=-1)) + 1
    network.recipe = {"name": "sonata", "config": config.path.name, "populations": recipe}
    return placed


def _population_name(population: NodePopulation, kind: str, config: SonataConfig) -> str:
    if "populations" in config.own or (len(population.types) == 1 and kind.isdigit()):
        return kind if "populations" in config.own else population.name
    return f"{population.name}/{kind}"


def _named(network: Network, name: str, config: SonataConfig) -> Population:
    for setup in network.setups:
        if setup.population.name == name:
            return setup.population
    raise DataError(f"{config.path} has a drive onto {name!r}, which is none of its populations")


def _connect(network: Network, placed: Mapping[str, _Placed], entry: Mapping[str, Any], config: SonataConfig) -> None:
    path = Path(str(entry.get("edges_file")))
    if not path.is_file():
        raise ArgumentError(f"no file {path}")
    types_file = entry.get("edge_types_file")
    types = read_types(types_file, "edge_type_id") if isinstance(types_file, str) else {}
    factors, receptors = _type_rules(types, config.components.get("synaptic_models_dir"))
    for name in _edge_populations(path):
        file = SonataEdges(path, name, Path(types_file) if types_file else None, within=False, factors=factors)
        missing = [end for end in file.ends if end not in placed]
        if missing:
            raise DataError(f"edges {name} in {path} name the nodes {missing[0]!r}, which {config.path} does not have")
        source, target = (placed[end] for end in file.ends)
        for members, chosen, receptor in _parts(file, target, receptors):
            _connect_part(network, source, target, members, chosen, receptor)


def _parts(
    file: SonataEdges, target: _Placed, receptors: Mapping[int, str | None]
) -> Iterator[tuple[list[Population], EdgeFile, str | None]]:
    """Yield which targets, which edges onto them, and onto which receptor; usually that is all at once."""
    classes = _by_class(target.populations)
    names = set(receptors.values()) or {None}
    if len(classes) == 1 and len(names) == 1:
        yield classes[0], file, names.pop()
        return
    ids = dict(zip([p.name for p in target.populations], _split(target), strict=True))
    for members in classes:
        wanted = np.sort(np.concatenate([ids[member.name] for member in members]))
        for receptor in sorted(names, key=str):
            kinds = None if len(names) == 1 else np.array([k for k, r in receptors.items() if r == receptor])
            yield members, ChosenEdges(file, wanted, kinds), receptor


def _by_class(populations: list[Population]) -> list[list[Population]]:
    """Return consecutive populations whose models are of one class, together."""
    groups: list[list[Population]] = []
    for population in populations:
        if groups and type(groups[-1][0].model) is type(population.model):
            groups[-1].append(population)
        else:
            groups.append([population])
    return groups


def _split(placed: _Placed) -> list[Ids]:
    return np.split(placed.ids, np.cumsum([population.size for population in placed.populations])[:-1])


def _connect_part(
    network: Network,
    source: _Placed,
    target: _Placed,
    members: list[Population],
    file: EdgeFile,
    receptor: str | None,
) -> None:
    survey = survey_edges(file, 1.0, find_ids=False)
    if survey.count == 0 or not source.populations:
        return
    if survey.delay is None:
        raise DataError(f"{file.path} has no delay, neither of each synapse nor by edge type")
    low = members[0].first - target.populations[0].first
    targets = target.ids[low : low + sum(member.size for member in members)]
    network.connect(
        network.span(source.populations[0], source.populations[-1]),
        network.span(members[0], members[-1]),
        FileEdges(file, survey.count, source.ids, targets, 1.0),
        weight=survey.weight,
        delay=survey.delay,
        receptor=receptor,
    )


def _edge_populations(path: Path) -> list[str]:
    try:
        with h5py.File(path, "r") as file:
            return [name for name, group in file["edges"].items() if isinstance(group, h5py.Group)]
    except (OSError, KeyError, RuntimeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read as SONATA edges, it may be damaged: {error}") from error


def _type_rules(
    types: Mapping[int, Mapping[str, str]], folder: str | None
) -> tuple[dict[int, float], dict[int, str | None]]:
    """Return what weights are multiplied with, and the receptor, by edge type.

    Raises
    ------
    DataError
        If a type is a synapse that we do not have.
    """
    factors: dict[int, float] = {}
    receptors: dict[int, str | None] = {}
    for kind, said in types.items():
        template = said.get("model_template", _PLAIN_SYNAPSES[0])
        if template not in _PLAIN_SYNAPSES:
            raise DataError(f"edge type {kind} is a {template}, which we do not have; there is only static_synapse")
        function = said.get("weight_function", _PLAIN_WEIGHTS[0])
        if function not in _PLAIN_WEIGHTS:
            raise DataError(f"edge type {kind} has the weight function {function}, which we do not have; there is wmax")
        path = None if "dynamics_params" not in said else Path(folder or ".") / said["dynamics_params"]
        parameters = {} if path is None else read_json(path)
        if float(parameters.get("sign", 1)) != 1:
            factors[kind] = float(parameters["sign"])
        receptors[kind] = said.get("receptor")
    return factors, receptors
