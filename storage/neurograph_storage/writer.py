"""How do rows, given in order, become the arrays of a circuit?

`CircuitWriter` appends batches; each array goes to disk one full chunk at a time, with the checksums of its
granules, so memory is a few chunks whatever the circuit's size. Zarr writes the metadata that makes them arrays.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.layout import ATTRIBUTE, CHUNK_BYTES, FORMAT_VERSION, PARTITION_ROWS, ArraySpec, array_type
from neurograph_storage.rows import Rows
from neurograph_storage.summary import RowSummary


class _ArrayWriter:
    """Appends to one array, a full chunk file at a time; its length is known only at the end."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name, self._dtype = folder, name, array_type(name)
        self._pending: list[NDArray[Any]] = []
        self._pending_length = 0
        self._written = 0
        self._checksums: list[NDArray[np.uint32]] = []

    def append(self, data: NDArray[Any]) -> None:
        self._pending.append(data.astype(self._dtype, copy=False))
        self._pending_length += len(data)
        full = CHUNK_BYTES // self._dtype.itemsize
        if self._pending_length >= full:
            self._write_chunks(full, self._pending_length // full)

    def finish(self, root: zarr.Group) -> None:
        spec = ArraySpec(self._name, self._dtype, self._written + self._pending_length)
        if self._pending_length:
            self._write_chunks(spec.chunk_length, 1)
        _create(root, spec)
        sums = np.concatenate([*self._checksums, np.empty(0, np.uint32)])
        checksums = _create(root, ArraySpec(spec.checksum_name, np.dtype("<u4"), len(sums)))
        checksums[:] = sums

    def _write_chunks(self, length: int, count: int) -> None:
        data = np.concatenate(self._pending)
        chunks = self._folder / self._name / "c"
        chunks.mkdir(parents=True, exist_ok=True)
        for start in range(0, count * length, length):
            piece = data[start : start + length]
            self._checksums.append(granule_checksums(piece))
            padding = np.zeros(length - len(piece), self._dtype)
            (chunks / str(self._written // length)).write_bytes(piece.tobytes() + padding.tobytes())
            self._written += len(piece)
        self._pending = [data[count * length :]]
        self._pending_length = len(self._pending[0])


def _create(root: zarr.Group, spec: ArraySpec) -> zarr.Array[Any]:
    # A chunk that is all zero is written like any other: a missing file must always mean damage.
    return root.create_array(
        spec.name,
        shape=(spec.length,),
        chunks=(spec.chunk_length,),
        dtype=spec.dtype,
        compressors=None,
        filters=None,
        fill_value=0,
        config={"write_empty_chunks": True},
    )


class CircuitWriter:
    """Writes one circuit into a folder: the neuron table, then rows in storage order, then `finish`.

    Parameters
    ----------
    folder : Path
        Empty.
    neurons : mapping of str to (N,) arrays
        ``neurons/id``, ``neurons/storage``, ``neurons/population``, and ``initial/<state>`` where given.
    block_neurons : int
        Neurons in a target block.
    """

    def __init__(self, folder: Path, neurons: Mapping[str, NDArray[Any]], *, block_neurons: int) -> None:
        self._root = zarr.open_group(folder, mode="w", zarr_format=3)
        self._writers = {name: _ArrayWriter(folder, name) for name in (*neurons, "rows/start", "rows/words")}
        for name, values in neurons.items():
            self._writers[name].append(values)
        self._block_neurons = block_neurons
        self._words, self._summary = 0, RowSummary(len(neurons["neurons/id"]))
        self._writers["rows/start"].append(np.zeros(1, np.uint64))

    def append(self, rows: Rows) -> int:
        """Append the next rows in storage order; return how many synapses they hold."""
        self._writers["rows/start"].append((self._words + rows.starts[1:]).astype(np.uint64))
        self._writers["rows/words"].append(rows.words)
        self._words += len(rows.words)
        return self._summary.add(rows)

    def finish(self, circuit: Mapping[str, Any]) -> None:
        """Close all arrays and write the root attribute, with ``circuit`` as its opaque part."""
        for writer in self._writers.values():
            writer.finish(self._root)
        summary = self._summary
        self._root.attrs[ATTRIBUTE] = {
            "format_version": FORMAT_VERSION,
            "counts": {"neurons": len(summary.received), "synapses": summary.synapses, "words": self._words},
            "block_neurons": self._block_neurons,
            "partition_rows": PARTITION_ROWS,
            "delay_steps": list(summary.delays),
            "input_bound": summary.input_bound,
            "circuit": dict(circuit),
        }
