"""How does a circuit appear at its path complete, or not at all?

1. All is written into ``OUT.partial``, whose folder is locked: a second builder is refused.
2. On success every file is flushed to the disk, then the folder is renamed to ``OUT``.
3. On an error the partial folder is removed. After a kill it stays, without a lock, and the next build replaces it.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurograph_storage.errors import ArgumentError, CircuitExistsError, CircuitLockedError


@contextmanager
def publishing(out: Path) -> Iterator[Path]:
    """Yield a folder to write into; it becomes ``out`` when the block ends without an error.

    Raises
    ------
    CircuitExistsError
        If ``out`` exists.
    CircuitLockedError
        If another process is building ``out``.
    ArgumentError
        If the folder around ``out`` does not exist or cannot be written.
    """
    partial = out.with_name(out.name + ".partial")
    _refuse_existing(out)
    with _locked_folder(partial):
        try:
            yield partial
            _flush(partial)
            _refuse_existing(out)
            partial.rename(out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    _flush_folder(out.parent)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise CircuitExistsError(f"{out} exists and is never overwritten; choose another path or remove it first")


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """Create ``folder`` empty and hold its lock; a folder left by a killed process carries none."""
    try:
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ArgumentError(f"cannot write to {folder.parent}: {error.strerror}") from error
    try:
        _lock(descriptor, folder)
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CircuitLockedError(f"another process is writing {folder}; wait for it or choose another path") from error


def _flush(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            descriptor = os.open(Path(root) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        _flush_folder(Path(root))


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
