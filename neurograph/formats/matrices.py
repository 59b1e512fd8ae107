"""How does a circuit become a sparse matrix, and a matrix a network?

Row = source, column = target, both by index; the value is the weight. Delays and receptors do not fit in one matrix:
ask for a second one of delays, and let signs choose receptors.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from scipy import sparse

from neurograph.circuit import Circuit
from neurograph.edges import ListedValues
from neurograph.formats.tables import Progress
from neurograph.models import LIFExp, Model
from neurograph.network import Network
from neurograph.rules import Edges
from neurograph_storage.errors import ArgumentError
from neurograph_storage.publish import appearing

_VALUES = ("weight", "delay")


def to_scipy(circuit: Circuit, values: str = "weight") -> sparse.coo_array:
    """Return all synapses as a matrix in memory.

    Parameters
    ----------
    values : {"weight", "delay"}
        In the receptor's unit, or in ms.

    Returns
    -------
    (neurons, neurons) sparse array of float64
        In coordinate form, which keeps several synapses of a pair apart; its ``tocsr()`` adds them up.
    """
    if values not in _VALUES:
        raise ArgumentError(f"values is {values!r}, allowed are {' and '.join(_VALUES)}")
    rows, columns = np.empty(circuit.synapses, np.int64), np.empty(circuit.synapses, np.int64)
    data, at = np.empty(circuit.synapses), 0
    for batch in circuit.edges():
        place = slice(at, at + len(batch))
        rows[place], columns[place], data[place] = batch.source_index, batch.target_index, getattr(batch, values)
        at += len(batch)
    return sparse.coo_array((data, (rows, columns)), shape=(circuit.neurons, circuit.neurons))


def from_scipy(
    weights: Any,
    *,
    delay: float | Any,
    model: Model | None = None,
    ids: NDArray[np.integer[Any]] | None = None,
    dt: float = 0.1,
) -> Network:
    """Return a network of one population, ``neurons``, from a matrix in memory; build it with `neurograph.build`.

    Parameters
    ----------
    weights : (neurons, neurons) sparse matrix or array
        Row = source; in the receptor's unit.
    delay : number or sparse matrix
        In ms; a matrix must have its values where ``weights`` has them.
    model : Model, optional
        `LIFExp` with its defaults.
    ids : (neurons,) integer, optional
        Original ids; by default the row numbers.
    """
    found = sparse.coo_array(weights)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ArgumentError(f"the matrix is {' x '.join(map(str, found.shape))}, it must be square")
    network = Network(dt=dt)
    network.recipe = {"name": "matrix"}
    cells = network.population("neurons", found.shape[0], model or LIFExp(), ids=ids)
    network.connect(
        cells,
        cells,
        Edges(np.asarray(found.row, np.int64), np.asarray(found.col, np.int64)),
        weight=ListedValues.of_array(np.asarray(found.data, np.float64)),
        delay=float(delay) if isinstance(delay, int | float | np.number) else _delays(found, delay),
    )
    return network


def _delays(weights: sparse.coo_array, delays: Any) -> NDArray[np.float64]:
    found = sparse.coo_array(delays)
    places = [(m.row.tolist(), m.col.tolist()) for m in (weights, found)]
    if found.shape != weights.shape or places[0] != places[1]:
        raise ArgumentError("the matrix of delays has its values at other places than the matrix of weights")
    return np.asarray(found.data, np.float64)


def write_matrix(circuit: Circuit, path: Path, progress: Progress) -> None:
    """Write the weights as SciPy's ``.npz`` in coordinate form: one pass over the circuit for each of its arrays."""
    members: list[tuple[str, Any, Callable[[Any], NDArray[Any]]]] = [
        ("row", np.dtype("<i8"), lambda batch: batch.source_index),
        ("col", np.dtype("<i8"), lambda batch: batch.target_index),
        ("data", np.dtype("<f8"), lambda batch: batch.weight),
    ]
    with appearing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, value in (("format", np.array(b"coo")), ("shape", np.array([circuit.neurons] * 2))):
            with archive.open(f"{name}.npy", "w") as file:
                npy.write_array(file, value, allow_pickle=False)
        with archive.open("_is_array.npy", "w") as file:
            npy.write_array(file, np.array(True), allow_pickle=False)
        for name, dtype, values in members:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                header = {"descr": dtype.str, "fortran_order": False, "shape": (circuit.synapses,)}
                npy.write_array_header_1_0(file, header)
                for batch in circuit.edges():
                    file.write(np.ascontiguousarray(values(batch), dtype).tobytes())
                    progress(len(batch), len(members) * circuit.synapses)
