"""What does the machine itself allow? Plain reads, which our own are compared with."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_BLOCK = 2**22


def files_of(folder: Path) -> list[Path]:
    """Return every file below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def forget(folder: Path) -> None:
    """Drop a circuit's files from the page cache, so that the next read comes from the disk."""
    for path in files_of(folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def read_plainly(folder: Path, threads: int) -> int:
    """Read all files with ``preadv`` into one buffer a thread, and return the bytes."""
    files = files_of(folder)
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(_read_files, [files[k::threads] for k in range(threads)]))


def _read_files(files: list[Path]) -> int:
    buffer, total = bytearray(_BLOCK), 0
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            at = 0
            while count := os.preadv(descriptor, [buffer], at):
                at += count
            total += at
        finally:
            os.close(descriptor)
    return total
