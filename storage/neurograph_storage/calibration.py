"""How fast does the disk of a circuit read, and how far apart may rows lie that are read in one piece?

Measured when a circuit is first streamed, in some 50 ms, and kept beside it: ``cortex.zarr`` has
``cortex.zarr.disk.json``, which may be removed at any time. Reading what lies between two rows costs its bytes, leaving
it out costs a request; at the *gap* both cost the same. So where few rows of a chunk are wanted they are read one by
one, and where many are, the chunk is read in long pieces.
"""

import json
import mmap
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from neurograph_storage.readers import EXTENT_BYTES, ChunkFiles

# Threads; reads of each: one unit, and one long piece.
_THREADS, _SHORT, _LONG, _PIECE, _ALONE = 8, 64, 4, 2**18, 16
# Below so many bytes of rows it is not worth the time.
_LEAST_BYTES, _UNITS = 64 * 2**20, 2


@dataclass(frozen=True)
class Calibration:
    """What a disk does.

    Attributes
    ----------
    device : int
        The system's number of it.
    latency_s : float
        Of a short read, alone.
    reads_per_s : float
        Short ones, many at once.
    bytes_per_s : float
        In long pieces, many at once.
    """

    device: int
    latency_s: float
    reads_per_s: float
    bytes_per_s: float

    @property
    def gap(self) -> int:
        """Bytes that take as long to read as a request: less than these between two rows are rather read."""
        return int(min(self.bytes_per_s / self.reads_per_s, EXTENT_BYTES // 2))


def place_of(circuit: Path) -> Path:
    """Return the file in which the calibration of a circuit's disk is kept."""
    return circuit.with_name(circuit.name + ".disk.json")


def read_calibration(circuit: Path) -> Calibration | None:
    """Return what is kept beside a circuit, if it is of the disk that this lies on."""
    with suppress(OSError, ValueError, TypeError):
        found = Calibration(**json.loads(place_of(circuit).read_text()))
        if found.device == circuit.stat().st_dev and found.reads_per_s > 0 and found.bytes_per_s > 0:
            return found
    return None


def gap_of(circuit: Path, files: ChunkFiles, nbytes: int) -> int:
    """Return the gap for a circuit with so many bytes of rows, measured if it never was."""
    least = _UNITS * files.unit
    if nbytes < _LEAST_BYTES:
        return least
    found = read_calibration(circuit)
    if found is None:
        found = calibrate(circuit, files)
        # Where nothing can be written it is measured again the next time.
        with suppress(OSError):
            partial = place_of(circuit).with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(asdict(found)) + "\n")
            partial.replace(place_of(circuit))
    return max(least, found.gap)


def calibrate(circuit: Path, files: ChunkFiles) -> Calibration:
    """Measure the disk of a circuit, reading at random places of its rows."""
    alone = _seconds(files, 1, _ALONE, files.unit) / _ALONE
    short = _THREADS * _SHORT / _seconds(files, _THREADS, _SHORT, files.unit)
    long = _THREADS * _LONG * _PIECE / _seconds(files, _THREADS, _LONG, _PIECE)
    return Calibration(circuit.stat().st_dev, alone, short, long)


def _seconds(files: ChunkFiles, threads: int, reads: int, size: int) -> float:
    """Return how long some threads take for so many reads each."""
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        for job in [pool.submit(_read, files, reads, size, seed) for seed in range(threads)]:
            job.result()
        return max(1e-9, time.perf_counter() - started)


def _read(files: ChunkFiles, reads: int, size: int, seed: int) -> None:
    random, into = np.random.default_rng(seed), memoryview(mmap.mmap(-1, size))
    for _ in range(reads):
        file = int(random.choice(files.descriptors))
        units = max(1, (os.fstat(file).st_size - size) // files.unit)
        os.preadv(file, [into], int(random.integers(units)) * files.unit)
