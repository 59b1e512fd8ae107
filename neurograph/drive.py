"""How are events from outside read from a file?

Columns: ``step`` or ``time_ms``, ``index`` (row of the neuron table) or ``neuron`` (original id), and, if wanted,
``receptor`` and ``weight``. An event at step k is part of the inputs of step k.
"""

import os

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents, resolve
from neurograph.tables import Table
from neurograph_storage.errors import DataError


def read_drive(path: str | os.PathLike[str], circuit: Circuit) -> OutsideEvents:
    """Return the events of a ``.csv``, ``.csv.gz`` or ``.parquet`` file.

    Raises
    ------
    DataError
        If a column is missing or of the wrong kind, a neuron unknown, or a time negative.
    ArgumentError
        If there is no weight, neither in the file nor as the circuit's default.
    """
    table = Table(path)
    index = _index(table, circuit)
    weight = table.numbers("weight") if "weight" in table.names else None
    receptor = table.texts("receptor") if "receptor" in table.names else None
    return resolve(circuit, _steps(table, circuit.dt), index, weight, receptor)


def _one_of(table: Table, first: str, second: str) -> str:
    present = [name for name in (first, second) if name in table.names]
    if len(present) != 1:
        found = "both" if present else "neither"
        raise DataError(
            f"{table.path} must have a column {first!r} or {second!r}; it has {found} ({', '.join(table.names)})"
        )
    return present[0]


def _steps(table: Table, dt: float) -> NDArray[np.int64]:
    if _one_of(table, "step", "time_ms") == "step":
        return table.integers("step")
    return np.floor(table.numbers("time_ms") / dt + 0.5).astype(np.int64)


def _index(table: Table, circuit: Circuit) -> NDArray[np.int64]:
    if _one_of(table, "index", "neuron") == "neuron":
        return circuit.index_of(table.integers("neuron"))
    index = table.integers("index")
    outside = (index < 0) | (index >= circuit.neurons)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise DataError(f"index {index[row]} in row {row} of {table.path} is outside 0 .. {circuit.neurons - 1}")
    return index
