"""How do many chunk files appear as one contiguous array, without a copy?

1. Reserve an address range as long as all chunks together.
2. Map each chunk file over its part of the range (MAP_FIXED); chunks are a multiple of the page size.
3. Give the range to NumPy; it is unmapped when the last view of it is gone.

Python's own mmap cannot place a mapping, hence the C library. Read-only, so pages are shared between processes.
"""

import ctypes
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.errors import CorruptionError

MAP_FIXED = 0x10  # the same on Linux and macOS
# Linux calls so what Python has no name for before 3.13, or at all.
_MADV_POPULATE_READ, _MADV_POPULATE_WRITE, _HUGE_PAGE = 22, 23, 2**21
# As much is read into memory before Python looks for signals.
_AT_ONCE = 2**26
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
]  # fmt: skip
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class _Range:
    """An address range that NumPy can view and that unmaps itself."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._start = _mmap(None, size + _HUGE_PAGE, mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
        self.address = -(-self._start // _HUGE_PAGE) * _HUGE_PAGE

    def place(self, offset: int, length: int, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            _mmap(self.address + offset, length, mmap.PROT_READ, mmap.MAP_SHARED | MAP_FIXED, descriptor)
        finally:
            os.close(descriptor)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {"shape": (self.size,), "typestr": "|u1", "data": (self.address, True), "version": 3}

    def __del__(self) -> None:
        if hasattr(self, "address"):
            _libc.munmap(self._start, self.size + _HUGE_PAGE)


def _mmap(address: int | None, length: int, protection: int, flags: int, descriptor: int) -> int:
    result: int | None = _libc.mmap(address, length, protection, flags, descriptor, 0)
    if result is None or result == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, f"mapping {length} bytes failed: {os.strerror(code)}")
    return result


def map_chunks(paths: Sequence[Path], chunk_bytes: int) -> NDArray[np.uint8]:
    """Return the bytes of all chunk files, one behind the other, read-only.

    Parameters
    ----------
    paths : sequence of Path
        At least one; each file is ``chunk_bytes`` long.

    Raises
    ------
    CorruptionError
        If a file is missing or not ``chunk_bytes`` long.
    """
    for path in paths:
        _check_file(path, chunk_bytes)
    span = _Range(len(paths) * chunk_bytes)
    for k, path in enumerate(paths):
        span.place(k * chunk_bytes, chunk_bytes, path)
    return np.asarray(span)


def advise(mapped: NDArray[np.generic], *, fits: bool) -> None:
    """Tell the kernel how a mapped array will be used.

    Parameters
    ----------
    fits : bool
        True: all of it will stay in memory, so read it now, where that can be in huge pages. False: access will be
        sparse, so no read-ahead, by which one cold byte may pull in megabytes.
    """
    if mapped.nbytes and not fits:
        _libc.madvise(mapped.ctypes.data, mapped.nbytes, mmap.MADV_RANDOM)
    elif mapped.nbytes:
        _read_in(mapped.ctypes.data, mapped.nbytes)


def _read_in(address: int, size: int) -> None:
    """Read all of a mapping, or have the kernel read it meanwhile where it cannot be told to.

    Groups of a step lie all over the rows, so in small pages nearly each needs a translation that is not at hand.
    """
    if hasattr(mmap, "MADV_HUGEPAGE"):
        _libc.madvise(address, size, mmap.MADV_HUGEPAGE)
    for at in range(0, size, _AT_ONCE):
        if _libc.madvise(address + at, min(_AT_ONCE, size - at), _MADV_POPULATE_READ):
            _libc.madvise(address + at, size - at, mmap.MADV_WILLNEED)
            break


@contextmanager
def given_meanwhile(array: NDArray[Any]) -> Iterator[None]:
    """Have the system give an array its memory, beside something that mostly waits for the disk.

    A page is cleared when it is first written; here that is not done by who writes, and others then need not wait. What
    is left at the end is given as ever.
    """
    over = Event()
    thread = Thread(target=_give, args=(array, over), name="neurograph-memory")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _give(array: NDArray[Any], over: Event) -> None:
    start, end = _whole_pages(array)
    for at in range(start, end, _HUGE_PAGE):
        if over.is_set() or _libc.madvise(at, min(_HUGE_PAGE, end - at), _MADV_POPULATE_WRITE):
            break


def drop(mapped: NDArray[np.generic]) -> None:
    """Let go of the pages of a mapped array; whoever reads them again gets them from the page cache or the disk."""
    if mapped.nbytes:
        start = mapped.ctypes.data // mmap.PAGESIZE * mmap.PAGESIZE
        _libc.madvise(start, mapped.ctypes.data + mapped.nbytes - start, mmap.MADV_DONTNEED)


def _check_file(path: Path, expected: int) -> None:
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise CorruptionError(f"chunk file {path} is missing", path=path) from None
    if found != expected:
        raise CorruptionError(f"chunk file {path} is {found} bytes long, expected {expected}: truncated?", path=path)


def discard(array: NDArray[Any]) -> None:
    """Give the memory of a contiguous array back to the system, whole pages of it; what was there is lost."""
    start, end = _whole_pages(array)
    if start < end:
        _libc.madvise(start, end - start, mmap.MADV_DONTNEED)


def _whole_pages(array: NDArray[Any]) -> tuple[int, int]:
    """Return where the pages that lie wholly in an array begin and end."""
    start = -(-array.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
    return start, (array.ctypes.data + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
