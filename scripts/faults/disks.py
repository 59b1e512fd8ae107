"""What happens on a disk that is too small, or slow?"""

import ctypes
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from faults.common import BUILD, MEMORY, Lost, Rounds, check_same, files, finish, start, streamed
from neurograph import streaming
from neurograph_storage import queueing
from neurograph_storage.queueing import PAGE

SMALL_DISK = "size=3m"
# A slow read: the share of reads, and the longest time in seconds.
SLOW_SHARE, SLOW_S = 0.02, 0.02


def can_mount() -> bool:
    """Return whether file systems can be mounted here."""
    with tempfile.TemporaryDirectory() as place:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False)
        if mounted.returncode == 0:
            subprocess.run(["umount", place], check=True)
        return mounted.returncode == 0


def full_rounds(folder: Path, arguments: list[str]) -> Rounds:
    """Yield rounds on a disk that is too small, first told beforehand, then in the middle."""
    whole = folder / "whole.zarr"
    finish(arguments, whole)
    expected = files(whole)

    def attempt() -> str:
        disk = folder / "disk"
        disk.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", disk], check=True)
        try:
            process = start(arguments, disk / "c.zarr")
            errors = process.communicate()[1]
            if process.returncode != 1 or "free there" not in errors or (disk / "c.zarr").exists():
                raise Lost(f"a disk too small ends with {process.returncode}: {errors}")
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            finish(arguments, disk / "c.zarr")
            check_same(disk / "c.zarr", expected)
        finally:
            subprocess.run(["umount", disk], check=True)
        return "refused with the size it needs; done when there was room"

    while True:
        yield attempt


@contextmanager
def slow_disk(seed: int) -> Iterator[list[int]]:
    """Let reads come late, or in pieces, at random; give a list that is filled with their sizes."""
    rng, reads = np.random.default_rng(seed), list[int]()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.pread.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64]
    libc.pread.restype = ctypes.c_ssize_t

    def read(file: int, into: int, size: int, offset: int) -> int:
        chance, late = rng.random(2).tolist()
        if chance < SLOW_SHARE:
            time.sleep(late * SLOW_S)
        elif chance < 2 * SLOW_SHARE and size > PAGE:
            size = PAGE
        reads.append(size)
        return int(libc.pread(file, into, size, offset))

    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    called = kind(read)
    address = ctypes.cast(called, ctypes.c_void_p).value
    # Where reads are asynchronous, ``pread`` is not asked.
    with patch.object(queueing, "_set_up", lambda _slots: 0), patch.object(streaming, "read_address", lambda: address):
        yield reads


def slow_rounds(folder: Path, rng: np.random.Generator) -> Rounds:
    """Yield rounds on a disk whose reads come late or in pieces."""
    circuits = [folder / f"{codec}.zarr" for codec in ("raw", "compressed")]
    for path in circuits:
        finish([*BUILD, "--codec", path.stem], path)
    expected = streamed(circuits[0], 1, "1GiB")

    def attempt() -> str:
        path, workers = circuits[rng.integers(2)], int(rng.integers(1, 4))
        with slow_disk(int(rng.integers(2**31))) as reads:
            found = streamed(path, workers, MEMORY)
        if not reads:
            raise Lost("nothing was read: the rows were in memory")
        if found != expected:
            raise Lost(f"other spikes from {path} with {workers} workers on a slow disk")
        return f"{len(reads):,} reads, late or in pieces now and then; {path.stem}, {workers} workers"

    while True:
        yield attempt
