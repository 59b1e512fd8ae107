"""What fired when, and how is it written down?

Spikes are kept as they come, by step and storage id; users see times in ms and original ids, sorted by (time, neuron).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.publish import appearing


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes, sorted by (time, neuron).

    Attributes
    ----------
    steps : (n,) int64
    neurons : (n,) int64
        Original ids.
    populations : (n,) int64
        Population number of each spike's neuron.
    dt : float
        Step, in ms.
    """

    steps: NDArray[np.int64]
    neurons: NDArray[np.int64]
    populations: NDArray[np.int64]
    dt: float

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def times(self) -> NDArray[np.float64]:
        """Times in ms, (n,) float64: step times dt."""
        return self.steps.astype(np.float64) * self.dt


@dataclass(frozen=True, eq=False)
class SpikePart:
    """Spikes of consecutive steps, as a worker gives them.

    Attributes
    ----------
    first_step : int
    counts : (steps,) int32
        How many each step has.
    storage : (spikes,) uint32
        Storage ids, step by step.
    """

    first_step: int
    counts: NDArray[np.int32]
    storage: NDArray[np.uint32]

    @property
    def steps(self) -> NDArray[np.int64]:
        """The step of each spike, (spikes,) int64."""
        return np.repeat(self.first_step + np.arange(len(self.counts)), self.counts)

    def since(self, step: int) -> "SpikePart":
        """Return the spikes from a step on, as a copy if that leaves any out."""
        skipped = min(max(step - self.first_step, 0), len(self.counts))
        if skipped == 0:
            return self
        counts = self.counts[skipped:].copy()
        return SpikePart(self.first_step + skipped, counts, self.storage[int(self.counts[:skipped].sum()) :].copy())

    def until(self, step: int) -> "SpikePart":
        """Return the spikes before a step."""
        counts = self.counts[: max(step - self.first_step, 0)]
        return SpikePart(self.first_step, counts, self.storage[: int(counts.sum())])


class SpikeRecorder:
    """Collects the spikes of a run."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._parts: list[SpikePart] = []
        self._collected: Spikes | None = None
        self.count = 0

    def take(self, parts: list[SpikePart]) -> None:
        """Add all spikes of some steps."""
        for part in parts:
            self.append(part)

    def append(self, part: SpikePart) -> None:
        """Add some spikes, of steps none of which is earlier than those of the spikes that were last looked at."""
        if len(part.storage):
            self._parts.append(part)
            self.count += len(part.storage)

    @property
    def spikes(self) -> Spikes:
        """All spikes so far; only those that are new since the last look are sorted."""
        if self._parts or self._collected is None:
            new = spikes_of_parts(self._circuit, self._parts)
            self._collected = new if self._collected is None else concatenated([self._collected, new])
            self._parts = []
        return self._collected


def concatenated(several: list[Spikes]) -> Spikes:
    """Return spikes, of which there are some, one behind the other."""
    steps, neurons, populations = (
        np.concatenate([getattr(spikes, name) for spikes in several]) for name in ("steps", "neurons", "populations")
    )
    return Spikes(steps, neurons, populations, several[0].dt)


def spikes_of_parts(circuit: Circuit, parts: list[SpikePart]) -> Spikes:
    """Return the spikes of several parts in the order that users see."""
    steps = np.concatenate([np.empty(0, np.int64), *(part.steps for part in parts)])
    storage = np.concatenate([np.empty(0, np.uint32), *(part.storage for part in parts)])
    return spikes_of(circuit, steps, circuit.index_of_storage[storage])


def spikes_of(circuit: Circuit, steps: NDArray[np.int64], index: NDArray[np.int64]) -> Spikes:
    """Return spikes given by step and index, (n,) each, in the order that users see."""
    neurons = circuit.ids[index]
    order = np.lexsort((neurons, steps))
    populations = circuit.store.arrays["neurons/population"][index[order]].astype(np.int64)
    return Spikes(steps[order], neurons[order], populations, circuit.dt)


def check_spike_path(path: str | os.PathLike[str], endings: tuple[str, ...] = (".parquet",)) -> None:
    """Refuse a spike file that cannot be written, before a long run rather than after it.

    Raises
    ------
    ArgumentError
        If its name has another ending, the folder does not exist, or the path is a folder.
    """
    final = Path(path)
    if not final.name.endswith(endings):
        raise ArgumentError(f"spikes cannot be written to {final}; allowed endings: {', '.join(endings)}")
    if not final.parent.is_dir() or final.is_dir():
        why = "it is a folder" if final.is_dir() else "there is no such folder"
        raise ArgumentError(f"cannot write spikes to {final}: {why}")


def spike_table(spikes: Spikes, circuit: Circuit) -> pa.Table:
    """Return what spike files hold: ``time_ms``, ``neuron`` and, if there is more than one, ``population``."""
    columns: dict[str, Any] = {"time_ms": spikes.times, "neuron": spikes.neurons}
    names = list(circuit.populations)
    if len(names) > 1:
        columns["population"] = pa.DictionaryArray.from_arrays(
            pa.array(spikes.populations, pa.int32()), pa.array(names)
        )
    return pa.table(columns).replace_schema_metadata({"dt_ms": repr(spikes.dt), "neurons": str(circuit.neurons)})


def write_spikes(path: str | os.PathLike[str], spikes: Spikes, circuit: Circuit) -> None:
    """Write spikes to Parquet: ``time_ms``, ``neuron`` and, if there is more than one, ``population``.

    The file appears complete or not at all.
    """
    with appearing(Path(path)) as new:
        pq.write_table(spike_table(spikes, circuit), new)


def read_parquet(path: str | os.PathLike[str]) -> pa.Table:
    """Return the table of a Parquet file, or of a folder of its parts.

    Raises
    ------
    DataError
        If it is not Parquet.
    """
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def read_spikes(
    path: str | os.PathLike[str],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any] | None]:
    """Return times (ms), original ids and population names (None if there is only one) of a spike file.

    Raises
    ------
    DataError
        If the file is not Parquet or lacks a column.
    """
    if not Path(path).is_file() and not (Path(path).is_dir() and Path(path).suffix == ".partial"):
        raise ArgumentError(f"no file {path}")
    table = read_parquet(path)
    missing = {"time_ms", "neuron"} - set(table.column_names)
    if missing:
        raise DataError(f"{path} has no column {', '.join(sorted(missing))}; a spike file has time_ms and neuron")
    populations = table["population"].to_numpy() if "population" in table.column_names else None
    return table["time_ms"].to_numpy(), table["neuron"].to_numpy(), populations
