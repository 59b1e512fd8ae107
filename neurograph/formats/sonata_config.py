"""What does a SONATA configuration say, its paths resolved?

A circuit file has ``networks`` and ``components``; a simulation file has ``run``, ``inputs``, ``output`` and names the
circuit file in ``network``. Either may hold all of it. ``manifest`` defines variables, ``$NAME`` or ``${NAME}``, which
may use each other and the two that are always there, ``$configdir`` and ``$workingdir``. Paths are relative to the
file.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurograph_storage.errors import ArgumentError, DataError

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
# Other configurations that one may name.
_PATHS = ("simulation", "network", "circuit")


@dataclass(frozen=True)
class SonataConfig:
    """A configuration with its variables replaced and its paths absolute.

    Attributes
    ----------
    path : Path
        The file that was opened.
    nodes, edges : list of mappings
        ``nodes_file``, ``node_types_file`` and ``edges_file``, ``edge_types_file``, of what is enabled.
    components, run, inputs, output, conditions : mappings
    own : mapping
        What NeuroGraph wrote for itself.
    node_sets : mapping
        Populations and ids by name.
    """

    path: Path
    nodes: list[Mapping[str, Any]]
    edges: list[Mapping[str, Any]]
    components: Mapping[str, Any]
    run: Mapping[str, Any]
    inputs: Mapping[str, Any]
    output: Mapping[str, Any]
    conditions: Mapping[str, Any]
    own: Mapping[str, Any]
    node_sets: Mapping[str, Any]


def read_config(path: str | os.PathLike[str]) -> SonataConfig:
    """Return a configuration, joined with the circuit file that it names.

    Raises
    ------
    ArgumentError
        If the file does not exist.
    DataError
        If it is not JSON, or a variable is not defined.
    """
    first = Path(path)
    said = resolved(first)
    for key in _PATHS:
        if isinstance(said.get(key), str):
            said = {**resolved(Path(said.pop(key))), **said}
    networks = said.get("networks", {})
    if not (isinstance(networks, dict) and all(isinstance(networks.get(k, []), list) for k in ("nodes", "edges"))):
        raise DataError(f"networks in {first} must hold lists of nodes and edges")
    sets = said.get("node_sets_file")
    return SonataConfig(
        path=first,
        nodes=[entry for entry in networks.get("nodes", []) if entry.get("enabled", True)],
        edges=[entry for entry in networks.get("edges", []) if entry.get("enabled", True)],
        node_sets=read_json(Path(sets)) if isinstance(sets, str) and Path(sets).is_file() else {},
        own=said.get("neurograph", {}),
        **{key: _section(said, key, first) for key in ("components", "run", "inputs", "output", "conditions")},
    )


def _section(said: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    section = said.get(key, {})
    if not isinstance(section, dict):
        raise DataError(f"{key} in {path} must be an object, it is {section!r}")
    return section


def resolved(path: Path) -> dict[str, Any]:
    """Return a JSON object with the variables of its manifest replaced and its paths absolute."""
    said = read_json(path)
    folder = path.absolute().parent
    manifest = said.pop("manifest", {})
    variables = {"configdir": str(folder), "workingdir": str(Path.cwd())}
    variables |= {name.lstrip("$").strip("{}"): str(value) for name, value in manifest.items()}
    replaced: dict[str, Any] = _replace(said, variables, folder, path)
    return replaced


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises
    ------
    ArgumentError, DataError
    """
    if not path.is_file():
        raise ArgumentError(f"no file {path}")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise DataError(f"{path} must hold a JSON object")
    return said


def _replace(value: Any, variables: Mapping[str, str], folder: Path, path: Path, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _replace(part, variables, folder, path, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_replace(part, variables, folder, path, key) for part in value]
    if not isinstance(value, str):
        return value
    text = _expanded(value, variables, path)
    is_path = key in _PATHS or key.endswith(("_file", "_dir")) or text != value
    return str(Path(os.path.normpath(folder / text))) if is_path and text else text


def _expanded(text: str, variables: Mapping[str, str], path: Path) -> str:
    """Return text with its variables replaced, those in their values too."""
    for _ in range(len(variables) + 1):
        if not (found := _VARIABLE.search(text)):
            return text
        name = found[1] or found[2]
        if name not in variables:
            raise DataError(f"{path} uses ${name}, which its manifest does not define")
        text = text[: found.start()] + variables[name] + text[found.end() :]
    raise DataError(f"a variable in the manifest of {path} is defined by itself: {text}")
