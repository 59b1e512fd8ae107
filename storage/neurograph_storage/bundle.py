"""How is a set of arrays kept in one file that is whole or not there, and is refused when it is damaged?

The file: 8 bytes that say what it is; version, uint64; the arrays, each from a multiple of 64 bytes on; a JSON object
with their types, shapes and places and whatever else is to be kept; its length, uint64; CRC-32C of all before, uint32;
the 8 bytes once more. Head and tail are the same in all versions, so that damage is told before a version is believed.
It is written beside its path, flushed, and renamed: a file that was there before stays until then.
"""

import errno
import json
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from neurograph_storage.errors import ArgumentError, CorruptionError, DiskSpaceError, VersionError
from neurograph_storage.publish import appearing

_HEAD, _TAIL = struct.Struct("<8sQ"), struct.Struct("<QI8s")
_ALIGNMENT, _PIECE = 64, 2**20


class _Summed:
    """Writes to a file, and sums up what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sum, self.at = file, 0, 0

    def write(self, data: bytes | memoryview) -> None:
        for start in range(0, len(data), _PIECE):
            piece = bytes(data[start : start + _PIECE])
            self._file.write(piece)
            self.sum = google_crc32c.extend(self.sum, piece)
        self.at += len(data)


def write_bundle(
    path: Path, kind: bytes, version: int, said: dict[str, Any], arrays: Iterable[tuple[str, NDArray[Any]]]
) -> None:
    """Write a file that replaces ``path`` when it is complete.

    Parameters
    ----------
    kind : bytes
        8 of them.
    said : dict
        JSON object.
    arrays : iterable of (str, array)
        Each is asked for when the one before is written.

    Raises
    ------
    DiskSpaceError
        If it does not fit; what was at ``path`` is still there.
    ArgumentError
        If the folder cannot be written to.
    """
    try:
        with appearing(path, durable=True) as new, new.open("wb") as file:
            _write(file, kind, version, said, arrays)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskSpaceError(f"the disk is full: {path} could not be written; what was there is kept") from error
        raise ArgumentError(f"cannot write {path}: {error.strerror or error}") from error


def _write(
    file: BinaryIO, kind: bytes, version: int, said: dict[str, Any], arrays: Iterable[tuple[str, NDArray[Any]]]
) -> None:
    out, places = _Summed(file), {}
    out.write(_HEAD.pack(kind, version))
    for name, array in arrays:
        out.write(bytes(-out.at % _ALIGNMENT))
        places[name] = (array.dtype.str, array.shape, out.at)
        if array.size:
            out.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    text = json.dumps({"said": said, "arrays": places}).encode()
    out.write(text)
    out.write(struct.pack("<Q", len(text)))
    file.write(struct.pack("<I8s", out.sum, kind))


class Bundle:
    """A file that `write_bundle` wrote, found sound; arrays are read when asked for.

    Parameters
    ----------
    path : Path
    kind, version
        As it was written; ``version`` is the latest that is understood.
    what : str
        Its name in errors.

    Attributes
    ----------
    said : dict

    Raises
    ------
    ArgumentError
        If there is no such file, or it is another kind of file.
    CorruptionError
        If it is damaged or cut short.
    VersionError
        If a later release wrote it.
    """

    def __init__(self, path: Path, kind: bytes, version: int, what: str) -> None:
        self.path = path
        if not path.is_file():
            raise ArgumentError(f"no {what} at {path}")
        with path.open("rb") as file:
            if file.read(len(kind)) != kind:
                raise ArgumentError(f"{path} is not a {what}")
            text = _check(file, path, kind, what)
            file.seek(0)
            found = _HEAD.unpack(file.read(_HEAD.size))[1]
        if found > version:
            raise VersionError(f"{what} {path} has format version {found}; this release reads {version}: update it")
        content = json.loads(text)
        self.said: dict[str, Any] = content["said"]
        self._places: dict[str, tuple[str, list[int], int]] = content["arrays"]

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> NDArray[Any]:
        dtype, shape, offset = self._places[name]
        count = int(np.prod(shape, dtype=np.int64))
        return np.fromfile(self.path, np.dtype(dtype), count, offset=offset).reshape(shape)


def _check(file: BinaryIO, path: Path, kind: bytes, what: str) -> bytes:
    """Return the JSON text, once all sums agree."""
    size = file.seek(0, os.SEEK_END)
    damaged = CorruptionError(f"{what} {path} is damaged or cut short", path=path)
    if size < _HEAD.size + _TAIL.size:
        raise damaged
    file.seek(size - _TAIL.size)
    length, stored, end = _TAIL.unpack(file.read(_TAIL.size))
    covered, total = size - _TAIL.size + 8, 0
    if end != kind or length > covered - _HEAD.size:
        raise damaged
    file.seek(0)
    for at in range(0, covered, _PIECE):
        total = google_crc32c.extend(total, file.read(min(_PIECE, covered - at)))
    if total != stored:
        raise damaged
    file.seek(size - _TAIL.size - length)
    return file.read(length)
