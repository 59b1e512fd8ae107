"""How do rows, given in order, become the arrays of a circuit?

`CircuitWriter` appends batches; each array goes to disk one full chunk at a time, with the checksums of its
granules, so memory is a few chunks whatever the circuit's size. Zarr writes the metadata that makes them arrays.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.codec import Encoded
from neurograph_storage.layout import (
    ATTRIBUTE,
    CHUNK_BYTES,
    DIGITS_VERSION,
    FORMAT_VERSION,
    PARTITION_ROWS,
    ArraySpec,
    Counts,
    array_type,
)
from neurograph_storage.manifest import write_manifest
from neurograph_storage.publish import JOURNAL, appearing, flush_path
from neurograph_storage.summary import RowSummary


class _ArrayWriter:
    """Appends to one array, a full chunk file at a time; its length is known only at the end."""

    def __init__(self, folder: Path, name: str) -> None:
        self._chunks, self._name, self._dtype = folder / name / "c", name, array_type(name)
        self._pending = np.empty(0, self._dtype)
        self._added: list[NDArray[Any]] = []
        self._added_length = 0
        self._written = 0
        self._checksums = np.empty(0, np.uint32)
        self._unflushed: list[Path] = []

    def append(self, data: NDArray[Any]) -> None:
        self._added.append(data.astype(self._dtype, copy=False))
        self._added_length += len(data)
        full = CHUNK_BYTES // self._dtype.itemsize
        if len(self._pending) + self._added_length >= full:
            self._gather()
            self._write_chunks(full, len(self._pending) // full)

    def finish(self, root: zarr.Group) -> None:
        self._gather()
        spec = ArraySpec(self._name, self._dtype, self._written + len(self._pending))
        if len(self._pending):
            self._write_chunks(spec.chunk_length, 1)
        _create(root, spec)
        checksums = _create(root, ArraySpec(spec.checksum_name, np.dtype("<u4"), len(self._checksums)))
        checksums[:] = self._checksums

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a later writer needs to go on from here; all chunks before it are on the disk."""
        self._gather()
        for path in self._unflushed:
            flush_path(path)
        self._unflushed = []
        return {"pending": self._pending, "written": np.array(self._written), "checksums": self._checksums}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._pending, self._written, self._checksums = state["pending"], int(state["written"]), state["checksums"]

    def _gather(self) -> None:
        self._pending = np.concatenate([self._pending, *self._added])
        self._added, self._added_length = [], 0

    def _write_chunks(self, length: int, count: int) -> None:
        self._chunks.mkdir(parents=True, exist_ok=True)
        for start in range(0, count * length, length):
            piece = self._pending[start : start + length]
            self._checksums = np.concatenate([self._checksums, granule_checksums(piece)])
            path = self._chunks / str(self._written // length)
            padded = (
                np.concatenate([piece, np.zeros(length - len(piece), self._dtype)]) if len(piece) < length else piece
            )
            path.write_bytes(padded.view(np.uint8).data)
            self._unflushed.append(path)
            self._written += len(piece)
        self._pending = self._pending[count * length :].copy()


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

    If the folder holds a journal, the writer goes on from there.

    Parameters
    ----------
    folder : Path
        From `neurograph_storage.publish.publishing`.
    neurons : mapping of str to (N,) arrays
        ``neurons/id``, ``neurons/storage``, ``neurons/population``, and ``initial/<state>`` where given.
    block_neurons : int
        Neurons in a target block.
    codec : str
        Form of the rows, see `neurograph_storage.codec`.
    digits : int
        Entries of each synapse.

    Attributes
    ----------
    rows : int
        Rows appended so far.
    """

    def __init__(
        self, folder: Path, neurons: Mapping[str, NDArray[Any]], *, block_neurons: int, codec: str, digits: int = 1
    ) -> None:
        self._folder, self._block_neurons, self._codec, self._digits = folder, block_neurons, codec, digits
        self._root = zarr.open_group(folder, mode="a", zarr_format=3)
        self._writers = {name: _ArrayWriter(folder, name) for name in (*neurons, "rows/start", "rows/words")}
        self.rows, self._words, self._plain_words = 0, 0, 0
        self._summary = RowSummary(len(neurons["neurons/id"]))
        if (folder / JOURNAL).is_file():
            self._restore()
            return
        for name, values in neurons.items():
            self._writers[name].append(values)
        self._writers["rows/start"].append(np.zeros(1, np.uint64))

    @property
    def synapses(self) -> int:
        """Synapses appended so far."""
        return self._summary.synapses

    def append(self, encoded: Encoded) -> int:
        """Append the next rows in storage order; return how many synapses they hold."""
        self._writers["rows/start"].append((self._words + encoded.starts[1:]).astype(np.uint64))
        self._writers["rows/words"].append(encoded.words)
        self._words += len(encoded.words)
        self._plain_words += len(encoded.rows.words)
        self.rows += len(encoded.starts) - 1
        return self._summary.add(encoded.rows)

    def checkpoint(self) -> None:
        """Write the journal: whatever happens from now on, a later writer can go on from here."""
        states = {f"{name}:{key}": value for name, w in self._writers.items() for key, value in w.state().items()}
        counters = np.array([self.rows, self._words, self._plain_words])
        with appearing(self._folder / JOURNAL, durable=True) as new, new.open("wb") as file:
            np.savez(file, **{"counters": counters, **states, **self._summary.state()})  # type: ignore[arg-type]

    def finish(self, circuit: Mapping[str, Any]) -> None:
        """Close all arrays and write the root attribute, with ``circuit`` as its opaque part."""
        for writer in self._writers.values():
            writer.finish(self._root)
        summary = self._summary
        self._root.attrs[ATTRIBUTE] = {
            "format_version": FORMAT_VERSION if self._digits == 1 else DIGITS_VERSION,
            "counts": vars(Counts(len(summary.received), summary.synapses, self._words, self._plain_words)),
            "codec": self._codec,
            "block_neurons": self._block_neurons,
            "partition_rows": PARTITION_ROWS,
            "delay_steps": list(summary.delays),
            "input_bound": summary.input_bound,
            "circuit": dict(circuit),
            **({} if self._digits == 1 else {"digits": self._digits}),
        }
        write_manifest(self._folder)

    def _restore(self) -> None:
        # A builder killed while closing arrays has already described some of them; they are closed again.
        shutil.rmtree(self._folder / "checksums", ignore_errors=True)
        for name in self._writers:
            (self._folder / name / "zarr.json").unlink(missing_ok=True)
        with np.load(self._folder / JOURNAL) as journal:
            self.rows, self._words, self._plain_words = (int(value) for value in journal["counters"])
            self._summary.restore(journal)
            for name, writer in self._writers.items():
                writer.restore({key: journal[f"{name}:{key}"] for key in ("pending", "written", "checksums")})
