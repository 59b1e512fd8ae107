"""How do rows, given in order, become the arrays of a circuit?

`CircuitWriter` appends batches; each array goes to disk one full chunk at a time, with the checksums of its
granules, so memory is a few chunks whatever the circuit's size. Zarr writes the files; we only feed it whole chunks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.jit import kernel
from neurograph_storage.layout import (
    ATTRIBUTE,
    FORMAT_VERSION,
    PARTITION_ROWS,
    ArraySpec,
    Counts,
    array_specs,
)
from neurograph_storage.rows import Rows


class _ArrayWriter:
    """Appends to one Zarr array in whole chunks; its length may be known only at the end."""

    def __init__(self, root: zarr.Group, spec: ArraySpec) -> None:
        self._spec = spec
        self._array = _create(root, spec)
        self._pending: list[NDArray[Any]] = []
        self._pending_length = 0
        self._written = 0
        self._checksums: list[NDArray[np.uint32]] = []

    def append(self, data: NDArray[Any]) -> None:
        self._pending.append(data)
        self._pending_length += len(data)
        if self._pending_length >= self._spec.chunk_length:
            self._write(self._pending_length // self._spec.chunk_length * self._spec.chunk_length)

    def finish(self, root: zarr.Group) -> None:
        self._write(self._pending_length)
        if self._written != self._array.shape[0]:
            self._array.resize((self._written,))
        sums = np.concatenate([*self._checksums, np.empty(0, np.uint32)])
        checksums = _create(root, ArraySpec(self._spec.checksum_name, np.dtype("<u4"), len(sums)))
        checksums[:] = sums

    def _write(self, length: int) -> None:
        if length == 0:
            return
        data = np.concatenate(self._pending).astype(self._spec.dtype, copy=False)
        self._array[self._written : self._written + length] = data[:length]
        self._checksums.append(granule_checksums(data[:length]))
        self._written += length
        self._pending = [data[length:]]
        self._pending_length -= length


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


@kernel
def _add_absolute(sums: NDArray[np.int64], target: NDArray[np.uint32], code: NDArray[np.int16]) -> None:
    for k in range(len(target)):
        sums[target[k]] += abs(np.int64(code[k]))


class CircuitWriter:
    """Writes one circuit into a folder: the neuron table, then rows in storage order, then `finish`.

    Parameters
    ----------
    folder : Path
        Empty or missing.
    neurons : mapping of str to (N,) arrays
        ``id``, ``storage``, ``population``, and ``initial/<state>`` where given neuron by neuron.
    synapses : int
        Total that will be appended.
    max_groups : int
        No fewer than the delay groups that will be appended; sizes the chunks of small circuits.
    """

    def __init__(self, folder: Path, neurons: Mapping[str, NDArray[Any]], *, synapses: int, max_groups: int) -> None:
        self._root = zarr.open_group(folder, mode="w", zarr_format=3)
        count = len(neurons["id"])
        initial = tuple(sorted(name.removeprefix("initial/") for name in neurons if name.startswith("initial/")))
        specs = array_specs(Counts(count, synapses, max_groups), initial)
        self._writers = {name: _ArrayWriter(self._root, spec) for name, spec in specs.items()}
        for name, values in neurons.items():
            self._writers[name if "/" in name else f"neurons/{name}"].append(values)
        self._neurons, self._synapses, self._groups = count, 0, 0
        self._received = np.zeros(count, np.int64)
        self._delays = (2**63, 0)
        self._writers["rows/group"].append(np.zeros(1, np.uint64))
        self._writers["groups/synapse"].append(np.zeros(1, np.uint64))

    def append(self, rows: Rows) -> None:
        """Append the next rows in storage order."""
        write = self._writers
        write["rows/group"].append((self._groups + np.cumsum(rows.group_counts)).astype(np.uint64))
        write["groups/synapse"].append((self._synapses + np.cumsum(rows.group_lengths)).astype(np.uint64))
        write["groups/delay"].append(rows.delay)
        write["groups/receptor"].append(rows.receptor)
        write["synapses/target"].append(rows.target)
        write["synapses/weight"].append(rows.weight)
        self._groups += len(rows.delay)
        self._synapses += len(rows.target)
        _add_absolute(self._received, rows.target, rows.weight)
        if len(rows.delay):
            self._delays = (
                min(self._delays[0], int(rows.delay.min())),
                max(self._delays[1], int(rows.delay.max())),
            )

    def finish(self, circuit: Mapping[str, Any]) -> None:
        """Close all arrays and write the root attribute, with ``circuit`` as its opaque part."""
        for writer in self._writers.values():
            writer.finish(self._root)
        self._root.attrs[ATTRIBUTE] = {
            "format_version": FORMAT_VERSION,
            "counts": {"neurons": self._neurons, "synapses": self._synapses, "groups": self._groups},
            "partition_rows": PARTITION_ROWS,
            "delay_steps": list(self._delays) if self._groups else [1, 1],
            "input_bound": int(self._received.max(initial=0)),
            "circuit": dict(circuit),
        }
