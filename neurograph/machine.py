"""What can this machine do, as far as it matters here: disk, memory, huge pages, versions?

A file of a given size is written and read back past the page cache, whole and in pieces; everything else is looked up.
"""

import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neurograph.bench.disk import forget, read_plainly
from neurograph.memory import available_memory, budget_bytes
from neurograph.planning import usable_cores
from neurograph_storage.errors import ArgumentError
from neurograph_storage.sizes import MIB

_PACKAGES = (
    "neurograph",
    "numpy",
    "numba",
    "scipy",
    "zarr",
    "h5py",
    "pyarrow",
    "matplotlib",
    "neo",
    "PyNN",
    "networkx",
)
_PIECE, _PIECES, _THREADS = 64 * 1024, 512, 8
_HUGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# A cold byte of a map pulls in as much as the system reads ahead.
_MUCH_READ_AHEAD = 1024


def examine(folder: Path, size: int = 256 * MIB) -> dict[str, Any]:
    """Return a JSON object of what was found.

    Parameters
    ----------
    folder : Path
        Where circuits would lie.
    size : int
        Bytes of the file that is written there, and removed.

    Raises
    ------
    ArgumentError
        If the folder does not exist.
    OSError
        If it cannot be written.
    """
    if not folder.is_dir():
        raise ArgumentError(f"there is no folder {folder}")
    found: dict[str, Any] = {
        "versions": versions(),
        "processor": {"cores": os.cpu_count(), "usable_cores": usable_cores(), "name": _processor()},
        "memory": memory(),
        "disk": {"folder": str(folder.absolute()), "read_ahead_kib": read_ahead(folder)} | disk(folder, size),
    }
    found["advice"] = list(advice(found))
    return found


def versions() -> dict[str, str | None]:
    """Return the version of Python, of the system, and of packages; None for those that are not installed."""
    found: dict[str, str | None] = {"python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def memory() -> dict[str, Any]:
    """Return sizes in bytes: physical memory, what may be used of it, and the budget of a run that names none."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    available = available_memory()
    return {
        "physical_bytes": physical,
        "limit_bytes": available if available < physical else None,
        "default_budget_bytes": budget_bytes(None),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "huge_pages": _chosen(_HUGE),
    }


def disk(folder: Path, size: int) -> dict[str, Any]:
    """Return free bytes, and bytes a second of writing, reading, and reading in pieces of 64 KiB at random."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < 2 * size:
        return {"free_bytes": free, "tested_bytes": 0}
    with tempfile.TemporaryDirectory(prefix="neurograph-doctor-", dir=folder) as name:
        path = Path(name) / "file"
        written = _timed(lambda: _write(path, size))
        forget(Path(name))
        read = _timed(lambda: read_plainly(Path(name), 1))
        forget(Path(name))
        pieces = _timed(lambda: _read_pieces(path, size))
    return {
        "free_bytes": free,
        "tested_bytes": size,
        "write_bytes_per_s": size / written,
        "read_bytes_per_s": size / read,
        "random_read_bytes_per_s": min(_PIECES, size // _PIECE) * _PIECE / pieces,
    }


def read_ahead(folder: Path) -> int | None:
    """Return how much the system reads ahead on the disk of a folder, in KiB; None if that cannot be told."""
    device = folder.stat().st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    for place in (block / "queue/read_ahead_kb", block / "../queue/read_ahead_kb"):
        try:
            return int(place.read_text())
        except (OSError, ValueError):
            continue
    return None


def advice(found: dict[str, Any]) -> Iterator[str]:
    """Yield what could be better, each with the way to it."""
    huge, ahead, tested = found["memory"]["huge_pages"], found["disk"]["read_ahead_kib"], found["disk"]["tested_bytes"]
    if huge == "never":
        yield f"huge pages are off: echo madvise > {_HUGE} lets mapped circuits use them"
    if ahead is not None and ahead > _MUCH_READ_AHEAD:
        yield f"the system reads {ahead} KiB ahead: one cold byte of a mapped file brings in as much"
    if not tested:
        yield "the disk is too full to be tested"
    elif found["disk"]["random_read_bytes_per_s"] < 100e6:
        yield "the disk reads less than 100 MB/s at random: a circuit larger than memory will wait for it"
    if found["processor"]["usable_cores"] < 2:
        yield "one core only: give --workers 1"


def _timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return max(time.perf_counter() - started, 1e-9)


def _write(path: Path, size: int) -> None:
    # Random, since some disks do not write zeros; the same piece again and again, since none of them looks that far.
    piece = random.Random(1).randbytes(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _read_pieces(path: Path, size: int) -> None:
    places = [_PIECE * k for k in random.Random(2).sample(range(size // _PIECE), min(_PIECES, size // _PIECE))]
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda place: len(os.pread(descriptor, _PIECE, place)), places))
    finally:
        os.close(descriptor)


def _chosen(file: Path) -> str | None:
    """Return the word in brackets of a file such as ``always [madvise] never``."""
    try:
        words = file.read_text().split()
    except OSError:
        return None
    return next((word.strip("[]") for word in words if word.startswith("[")), None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or sys.platform
