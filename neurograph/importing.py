"""How does a user's list of edges become a circuit?

1. Read sources, targets, weights and delays (`neurograph.tables`, or a SciPy sparse matrix).
2. Find each neuron's place: in the neuron table, by the preset's index columns, or in order of id.
3. Describe it as a `Network` of one population and build that, like any other.

Edges that repeat a pair stay separate synapses (multapses).
"""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurograph.builder import Progress, build
from neurograph.choices import find
from neurograph.circuit import Circuit
from neurograph.ids import Ids, find_ids
from neurograph.models import LIFExp, Model
from neurograph.network import Network
from neurograph.presets import PRESETS, Preset
from neurograph.rules import Edges
from neurograph.tables import SUFFIXES, Table
from neurograph_storage.errors import ArgumentError, DataError


@dataclass(frozen=True, kw_only=True)
class EdgeColumns:
    """Which columns of the edge table mean what.

    Attributes
    ----------
    source, target, weight : str
    delay : str or None
        Column of delays in ms; None if all have one delay.
    """

    source: str = "source"
    target: str = "target"
    weight: str = "weight"
    delay: str | None = None


@dataclass(frozen=True, eq=False)
class _EdgeList:
    """Edges as read: original ids, weights as in the file, delays in ms; known indices where the file gives them."""

    source: Ids
    target: Ids
    weight: NDArray[Any]
    delay: NDArray[Any] | None
    ids: Ids | None = None


def edge_columns(preset: str | None = None, **given: str | None) -> EdgeColumns:
    """Return the columns given, the others as the preset or the defaults say; keywords as in `EdgeColumns`."""
    known = find("preset", preset, PRESETS) if preset else None
    names = {"source": known.source, "target": known.target, "weight": known.weight} if known else {}
    return EdgeColumns(**names | {key: name for key, name in given.items() if name is not None})


def import_edges(
    edges: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    columns: EdgeColumns | None = None,
    delay_ms: float | None = None,
    neurons: str | os.PathLike[str] | None = None,
    id_column: str | None = None,
    preset: str | None = None,
    model: Model | None = None,
    weight_unit: float | None = None,
    dt: float | None = None,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Circuit:
    """Import a list of edges and open the circuit.

    Parameters
    ----------
    edges : path
        ``.parquet``, ``.csv``, ``.csv.gz``, or ``.npz`` (SciPy sparse: row = source, column = target).
    out : path
        Must not exist; appears only when complete.
    columns : EdgeColumns, optional
        By default those of the preset, or ``source``, ``target``, ``weight``.
    delay_ms : float, optional
        One delay for all synapses, if there is no column of them.
    neurons : path, optional
        Table that lists every neuron; its order is the order of indices. By default the neurons that edges name.
    id_column : str, optional
        Column of original ids in the neuron table; by default ``id``, else the first.
    preset : str, optional
        A published model, see `neurograph.presets`.
    model : Model, optional
        `LIFExp` with its defaults, unless a preset says otherwise.
    weight_unit : float, optional
        What 1 in the weight column means, in the receptor's unit (1 by default); whole numbers are stored exactly.
    dt : float, optional
        Step in ms, 0.1 by default.

    Raises
    ------
    ArgumentError, DataError, CircuitExistsError
    """
    known = find("preset", preset, PRESETS) if preset else None
    chosen = columns or edge_columns(preset)
    delay = known.delay if known and delay_ms is None and chosen.delay is None else delay_ms
    if (delay is None) == (chosen.delay is None):
        raise ArgumentError("give either one delay for all synapses (--delay-ms) or a column of delays (--delay)")
    listed = _read(Path(edges), chosen, known if neurons is None else None)
    ids = _neuron_ids(listed, neurons, id_column)
    unit = weight_unit if weight_unit is not None else known.weight_unit if known else 1.0
    if not (np.isfinite(unit) and unit > 0):
        raise ArgumentError(f"weight unit is {unit}, it must be positive")
    network = Network(dt=dt if dt is not None else known.dt if known else 0.1)
    network.recipe = {"name": "import", "edges": Path(edges).name, "preset": preset}
    network.drive_defaults = known.drive_defaults if known else {}
    population = network.population("neurons", len(ids), model or (known.model if known else LIFExp()), ids=ids)
    rule = Edges(_positions(listed.source, ids, "source"), _positions(listed.target, ids, "target"))
    delays = listed.delay.astype(np.float64) if listed.delay is not None else delay
    assert delays is not None
    network.connect(population, population, rule, weight=listed.weight * unit, delay=delays)
    exact = unit if np.issubdtype(listed.weight.dtype, np.integer) else None
    return build(out, network, weight_unit=exact, jobs=jobs, progress=progress)


def _read(path: Path, columns: EdgeColumns, preset: Preset | None) -> _EdgeList:
    if path.suffix == ".npz":
        if columns != EdgeColumns():
            raise ArgumentError(f"{path} is a matrix and has no columns to name; its delay is given by --delay-ms")
        return _read_matrix(path)
    if not path.name.endswith(SUFFIXES):
        raise ArgumentError(
            f"{path} is not an edge list that can be read; allowed endings: {', '.join((*SUFFIXES, '.npz'))}"
        )
    table = Table(path)
    source, target = table.integers(columns.source), table.integers(columns.target)
    delay = None if columns.delay is None else table.numbers(columns.delay)
    ids = None
    if preset is not None and {preset.source_index, preset.target_index} <= set(table.names):
        ids = _ids_by_index(table, preset, source, target)
    return _EdgeList(source, target, table.numbers(columns.weight), delay, ids)


def _read_matrix(path: Path) -> _EdgeList:
    if not path.is_file():
        raise ArgumentError(f"no file {path}")
    try:
        with path.open("rb") as file:
            matrix = sparse.coo_array(sparse.load_npz(file))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a sparse matrix that SciPy saved: {error}") from error
    if matrix.shape[0] != matrix.shape[1]:
        raise DataError(f"the matrix in {path} is {matrix.shape[0]} x {matrix.shape[1]}, it must be square")
    if not (np.isrealobj(matrix.data) and np.isfinite(matrix.data).all()):
        raise DataError(f"the matrix in {path} holds a value that is not a finite number")
    source, target = (axis.astype(np.int64) for axis in matrix.coords)
    return _EdgeList(source, target, matrix.data, None, np.arange(matrix.shape[0]))


def _ids_by_index(table: Table, preset: Preset, source: Ids, target: Ids) -> Ids | None:
    """Return original ids in the order that the file's index columns give, or None if there are no edges.

    Raises
    ------
    DataError
        If some index is never named.
    """
    indices = np.concatenate([table.integers(preset.source_index), table.integers(preset.target_index)])
    named = np.unique(indices)
    if len(named) == 0:
        return None
    if named[0] < 0 or len(named) <= named[-1]:
        gap = named[0] if named[0] < 0 else int(np.flatnonzero(named != np.arange(len(named)))[0])
        raise DataError(
            f"no edge of {table.path} names index {gap}, so its neuron is unknown; give a table with --neurons"
        )
    ids = np.empty(named[-1] + 1, np.int64)
    ids[indices] = np.concatenate([source, target])
    return ids


def _neuron_ids(listed: _EdgeList, neurons: str | os.PathLike[str] | None, id_column: str | None) -> Ids:
    if neurons is None:
        return np.unique(np.concatenate([listed.source, listed.target])) if listed.ids is None else listed.ids
    table = Table(neurons)
    return table.integers(id_column or ("id" if "id" in table.names else table.names[0]))


def _positions(wanted: Ids, ids: Ids, what: str) -> Ids:
    """Return the index of each original id."""
    index, unknown = find_ids(wanted, ids, np.argsort(ids))
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise DataError(f"{what} id {wanted[row]} in row {row} of the edges is not in the neuron table")
    return index
