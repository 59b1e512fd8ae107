"""How is a stored circuit opened and read?

`CircuitStore` maps every array in place and offers them by name; it is a `RowSource`. Opening checks the version, every
metadata file, the shapes and the length of every chunk file, not the contents of arrays: that is for `check_array`,
`neurograph_storage.guard` and `neurograph_storage.verify`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.codec import CODECS, decode
from neurograph_storage.errors import CircuitNotFoundError, CorruptionError, VersionError
from neurograph_storage.layout import (
    ATTRIBUTE,
    DIGITS_VERSION,
    FORMAT_VERSION,
    GRANULE_BYTES,
    MAX_DELAY_STEPS,
    MAX_RECEPTORS,
    ArraySpec,
    Counts,
    array_specs,
)
from neurograph_storage.manifest import MANIFEST, Manifest
from neurograph_storage.mapping import advise, map_chunks
from neurograph_storage.rows import Rows

ROW_STARTS, ROW_WORDS = "rows/start", "rows/words"
_PIECE_BYTES = 256 * GRANULE_BYTES


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
        _check_exists(path)
        # Damage is told before a damaged version number is believed; other Zarr groups have no list of files.
        if (path / MANIFEST).exists():
            Manifest(path).read(path / "zarr.json")
        self.attributes = _read_attributes(path)
        self.manifest = Manifest(path)
        try:
            self._read()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorruptionError(f"metadata of {path} is damaged: {error!r}", path=path / "zarr.json") from error
        self._checksums: dict[str, NDArray[np.uint32]] = {}
        self.arrays: dict[str, NDArray[Any]] = {name: self._map(spec) for name, spec in self.specs.items()}

    def starts_rise(self) -> bool:
        """Return whether rows begin at word 0, follow one another, and end with the last word (invariant 5)."""
        starts = self.arrays[ROW_STARTS]
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
        self.codec = str(self.attributes["codec"])
        # Entries of each synapse: its weight has so many codes, each with a receptor number of its own.
        self.digits = int(self.attributes.get("digits", 1))
        if self.codec not in CODECS:
            raise ValueError(f"codec is {self.codec!r}")
        if not (1 <= self.min_delay <= self.max_delay <= MAX_DELAY_STEPS and self.block_neurons >= 1):
            raise ValueError("delays or blocks are out of range")
        if not 1 <= self.digits <= MAX_RECEPTORS:
            raise ValueError(f"digits are {self.digits}")
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
        """Return rows ``start <= r < stop``; raw ones are a view of the mapped files."""
        starts = self.arrays[ROW_STARTS][start : stop + 1].astype(np.int64)
        words = self.arrays[ROW_WORDS][starts[0] : starts[-1]]
        return decode(starts - starts[0], words, self.block_neurons, self.codec)

    def row_batches(self, words: int) -> Iterator[tuple[int, int]]:
        """Yield consecutive row ranges of about ``words`` words each, which together are all rows."""
        starts, start = self.arrays[ROW_STARTS], 0
        while start < self.neurons:
            stop = int(np.searchsorted(starts, int(starts[start]) + words, side="right")) - 1
            stop = min(max(stop, start + 1), self.neurons)
            yield start, stop
            start = stop

    @property
    def row_bytes(self) -> int:
        """Bytes of the largest row."""
        return 2 * int(np.diff(self.arrays[ROW_STARTS]).max(initial=0))

    @property
    def synapse_bytes(self) -> int:
        """Bytes of all rows in memory, plain."""
        return self.specs[ROW_STARTS].nbytes + 2 * self.counts.plain_words

    def advise(self, *, fits: bool) -> None:
        """Prepare the synapses for a run that will hold all of them in memory, or only what it touches."""
        for name, array in self.arrays.items():
            if name.startswith("rows/"):
                advise(array, fits=fits)

    def chunk_path(self, name: str, chunk: int) -> Path:
        """Return the file of one chunk of an array."""
        return self.path / name / "c" / str(chunk)

    def granule_path(self, name: str, granule: int) -> Path:
        """Return the file that holds a granule of an array."""
        return self.chunk_path(name, granule * GRANULE_BYTES // self.specs[name].chunk_bytes)

    def granule_error(self, name: str, granule: int) -> CorruptionError:
        """Return the error that names a damaged granule and its chunk file."""
        path = self.granule_path(name, granule)
        return CorruptionError(f"granule {granule} of {name} is damaged, in {path}", path=path)

    def damaged_granules(self, name: str) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Read all of an array; for each piece, yield its bytes and which granules differ from their checksums."""
        stored, array = self.checksums(name), self.arrays[name]
        step, per_piece = _PIECE_BYTES // array.itemsize, _PIECE_BYTES // GRANULE_BYTES
        for k, start in enumerate(range(0, len(array), step)):
            found = granule_checksums(array[start : start + step])
            bad = np.flatnonzero(found != stored[k * per_piece : k * per_piece + len(found)])
            yield array[start : start + step].nbytes, k * per_piece + bad

    def check_array(self, name: str) -> None:
        """Refuse an array that is not what was written.

        Raises
        ------
        CorruptionError
            Names the granule and its chunk file.
        """
        for _, bad in self.damaged_granules(name):
            for granule in bad.tolist():
                raise self.granule_error(name, granule)

    def check_tables(self) -> None:
        """Refuse damage to any array but the rows' words, and rows that would lie outside the words.

        Raises
        ------
        CorruptionError
        """
        for name in self.specs:
            if name != ROW_WORDS:
                self.check_array(name)
        self.check_starts()

    def checksums(self, name: str) -> NDArray[np.uint32]:
        """Return the stored checksum of each granule of an array, (granules,) uint32."""
        if name not in self._checksums:
            spec = self.specs[name]
            self._checksums[name] = self._map(ArraySpec(spec.checksum_name, np.dtype("<u4"), spec.granules))
        return self._checksums[name]

    def _map(self, spec: ArraySpec) -> NDArray[Any]:
        path = self.path / spec.name / "zarr.json"
        length, chunk_length = _array_shape(self.manifest.read(path), path, spec)
        if length != spec.length:
            raise CorruptionError(f"array {spec.name} of {self.path} has {length} elements, expected {spec.length}")
        if length == 0:
            return np.empty(0, spec.dtype)
        paths = [self.chunk_path(spec.name, k) for k in range(-(-length // chunk_length))]
        raw = map_chunks(paths, chunk_length * spec.dtype.itemsize)
        return raw.view(spec.dtype)[:length]


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(content)
    except ValueError as error:
        raise CorruptionError(f"metadata file {path} cannot be read: {error}", path=path) from error
    return parsed


def _check_exists(path: Path) -> None:
    if not (path / "zarr.json").is_file():
        partial = bool(path.name) and path.with_name(path.name + ".partial").is_dir()
        hint = "; a build of it is unfinished, run the same build again" if partial else ""
        raise CircuitNotFoundError(f"no circuit at {path}{hint}")


def _read_attributes(path: Path) -> dict[str, Any]:
    group = _parse((path / "zarr.json").read_bytes(), path / "zarr.json").get("attributes")
    attributes = group.get(ATTRIBUTE) if isinstance(group, dict) else None
    if not isinstance(attributes, dict):
        raise CircuitNotFoundError(f"{path} is a Zarr group but not a circuit (no '{ATTRIBUTE}' attribute)")
    version = attributes.get("format_version")
    if version not in (FORMAT_VERSION, DIGITS_VERSION):
        allowed = f"{FORMAT_VERSION} and {DIGITS_VERSION}"
        raise VersionError(f"{path} has format version {version}; this release reads {allowed}: update it")
    needed = {"counts", "codec", "block_neurons", "partition_rows", "delay_steps", "input_bound", "circuit"}
    missing = needed - attributes.keys()
    if missing:
        raise CorruptionError(f"metadata of {path} lacks {', '.join(sorted(missing))}", path=path / "zarr.json")
    return attributes


def _array_shape(content: bytes, path: Path, spec: ArraySpec) -> tuple[int, int]:
    """Return (length, chunk length) after checking that the array is one we can map."""
    meta = _parse(content, path)
    try:
        (length,), (chunk_length,) = meta["shape"], meta["chunk_grid"]["configuration"]["chunk_shape"]
        plain = meta["data_type"] == spec.dtype.name and [c["name"] for c in meta["codecs"]] == ["bytes"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptionError(f"metadata file {path} is not that of a one-dimensional array", path=path) from error
    if not plain or chunk_length < 1:
        raise CorruptionError(f"array {spec.name} must be uncompressed {spec.dtype.name}, see {path}", path=path)
    return int(length), int(chunk_length)
