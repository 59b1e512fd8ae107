"""How are synapses and neurons written as tables?

Columns ``source``, ``target`` (original ids), ``weight`` (the receptor's unit), ``delay`` (ms) and ``receptor`` (its
name): what ``neurograph import --delay delay`` reads. A table appears complete or not at all; memory: that of a batch.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.listing import SynapseList
from neurograph_storage.publish import appearing

_EDGES = pa.schema(
    [
        ("source", pa.int64()),
        ("target", pa.int64()),
        ("weight", pa.float64()),
        ("delay", pa.float64()),
        ("receptor", pa.string()),
    ]
)
_NEURONS = pa.schema([("id", pa.int64()), ("population", pa.string()), ("model", pa.string())])

Progress = Callable[[int, int], object]


def write_edges(circuit: Circuit, path: Path, progress: Progress) -> None:
    """Write every synapse to ``.parquet``, ``.csv`` or ``.csv.gz``."""
    names = receptor_names(circuit)
    population = np.asarray(circuit.store.arrays["neurons/population"])
    with appearing(path) as partial, _table_writer(partial, path.name, _EDGES) as write:
        for batch in circuit.edges():
            write(_edge_columns(batch, names[population[batch.target_index], batch.receptor]))
            progress(len(batch), circuit.synapses)


def write_neurons(circuit: Circuit, path: Path) -> None:
    """Write the neuron table, which lists also neurons without synapses, to ``.parquet``, ``.csv`` or ``.csv.gz``."""
    with appearing(path) as partial, _table_writer(partial, path.name, _NEURONS) as write:
        for name, population in circuit.populations.items():
            if population.size:
                kinds = [name] * population.size, [type(population.model).__name__] * population.size
                write([pa.array(circuit.neuron_ids(name)), *map(pa.array, kinds)])


def receptor_names(circuit: Circuit) -> NDArray[Any]:
    """Return the name of each receptor, by population and number, (populations, receptors) object."""
    names = np.full((len(circuit.models), max(1, circuit.receptor_count)), "", object)
    for row, model in zip(names, circuit.models, strict=True):
        row[: len(model.receptors)] = [receptor.name for receptor in model.receptors]
    return names


@contextmanager
def _table_writer(path: Path, name: str, schema: Any) -> Iterator[Callable[[list[Any]], None]]:
    """Yield a function that appends columns to a table whose format ``name`` tells."""
    with ExitStack() as stack:
        if name.endswith(".parquet"):
            writer = stack.enter_context(pq.ParquetWriter(path, schema))
        else:
            file = pa.CompressedOutputStream(str(path), "gzip") if name.endswith(".gz") else pa.OSFile(str(path), "wb")
            writer = stack.enter_context(pa_csv.CSVWriter(stack.enter_context(file), schema))
        yield lambda columns: writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _edge_columns(batch: SynapseList, receptor: NDArray[Any]) -> list[Any]:
    numbers = (batch.source, batch.target, batch.weight, batch.delay)
    return [*map(pa.array, numbers), pa.array(receptor, pa.string())]
