"""How is a sparse matrix that SciPy saved read in pieces?

An ``.npz`` is a zip file with one ``.npy`` array a member. Members are read side by side, a piece of each at a time;
only the row (or column) pointers of a compressed matrix, one for each neuron, are held. Row = source, column = target.
"""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from neurograph.edge_files import FilePiece, check_neurons, file_identity
from neurograph.edges import PIECE
from neurograph.ids import Ids
from neurograph_storage.errors import DataError

# Members that say where the synapses of a format are: (row, column), or (pointers, the other axis).
_COORDINATES, _COMPRESSED = ("row", "col"), ("indptr", "indices")
_FORMATS = {"coo": _COORDINATES, "csr": _COMPRESSED, "csc": _COMPRESSED}
_DAMAGE = (OSError, ValueError, EOFError, KeyError, IndexError, TypeError, NotImplementedError, RuntimeError,
           zipfile.BadZipFile, zlib.error)  # fmt: skip


class MatrixEdges:
    """Edges in a sparse matrix; a `neurograph.edge_files.EdgeFile`."""

    counted, has_delay = False, False

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._format, self.neurons, self._count = self._describe()
        except DataError:
            raise
        except _DAMAGE as error:
            raise self._damage(error) from error

    @property
    def ids(self) -> Ids:
        """See `EdgeFile`: row and column numbers."""
        return np.arange(self.neurons)

    @property
    def identity(self) -> list[Any]:
        """See `EdgeFile`."""
        return file_identity(self.path)

    def pieces(self, start: int = 0) -> Iterator[FilePiece]:
        """See `EdgeFile`."""
        members = zip(self._axes(start), self._member("data", start), strict=True)
        for (source, target), weight in members:
            for axis in (source, target):
                if len(axis) and not (axis.min() >= 0 and axis.max() < self.neurons):
                    raise DataError(f"the matrix in {self.path} names a row or column outside 0 .. {self.neurons - 1}")
            yield FilePiece(source, target, self._real(weight), None)

    def weights(self) -> Iterator[NDArray[Any]]:
        """See `EdgeFile`."""
        return (self._real(weight) for weight in self._member("data", 0))

    def delays(self) -> Iterator[NDArray[np.float64]]:
        """See `EdgeFile`; there are none."""
        return iter(())

    def widen(self) -> bool:
        """See `EdgeFile`; types are known."""
        return False

    def _describe(self) -> tuple[str, int, int]:
        """Return format, neurons and synapses."""
        text = self._small("format").item()
        kind = text.decode("ascii") if isinstance(text, bytes) else str(text)
        if kind not in _FORMATS:
            raise DataError(
                f"the matrix in {self.path} has format {kind!r}; allowed are {', '.join(_FORMATS)}: save its tocsr()"
            )
        shape = [int(size) for size in self._small("shape")]
        if len(shape) != 2 or shape[0] != shape[1]:
            raise DataError(f"the matrix in {self.path} is {' x '.join(map(str, shape))}, it must be square")
        check_neurons(shape[0], self.path)
        lengths = {name: self._length(name) for name in (*_FORMATS[kind], "data")}
        pointers = lengths.pop("indptr", None)
        if len(set(lengths.values())) > 1 or pointers not in (None, shape[0] + 1):
            raise DataError(f"the arrays of the matrix in {self.path} do not fit each other: {lengths}")
        return kind, shape[0], lengths["data"]

    def _axes(self, start: int) -> Iterator[tuple[Ids, Ids]]:
        """Yield rows and columns from synapse ``start`` on."""
        if self._format == "coo":
            yield from zip(self._integers("row", start), self._integers("col", start), strict=True)
            return
        pointers = np.concatenate([np.empty(0, np.int64), *self._integers("indptr", 0)])
        if pointers[0] != 0 or pointers[-1] != self._count or (np.diff(pointers) < 0).any():
            raise DataError(f"the row pointers of the matrix in {self.path} do not rise from 0 to {self._count}")
        for other in self._integers("indices", start):
            stop = start + len(other)
            low, high = (int(k) for k in np.searchsorted(pointers, [start, stop - 1], side="right"))
            inside = np.diff(np.clip(pointers[low - 1 : high + 1], start, stop))
            own = np.repeat(np.arange(low - 1, high), inside)
            yield (own, other) if self._format == "csr" else (other, own)
            start = stop

    def _real(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values as int64 or float64, all finite."""
        if np.issubdtype(values.dtype, np.integer) or values.dtype == np.bool_:
            if values.dtype == np.uint64 and len(values) and values.max() > np.iinfo(np.int64).max:
                raise DataError(f"the matrix in {self.path} holds {values.max()}, too large for a weight")
            return values.astype(np.int64)
        if not (np.issubdtype(values.dtype, np.floating) and np.isfinite(values).all()):
            raise DataError(f"the matrix in {self.path} holds a value that is not a finite number")
        return values.astype(np.float64)

    def _integers(self, name: str, start: int) -> Iterator[Ids]:
        for values in self._member(name, start):
            if not np.issubdtype(values.dtype, np.integer):
                raise DataError(f"{name} of the matrix in {self.path} is {values.dtype}, it must be integer")
            yield values.astype(np.int64)

    def _small(self, name: str) -> NDArray[Any]:
        """Return a member that is a number or two."""
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
            dtype, shape = _header(file)
            if math.prod(shape) > 16:
                raise ValueError(f"{name} has shape {shape}")
            return np.frombuffer(_exactly(file, dtype, math.prod(shape)), dtype).reshape(shape)

    def _length(self, name: str) -> int:
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
            _, shape = _header(file)
        if len(shape) != 1:
            raise ValueError(f"{name} has shape {shape}")
        return shape[0]

    def _member(self, name: str, start: int) -> Iterator[NDArray[Any]]:
        """Yield an array from element ``start`` on."""
        try:
            with ExitStack() as stack:
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                file = stack.enter_context(archive.open(f"{name}.npy"))
                dtype, shape = _header(file)
                if start:
                    file.seek(file.tell() + start * dtype.itemsize)
                for low in range(start, shape[0], PIECE):
                    yield np.frombuffer(_exactly(file, dtype, min(PIECE, shape[0] - low)), dtype)
                file.read(1)  # which makes the archive compare its checksum
        except _DAMAGE as error:
            if isinstance(error, DataError):
                raise
            raise self._damage(error) from error

    def _damage(self, error: BaseException) -> DataError:
        return DataError(f"{self.path} is not a sparse matrix that SciPy saved: {error}")


def _header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return type and shape of the array whose elements follow."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    return dtype, shape


def _exactly(file: IO[bytes], dtype: np.dtype[Any], count: int) -> bytes:
    """Return the bytes of ``count`` elements."""
    data = file.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise ValueError("it ends too early")
    return data
