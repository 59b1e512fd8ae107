"""In which files can events from outside be, by their ending?

| ending | what |
|---|---|
| `.csv`, `.csv.gz`, `.parquet` | a table of events (`neurograph.drive`) |
| `.h5` | a SONATA report: spikes of the circuit's virtual nodes, which are `SpikeSource`s |
| `.json` | a SONATA simulation: the reports that its ``inputs`` name |
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurograph import drive
from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents, joined, resolve
from neurograph.formats.sonata_config import SonataConfig, read_config
from neurograph.formats.sonata_spikes import indexed_spikes, read_report
from neurograph.ids import Ids
from neurograph.models import SpikeSource
from neurograph_storage.errors import DataError

_MODULES = ("h5", "sonata", "spikes")


def read_drive(path: str | os.PathLike[str], circuit: Circuit) -> OutsideEvents:
    """Return the events of a file: a table, a SONATA report (``.h5``), or a SONATA simulation (``.json``).

    Spikes of a report make neurons of `SpikeSource` fire; each fires at most once a step.

    Raises
    ------
    DataError
        If a column is missing or of the wrong kind, a neuron unknown, or a time negative.
    ArgumentError
        If there is no weight, neither in the file nor as the circuit's default.
    """
    if Path(path).suffix == ".h5":
        return joined(list(_fired(Path(path), circuit, None)))
    if Path(path).suffix == ".json":
        config = read_config(path)
        return joined([part for name, said in config.inputs.items() for part in _input(name, said, config, circuit)])
    return drive.read_drive(path, circuit)


def _input(name: str, said: Mapping[str, Any], config: SonataConfig, circuit: Circuit) -> Iterator[OutsideEvents]:
    if not said.get("enabled", True):
        return
    kind, module = said.get("input_type", "spikes"), said.get("module", "h5")
    if kind != "spikes" or module not in _MODULES:
        raise DataError(f"input {name} in {config.path} is {kind} by {module}; only spikes by h5 can be given")
    yield from _fired(Path(str(said.get("input_file"))), circuit, _population(said.get("node_set"), config))


def _population(node_set: Any, config: SonataConfig) -> str | None:
    """Return the population that a set of nodes is, by the sets' file or by its own name."""
    chosen = config.node_sets.get(node_set, node_set) if isinstance(node_set, str) else node_set
    named = chosen.get("population") if isinstance(chosen, dict) else chosen
    return named if isinstance(named, str) else None


def _fired(path: Path, circuit: Circuit, population: str | None) -> Iterator[OutsideEvents]:
    for times, index in indexed_spikes(read_report(path), circuit, population):
        steps = np.floor(times / circuit.dt + 0.5).astype(np.int64)
        _check_sources(index, circuit, path)
        yield resolve(circuit, steps, index, 1.0, "fire")


def _check_sources(index: Ids, circuit: Circuit, path: Path) -> None:
    for population in circuit.populations.values():
        inside = (index >= population.first) & (index < population.first + population.size)
        if inside.any() and not isinstance(population.model, SpikeSource):
            kind = type(population.model).__name__
            raise DataError(f"{path} has spikes of {population.name!r}, which is {kind} and finds its own; only "
                            "SpikeSource, virtual nodes, can be told when to spike")  # fmt: skip
