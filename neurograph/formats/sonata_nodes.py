"""Which neurons are in a SONATA file of nodes?

    /nodes/<population>/node_type_id, node_id        one entry a node; without node_id, 0, 1, 2, ...
    /nodes/<population>/0/...                        values of each node, if its types do not say them

Nodes of one type become one population of ours, in the order of the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurograph.formats.sonata_config import read_json
from neurograph.formats.sonata_models import Node, node_of
from neurograph.formats.sonata_types import read_types
from neurograph.ids import Ids
from neurograph.models import SpikeSource
from neurograph_storage.errors import ArgumentError, DataError

ORIGINAL_ID, INITIAL = "original_id", "initial_"
_SIMULATED = ("point_neuron", "point_process")


@dataclass(frozen=True, eq=False)
class NodeType:
    """The nodes of one type: name within the population, model, ids in the file, and what else is said of each."""

    name: str
    node: Node
    ids: Ids
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NodePopulation:
    """A population of nodes."""

    name: str
    types: list[NodeType]


def read_nodes(entry: Mapping[str, Any], models_dir: str | None) -> list[NodePopulation]:
    """Return the populations of one entry of ``networks/nodes``.

    Raises
    ------
    ArgumentError, DataError
    """
    path = Path(str(entry.get("nodes_file")))
    if not path.is_file():
        raise ArgumentError(f"no file {path}")
    types_file = entry.get("node_types_file")
    types = read_types(types_file, "node_type_id") if isinstance(types_file, str) else {}
    try:
        with h5py.File(path, "r") as file:
            return [_population(group, name, types, models_dir, path) for name, group in file["nodes"].items()]
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, DataError | ArgumentError):
            raise
        raise DataError(f"{path} cannot be read as SONATA nodes, it may be damaged: {error}") from error


def _population(
    group: Any, name: str, types: Mapping[int, Mapping[str, str]], models_dir: str | None, path: Path
) -> NodePopulation:
    kinds = np.asarray(group["node_type_id"][:], np.int64)
    ids = np.asarray(group["node_id"][:], np.int64) if "node_id" in group else np.arange(len(kinds))
    if len(ids) != len(kinds) or len(np.unique(ids)) < len(ids):
        raise DataError(f"node_id of {name} in {path} must name each of the {len(kinds)} nodes, once")
    inner = group.get("0", {})
    if len(inner.get("dynamics_params", ())):
        parameter = min(inner["dynamics_params"])
        raise DataError(f"{name} in {path} has {parameter} of each node; parameters can differ by node type only")
    known = {key: inner[key][:] for key in inner if key == ORIGINAL_ID or key.startswith(INITIAL)}
    found, labels = [], _labels(types)
    for kind in dict.fromkeys(kinds.tolist()):
        if kind not in types:
            raise DataError(f"{name} in {path} has node type {kind}, which its table of types does not have")
        inside = kinds == kind
        node = _node(types[kind], models_dir, f"node type {kind} of {name}")
        found.append(NodeType(labels[kind], node, ids[inside], {key: v[inside] for key, v in known.items()}))
    return NodePopulation(name, found)


def _labels(types: Mapping[int, Mapping[str, str]]) -> dict[int, str]:
    """Return a name for each type: the one it has, if no other has it too."""
    names = {kind: said.get("pop_name") or said.get("model_name") or str(kind) for kind, said in types.items()}
    given = list(names.values())
    return {kind: name if given.count(name) == 1 else f"{name}_{kind}" for kind, name in names.items()}


def _node(said: Mapping[str, str], models_dir: str | None, where: str) -> Node:
    kind = said.get("model_type", "")
    if kind == "virtual":
        return Node(SpikeSource(), {})
    if kind not in _SIMULATED:
        raise DataError(f"{where} has model_type {kind!r}; {', '.join(_SIMULATED)} and virtual can be simulated")
    parameters = {}
    if "dynamics_params" in said:
        parameters = read_json(Path(models_dir or ".") / said["dynamics_params"])
    return node_of(said.get("model_template", "none"), parameters, where)
