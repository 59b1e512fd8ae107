"""What does the machine itself allow? Plain reads, which our own are compared with."""

import mmap
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from neurograph_storage.readers import ChunkFiles

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


def random_rate(paths: list[Path], size: int, *, threads: int = 8, pieces: int = 4000) -> float:
    """Return bytes a second of threads that each read so many pieces of ``size`` at random places of files."""
    files, sizes = ChunkFiles(paths), [path.stat().st_size for path in paths]
    try:
        with ThreadPoolExecutor(threads) as pool:
            started = time.perf_counter()
            jobs = [
                pool.submit(_read_pieces, files.descriptors.tolist(), sizes, size, pieces, k) for k in range(threads)
            ]
            for job in jobs:
                job.result()
            return pieces * threads * size / (time.perf_counter() - started)
    finally:
        files.close()


def _read_pieces(files: list[int], sizes: list[int], size: int, pieces: int, seed: int) -> None:
    random, into = np.random.default_rng(seed), memoryview(mmap.mmap(-1, max(size, 4096)))[:size]
    for _ in range(pieces):
        file = int(random.integers(len(files)))
        last = max(0, sizes[file] - size) // 512
        os.preadv(files[file], [into], int(random.integers(last + 1)) * 512)


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
