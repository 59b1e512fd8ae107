"""Who runs the threads that bring rows in, and how do they end?

`ChunkFiles` holds the descriptors of an array's chunk files; `Readers` the threads, which begin with the first `start`
and are joined by `close`, or when the object is gone. What went wrong in one of them is raised by `check`.
"""

import mmap
import os
import resource
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.bits import PADDING
from neurograph_storage.errors import CorruptionError
from neurograph_storage.fetching import FIGURES, PAGE, STOPPED, Fetching, serve

# Not on every system, and not on every file system where it is.
_DIRECT = getattr(os, "O_DIRECT", 0)
_SPARE_FILES = 64


class ChunkFiles:
    """Open descriptors of chunk files, past the page cache where the file system can: the pool keeps what is worth it.

    Attributes
    ----------
    descriptors : (files,) int64

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

    def close(self) -> None:
        """Close all files."""
        self._finalizer()


class Readers:
    """Threads that bring in rows.

    Parameters
    ----------
    count : int
        Threads.
    scratch, plain : int
        Words that each has for what it reads, and for a row made plain.
    """

    def __init__(self, count: int, scratch: int, plain: int) -> None:
        self._count, self._scratch, self._plain = count, scratch, plain
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self.figures = np.zeros((count, FIGURES), np.int64)
        self.pipe, self.into = os.pipe()
        self._finalizer = weakref.finalize(self, _stop, self.pipe, self.into, self._threads)

    def start(self, fetching: Fetching, diagnose: Callable[[int], None]) -> None:
        """Start the threads, if they are not there yet.

        Parameters
        ----------
        diagnose : callable
            Raises what is wrong with a request that cannot be brought in; called in a reader. Must not know this
            object, which would otherwise live as long as its threads, and they as long as it.
        """
        for number in range(len(self._threads), self._count):
            thread = threading.Thread(
                target=_run,
                args=(fetching, self._scratch, self._plain, self.figures[number], diagnose, self._errors),
                name=f"neurograph-reader-{number}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        for error in self._errors[:1]:
            raise error

    def close(self) -> None:
        """Join the threads and close the pipe."""
        self._finalizer()


def aligned_words(words: int) -> NDArray[np.uint16]:
    """Return words that begin on a page, as reading past the page cache asks for; (words,) uint16."""
    return np.frombuffer(mmap.mmap(-1, max(PAGE, 2 * words)), np.uint16)[:words]


def _run(
    fetching: Fetching, scratch: int, plain: int, figures: NDArray[np.int64], diagnose: Callable[[int], None],
    errors: list[BaseException],
) -> None:  # fmt: skip
    read, made = aligned_words(scratch + PADDING), np.empty(plain, np.uint16)
    try:
        while (number := serve(fetching, read, made, figures)) != STOPPED:
            try:
                diagnose(number)
            except BaseException as error:
                errors.append(error)
    except BaseException as error:
        errors.append(error)
        fetching.failed[0] = 1


def _stop(pipe: int, into: int, threads: list[threading.Thread]) -> None:
    for _ in threads:
        os.write(into, np.zeros(1, np.int64).tobytes())
    for thread in threads:
        thread.join()
    threads.clear()
    os.close(pipe)
    os.close(into)


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
