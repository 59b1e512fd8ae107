"""In which files can spikes be, by their ending?

| ending | what |
|---|---|
| `.parquet` | `time_ms`, `neuron`, `population`: quickest, keeps original ids (`neurograph.record`) |
| `.csv`, `.csv.gz` | the same columns as text |
| `.h5` | a SONATA report |
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from neurograph import record
from neurograph.circuit import Circuit
from neurograph.formats.sonata_spikes import indexed_spikes, read_report, write_report
from neurograph.record import Spikes, spikes_of
from neurograph.tables import Table
from neurograph_storage.errors import DataError
from neurograph_storage.publish import appearing

ENDINGS = (".parquet", ".csv", ".csv.gz", ".h5")


def write_spikes(path: str | os.PathLike[str], spikes: Spikes, circuit: Circuit) -> None:
    """Write spikes in the form that the ending of the path tells; the file appears complete or not at all."""
    record.check_spike_path(path, ENDINGS)
    if Path(path).suffix == ".parquet":
        record.write_spikes(path, spikes, circuit)
    elif Path(path).suffix == ".h5":
        write_report(path, spikes, circuit)
    else:
        _write_text(Path(path), spikes, circuit)


def _write_text(path: Path, spikes: Spikes, circuit: Circuit) -> None:
    columns: dict[str, Any] = {"time_ms": spikes.times, "neuron": spikes.neurons}
    names = list(circuit.populations)
    if len(names) > 1:
        columns["population"] = pa.array(np.array(names, object)[spikes.populations], pa.string())
    with appearing(path) as partial:
        file = (
            pa.CompressedOutputStream(str(partial), "gzip") if path.suffix == ".gz" else pa.OSFile(str(partial), "wb")
        )
        with file:
            pa_csv.write_csv(pa.table(columns), file)


def read_spikes(
    path: str | os.PathLike[str], circuit: Circuit | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any] | None]:
    """Return times (ms), neurons and population names (None if there is only one) of a spike file.

    Parameters
    ----------
    circuit : Circuit, optional
        Needed to turn the node ids of a SONATA report into original ids and its populations into ours.

    Raises
    ------
    ArgumentError, DataError
    """
    if Path(path).suffix == ".h5":
        return _report(path) if circuit is None else _columns(load_spikes(path, circuit), circuit)
    # Parts that a run has closed are a folder.
    if Path(path).suffix == ".parquet" or Path(path).is_dir():
        return record.read_spikes(path)
    table = Table(path)
    names = table.texts("population") if "population" in table.names else None
    return table.numbers("time_ms").astype(np.float64), table.integers("neuron"), names


def load_spikes(path: str | os.PathLike[str], circuit: Circuit) -> Spikes:
    """Return the spikes of a circuit that a file holds, as a run gives them."""
    if Path(path).suffix == ".h5":
        found = list(indexed_spikes(read_report(path), circuit))
        times = np.concatenate([np.empty(0), *(each[0] for each in found)])
        index = np.concatenate([np.empty(0, np.int64), *(each[1] for each in found)])
    else:
        times, neurons, _ = read_spikes(path)
        index = circuit.index_of(neurons)
    if len(times) and times.min() < 0:
        raise DataError(f"{path} has a spike at {times.min()} ms; spikes are from 0 ms on")
    return spikes_of(circuit, np.floor(times / circuit.dt + 0.5).astype(np.int64), index)


def _columns(spikes: Spikes, circuit: Circuit) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any] | None]:
    names = list(circuit.populations)
    return spikes.times, spikes.neurons, np.array(names, object)[spikes.populations] if len(names) > 1 else None


def _report(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any] | None]:
    """Return a report as it stands: node ids, and the names of SONATA populations."""
    reports = read_report(path)
    times = np.concatenate([np.empty(0), *(report.times for report in reports)])
    nodes = np.concatenate([np.empty(0, np.int64), *(report.node_ids for report in reports)])
    names = np.concatenate([np.empty(0, object), *(np.full(len(r.times), r.population, object) for r in reports)])
    order = np.lexsort((nodes, times))
    return times[order], nodes[order], names[order] if len(reports) > 1 else None
