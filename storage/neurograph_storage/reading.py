"""How are pieces of an array read from its chunk files, rather than mapped?

By ``preadv``, which releases the GIL and reads at the disk's speed; a mapped page costs a fault.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.errors import CorruptionError
from neurograph_storage.layout import GRANULE_BYTES, ArraySpec

Bytes = NDArray[np.uint8]


def read_bytes(
    chunk_path: Callable[[int], Path], spec: ArraySpec, start: int, stop: int, into: Bytes | None = None
) -> Bytes:
    """Return the bytes ``start <= b < stop`` of an array.

    Parameters
    ----------
    chunk_path : callable
        Gives the file of each chunk.
    into : (at least ``stop - start``,) uint8, optional
        Where they go: new memory costs a page fault for each 4 KiB.

    Raises
    ------
    CorruptionError
        If a file is missing, or ends too early.
    """
    data = np.empty(stop - start, np.uint8) if into is None else into[: stop - start]
    at = start
    while at < stop:
        chunk, inside = divmod(at, spec.chunk_bytes)
        length = min(stop - at, spec.chunk_bytes - inside)
        _read_file(chunk_path(chunk), inside, data[at - start : at - start + length])
        at += length
    return data


def read_granules(
    chunk_path: Callable[[int], Path], spec: ArraySpec, first: int, last: int, into: Bytes | None = None
) -> Bytes:
    """Return the bytes of granules ``first <= g < last``, up to the end of the array; ``into`` as in `read_bytes`."""
    return read_bytes(chunk_path, spec, first * GRANULE_BYTES, min(last * GRANULE_BYTES, spec.nbytes), into)


def _read_file(path: Path, offset: int, into: NDArray[np.uint8]) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise CorruptionError(f"chunk file {path} cannot be read: {error.strerror}", path=path) from error
    try:
        done = 0
        while done < len(into):
            count = os.preadv(descriptor, [into.data[done:]], offset + done)
            if count == 0:
                raise CorruptionError(f"chunk file {path} ends at {offset + done} bytes: truncated?", path=path)
            done += count
    except OSError as error:
        raise CorruptionError(f"chunk file {path} cannot be read: {error.strerror}", path=path) from error
    finally:
        os.close(descriptor)
