"""How fast does the disk of a circuit read, and how far apart may rows lie that are read in one piece?

Measured when a circuit is first streamed, in some 200 ms, and kept beside it: ``cortex.zarr`` has
``cortex.zarr.disk.json``, which may be removed at any time. Reading what lies between two rows costs its bytes, leaving
it out costs a request. Up to the *gap* it is read: where that takes half as long as a request, since nearer to as long
little time is gained, and many bytes are read that nobody wants. So where few rows of a chunk are wanted they are read
one by one, and where many are, the chunk is read in long pieces.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.libc import read_address
from neurograph_storage.queueing import Queue, close_queue, collect, give_back, open_queue, slot_free, start, submit
from neurograph_storage.readers import EXTENT_BYTES, READS, ChunkFiles

I64 = NDArray[np.int64]

# Reads of each kind; bytes of a long one, and how many of these there are at once.
_READS, _PIECE, _LONG_SLOTS = 256, 2**18, 8
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
        """Bytes that take half as long to read as a request: less than these between two rows are rather read."""
        return int(min(self.bytes_per_s / self.reads_per_s / 2, EXTENT_BYTES // 2))


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
    alone, short = (_READS / _seconds(files, slots, files.unit) for slots in (1, READS))
    long = _READS * _PIECE / _seconds(files, _LONG_SLOTS, _PIECE)
    return Calibration(circuit.stat().st_dev, 1 / alone, short, long)


def _seconds(files: ChunkFiles, slots: int, size: int) -> float:
    """Return how long `_READS` reads take, so many of them at once."""
    random, queue = np.random.default_rng(1), open_queue(slots, size // 2)
    ends = np.array([os.fstat(file).st_size - size for file in files.descriptors.tolist()]) // files.unit
    chosen = random.integers(len(ends), size=_READS)
    places = random.integers(np.maximum(ends[chosen], 1)) * files.unit
    # Compiled before the clock runs.
    _read_all(queue, read_address(), files.descriptors[chosen[:1]], places[:1], size)
    started = time.perf_counter()
    _read_all(queue, read_address(), files.descriptors[chosen], places, size)
    seconds = time.perf_counter() - started
    close_queue(queue)
    return max(seconds, 1e-9)


@kernel
def _read_all(queue: Queue, read: int, files: I64, places: I64, size: int) -> None:
    """Read pieces of files, as many at once as the queue has slots."""
    begun, done = 0, 0
    while done < len(places):
        slot = slot_free(queue)
        while begun < len(places) and slot >= 0:
            start(queue, slot, read, files[begun], size, places[begun])
            begun += 1
            slot = slot_free(queue) if queue.context else -1
        done += _give_back(queue, submit(queue))
        done += _give_back(queue, collect(queue, 1))


@kernel
def _give_back(queue: Queue, ended: int) -> int:
    for k in range(ended):
        give_back(queue, queue.events[k, 0])
    return ended
