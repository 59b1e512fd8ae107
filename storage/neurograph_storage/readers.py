"""Who brings rows in, and how does it end?

`ChunkFiles` holds the descriptors of an array's chunk files. `Readers` makes the readers of all workers where reads are
asynchronous; elsewhere those of threads, which begin with the first `start`. Both end with `close`, or when the object
is gone.
"""

import mmap
import os
import resource
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.bits import PADDING
from neurograph_storage.errors import CorruptionError
from neurograph_storage.fetching import serve, turn
from neurograph_storage.queueing import PAGE, Queue, can_queue, close_queue, open_queue
from neurograph_storage.requests import Fetching, Reader, no_reader

# Not on every system, and not on every file system where it is.
_DIRECT = getattr(os, "O_DIRECT", 0)
_SPARE_FILES, _SECTOR = 64, 512
# Reads that are under way at most, of all workers together; threads that read one after the other; bytes that are read
# at once, unless a row is longer.
READS, MAX_READERS, EXTENT_BYTES = 64, 8, 2**16
_A_WHILE = 1e-3  # s


class ReaderSizes(NamedTuple):
    """How many queues there are, slots of each, and words of a slot."""

    queues: int
    slots: int
    scratch: int

    def readers(self, workers: int) -> int:
        """Return how many threads read: the workers themselves, if one queue is enough."""
        return workers if self.slots > 1 else self.queues

    @property
    def nbytes(self) -> int:
        """Bytes of all."""
        return self.queues * self.slots * 2 * (self.scratch + PADDING)


class ChunkFiles:
    """Open descriptors of chunk files, past the page cache where the file system can: the pool keeps what is worth it.

    Attributes
    ----------
    descriptors : (files,) int64
    unit : int
        Bytes of which reads must be multiples.

    Raises
    ------
    CorruptionError
        If a file cannot be opened.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        _allow_files(len(paths))
        opened: list[int] = []
        self._finalizer = weakref.finalize(self, _close_all, opened)
        for path in paths:
            try:
                opened.append(_open(path))
            except OSError as error:
                self.close()
                raise CorruptionError(f"chunk file {path} cannot be read: {error.strerror}", path=path) from error
        self.descriptors = np.array(opened, np.int64)
        self.unit = _read_unit(opened[0]) if opened else PAGE

    def close(self) -> None:
        """Close all files."""
        self._finalizer()


class Readers:
    """Readers, and threads that run them where workers do not.

    Parameters
    ----------
    workers : int
    sizes : ReaderSizes
    plain : int
        Words of the largest row made plain, if rows are compressed, else 0.

    Attributes
    ----------
    each : list of Reader
        One for each worker, or for each thread.
    pipe, into : int
        The ends of the pipe that batches come through.
    guesses, into_guesses : int
        Of the one for guesses, if workers read; threads take them from the same pipe.
    """

    def __init__(self, workers: int, sizes: ReaderSizes, plain: int) -> None:
        self.by_workers = sizes.slots > 1
        count = 1 if self.by_workers else sizes.queues
        queues = [open_queue(sizes.slots, sizes.scratch + PADDING) for _ in range(count)]
        self.each = [Reader.of(queue, plain) for queue in queues]
        if self.by_workers:
            self.each += [self.each[0].of_thread() for _ in range(workers - 1)]
        self.pipe, self.into = os.pipe()
        # Who has reads under way does not wait for more to do.
        os.set_blocking(self.pipe, False)
        self.guesses, self.into_guesses = os.pipe() if self.by_workers else (-1, self.into)
        if self.by_workers:
            os.set_blocking(self.guesses, False)
        self._threads: list[threading.Thread] = []
        ends = sorted({self.pipe, self.into, self.guesses, self.into_guesses} - {-1})
        self._finalizer = weakref.finalize(self, _stop, self.into, ends, self._threads, queues)

    def start(self, fetching: Fetching) -> None:
        """Start the threads, if there are to be any and they are not there yet."""
        for number in range(len(self._threads), 0 if self.by_workers else len(self.each)):
            name = f"neurograph-reader-{number}"
            thread = threading.Thread(target=serve, args=(fetching, self.each[number]), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, fetching: Fetching) -> None:
        """Let a little of what has been requested come in, while no worker runs."""
        if self.by_workers:
            turn(fetching, self.each[0], 1)
        else:
            time.sleep(_A_WHILE)

    def of_worker(self, number: int) -> Reader:
        """Return what a worker takes its turns with; one that has no slots if threads do."""
        return self.each[number] if self.by_workers else no_reader()

    def total(self) -> NDArray[np.int64]:
        """Return the figures of all readers, (8,) int64."""
        figures: NDArray[np.int64] = np.stack([reader.figures for reader in self.each]).sum(axis=0)
        return figures

    def close(self) -> None:
        """Join the threads, wait for reads that are under way, and close the pipe."""
        self._finalizer()


def reader_sizes(largest: int, room: int) -> ReaderSizes:
    """Return how many queues there are, and how large, if they may take a sixteenth of ``room`` bytes.

    Parameters
    ----------
    largest : int
        Bytes of the largest row on the disk.
    """
    span = -(-largest // PAGE) * PAGE + 2 * PAGE
    queues, slots = (1, READS) if can_queue() else (MAX_READERS, 1)
    affordable = max(1, room // 16 // span)
    queues, slots = min(queues, affordable), max(2, min(slots, affordable)) if slots > 1 else 1
    scratch = max(span, min(EXTENT_BYTES, room // (16 * queues * slots)))
    return ReaderSizes(queues, slots, scratch // 2)


def _stop(into: int, ends: list[int], threads: list[threading.Thread], queues: list[Queue]) -> None:
    for _ in threads:
        os.write(into, np.zeros(1, np.int64).tobytes())
    for thread in threads:
        thread.join()
    threads.clear()
    for queue in queues:
        close_queue(queue)
    for end in ends:
        os.close(end)


def _open(path: Path) -> int:
    if _DIRECT:
        try:
            return os.open(path, os.O_RDONLY | _DIRECT)
        except OSError:
            pass
    descriptor = os.open(path, os.O_RDONLY)
    # One row does not say that its neighbours are needed.
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    return descriptor


def _read_unit(descriptor: int) -> int:
    """Return the smallest unit that a file can be read in: the disk's, not the file system's."""
    for unit in (_SECTOR, PAGE):
        try:
            os.preadv(descriptor, [memoryview(mmap.mmap(-1, PAGE))[:unit]], unit)
            return unit
        except OSError:
            continue
    return PAGE


def _close_all(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())


def _allow_files(count: int) -> None:
    """Let the process have so many more files open, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + _SPARE_FILES + len(list(Path("/dev/fd").iterdir()))
    if soft != resource.RLIM_INFINITY and soft < needed:
        limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
