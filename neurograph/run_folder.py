"""What is left of a run, to be looked at later?

A folder with ``spikes.parquet``, ``rates.parquet``, ``series.parquet``, ``residency.parquet``, a ``trace-N.parquet`` of
each trace, and ``statistics.json``: how the run ended, its figures, on which machine, by which command, from which
circuit and seed. It is written last, so a folder that has it is complete. See docs/data-model.md for the columns.
"""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neurograph.bench.figures import machine
from neurograph.identity import identity
from neurograph.simulation import Simulation
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.publish import appearing

SPIKES, RATES, SERIES, STATISTICS = "spikes.parquet", "rates.parquet", "series.parquet", "statistics.json"
RESIDENCY = "residency.parquet"


def prepare_folder(path: str | os.PathLike[str], *, goes_on: bool) -> Path:
    """Make the folder of a run; return it.

    Parameters
    ----------
    goes_on : bool
        Whether a run is taken up, whose folder may be there and complete.

    Raises
    ------
    ArgumentError
        If it cannot be made, or holds another run.
    """
    folder = Path(path)
    if (folder / STATISTICS).exists() and not goes_on:
        raise ArgumentError(f"{folder} holds a run, which is never overwritten; choose another path or remove it first")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"cannot make the folder {folder}: {error.strerror}") from error
    return folder


def write_run(folder: Path, sim: Simulation, *, ended: str = "complete", command: str = "") -> None:
    """Write all but the spikes to the folder of a run; those have been written as they came.

    Parameters
    ----------
    folder : Path
        Must exist.
    ended : str
        ``"complete"``, or why it ended before.
    command : str
        What began it.
    """
    _write(folder / RATES, sim.rates.table())
    _write(folder / SERIES, sim.series.table())
    _write(folder / RESIDENCY, sim.residency.table())
    for number, trace in enumerate(sim.traces):
        _write(folder / f"trace-{number}.parquet", trace.table())
    said = describe_run(sim, ended=ended, command=command)
    with appearing(folder / STATISTICS) as new:
        new.write_text(json.dumps(said, indent=1) + "\n")


def describe_run(sim: Simulation, *, ended: str, command: str) -> dict[str, Any]:
    """Return what ``statistics.json`` says of a run."""
    return {
        "ended": ended,
        "command": command,
        "circuit": {"path": str(sim.circuit.path), "populations": _sizes(sim), **identity(sim.circuit)},
        "seed": sim.seed,
        "figures": sim.statistics.as_dict(),
        "machine": machine(),
    }


def read_statistics(folder: Path) -> dict[str, Any]:
    """Return what ``statistics.json`` of a run's folder says.

    Raises
    ------
    ArgumentError
        If the folder holds no run.
    DataError
        If the file is damaged.
    """
    path = folder / STATISTICS
    if not path.is_file():
        raise ArgumentError(f"{folder} holds no run; give a folder that neurograph run --save wrote")
    try:
        said: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from error
    return said


def _sizes(sim: Simulation) -> dict[str, int]:
    return {population.name: population.size for population in sim.circuit.populations.values()}


def _write(path: Path, table: pa.Table) -> None:
    with appearing(path) as new:
        pq.write_table(table, new)
