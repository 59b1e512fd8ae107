"""How is a stored circuit opened and read?

`CircuitStore` maps every array in place and offers them by name; it is a `RowSource`. Opening checks the version, the
shapes and the length of every chunk file, not the contents: that is what `neurograph_storage.verify` does.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.errors import CircuitNotFoundError, CorruptionError, VersionError
from neurograph_storage.layout import ATTRIBUTE, FORMAT_VERSION, MAX_DELAY_STEPS, ArraySpec, Counts, array_specs
from neurograph_storage.mapping import advise, map_chunks
from neurograph_storage.rows import Rows


class CircuitStore:
    """The arrays of a circuit on disk, mapped read-only.

    Parameters
    ----------
    path : Path
        The circuit's folder.

    Raises
    ------
    CircuitNotFoundError, VersionError, CorruptionError
    """

    def __init__(self, path: Path) -> None:
        self.path = path = path.absolute()
        self.attributes = _read_attributes(path)
        try:
            self._read()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorruptionError(f"metadata of {path} is damaged: {error!r}", path=path / "zarr.json") from error
        self.arrays: dict[str, NDArray[Any]] = {name: self._map(spec) for name, spec in self.specs.items()}

    def starts_rise(self) -> bool:
        """Return whether rows begin at word 0, follow one another, and end with the last word (invariant 5)."""
        starts = self.arrays["rows/start"]
        return bool(starts[0] == 0 and starts[-1] == self.counts.words and (starts[1:] > starts[:-1]).all())

    def check_starts(self) -> None:
        """Refuse rows that would lie outside the words; whoever reads rows of a circuit that may be damaged calls this.

        Raises
        ------
        CorruptionError
        """
        if not self.starts_rise():
            file = self.path / "rows/start"
            raise CorruptionError(
                f"rows/start of {self.path} does not rise to {self.counts.words}: damaged?", path=file
            )

    def _read(self) -> None:
        self.counts = Counts(**self.attributes["counts"])
        self.min_delay, self.max_delay = self.attributes["delay_steps"]
        self.input_bound = int(self.attributes["input_bound"])
        self.block_neurons = int(self.attributes["block_neurons"])
        if not (1 <= self.min_delay <= self.max_delay <= MAX_DELAY_STEPS and self.block_neurons >= 1):
            raise ValueError("delays or blocks are out of range")
        self.specs = array_specs(self.counts, tuple(self.attributes["circuit"]["initial_arrays"]))

    @property
    def circuit(self) -> Mapping[str, Any]:
        """The part of the metadata that the storage layer does not interpret."""
        opaque: Mapping[str, Any] = self.attributes["circuit"]
        return opaque

    @property
    def neurons(self) -> int:
        """Number of rows."""
        return self.counts.neurons

    def lengths(self) -> NDArray[np.int64]:
        """Return the synapses in each row, (neurons,) int64."""
        return self.rows(0, self.neurons).lengths()

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``; their words are a view of the mapped files."""
        starts = self.arrays["rows/start"][start : stop + 1].astype(np.int64)
        return Rows(starts - starts[0], self.arrays["rows/words"][starts[0] : starts[-1]], self.block_neurons)

    def row_batches(self, words: int) -> Iterator[tuple[int, int]]:
        """Yield consecutive row ranges of about ``words`` words each, which together are all rows."""
        starts, start = self.arrays["rows/start"], 0
        while start < self.neurons:
            stop = int(np.searchsorted(starts, int(starts[start]) + words, side="right")) - 1
            stop = min(max(stop, start + 1), self.neurons)
            yield start, stop
            start = stop

    @property
    def synapse_bytes(self) -> int:
        """Bytes of all rows: what a run reads."""
        return self.specs["rows/start"].nbytes + self.specs["rows/words"].nbytes

    def advise(self, *, fits: bool) -> None:
        """Prepare the synapses for a run that will hold all of them in memory, or only what it touches."""
        for name, array in self.arrays.items():
            if name.startswith("rows/"):
                advise(array, fits=fits)

    def chunk_path(self, name: str, chunk: int) -> Path:
        """Return the file of one chunk of an array."""
        return self.path / name / "c" / str(chunk)

    def checksums(self, name: str) -> NDArray[np.uint32]:
        """Return the stored checksum of each granule of an array, (granules,) uint32."""
        spec = self.specs[name]
        sums: NDArray[np.uint32] = self._map(ArraySpec(spec.checksum_name, np.dtype("<u4"), spec.granules))
        return sums

    def _map(self, spec: ArraySpec) -> NDArray[Any]:
        length, chunk_length = _read_array_shape(self.path / spec.name / "zarr.json", spec)
        if length != spec.length:
            raise CorruptionError(f"array {spec.name} of {self.path} has {length} elements, expected {spec.length}")
        if length == 0:
            return np.empty(0, spec.dtype)
        paths = [self.chunk_path(spec.name, k) for k in range(-(-length // chunk_length))]
        raw = map_chunks(paths, chunk_length * spec.dtype.itemsize)
        return raw.view(spec.dtype)[:length]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CorruptionError(f"metadata file {path} cannot be read: {error}", path=path) from error
    return content


def _read_attributes(path: Path) -> dict[str, Any]:
    if not (path / "zarr.json").is_file():
        partial = bool(path.name) and path.with_name(path.name + ".partial").is_dir()
        hint = "; a build of it is unfinished, run the same build again" if partial else ""
        raise CircuitNotFoundError(f"no circuit at {path}{hint}")
    group = _read_json(path / "zarr.json").get("attributes")
    attributes = group.get(ATTRIBUTE) if isinstance(group, dict) else None
    if not isinstance(attributes, dict):
        raise CircuitNotFoundError(f"{path} is a Zarr group but not a circuit (no '{ATTRIBUTE}' attribute)")
    version = attributes.get("format_version")
    if version != FORMAT_VERSION:
        raise VersionError(f"{path} has format version {version}; this release reads {FORMAT_VERSION}: update it")
    missing = {"counts", "block_neurons", "partition_rows", "delay_steps", "input_bound", "circuit"} - attributes.keys()
    if missing:
        raise CorruptionError(f"metadata of {path} lacks {', '.join(sorted(missing))}", path=path / "zarr.json")
    return attributes


def _read_array_shape(path: Path, spec: ArraySpec) -> tuple[int, int]:
    """Return (length, chunk length) after checking that the array is one we can map."""
    meta = _read_json(path)
    try:
        (length,), (chunk_length,) = meta["shape"], meta["chunk_grid"]["configuration"]["chunk_shape"]
        plain = meta["data_type"] == spec.dtype.name and [c["name"] for c in meta["codecs"]] == ["bytes"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptionError(f"metadata file {path} is not that of a one-dimensional array", path=path) from error
    if not plain or chunk_length < 1:
        raise CorruptionError(f"array {spec.name} must be uncompressed {spec.dtype.name}, see {path}", path=path)
    return int(length), int(chunk_length)
