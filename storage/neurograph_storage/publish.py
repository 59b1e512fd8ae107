"""How does a circuit appear at its path complete, or not at all, and how is an interrupted build taken up again?

1. All is written into ``OUT.partial``, whose folder is locked: a second builder is refused.
2. On success every file is flushed to the disk, then the folder is renamed to ``OUT``.
3. A build that is killed, interrupted, or stopped by the disk leaves the folder, without a lock. The next build goes on
   there if it is the same build (its fingerprint is in the folder) and got as far as a journal or a sorted run of its
   synapses; else it starts afresh.
4. Any other error removes the folder.

A single file is written beside its name and renamed (`appearing`).
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurograph_storage.errors import ArgumentError, CircuitExistsError, CircuitLockedError

FINGERPRINT = "fingerprint"
JOURNAL = "journal.npz"
# What a builder sorts before it writes rows: a folder, and the list of what in it is complete.
RUNS, RUNS_MANIFEST = "runs", "manifest.json"


@contextmanager
def publishing(out: Path, fingerprint: str = "") -> Iterator[Path]:
    """Yield a folder to write into; it becomes ``out`` when the block ends without an error.

    Parameters
    ----------
    fingerprint : str
        Equal for two builds exactly if they would write the same bytes; empty for one that cannot be taken up.

    Raises
    ------
    CircuitExistsError
        If ``out`` exists.
    CircuitLockedError
        If another process is building ``out``.
    ArgumentError
        If the folder around ``out`` does not exist or cannot be written.
    """
    refuse_existing(out)
    partial = out.with_name(out.name + ".partial")
    with locked_folder(partial):
        try:
            _prepare(partial, fingerprint)
            yield partial
            shutil.rmtree(partial / RUNS, ignore_errors=True)
            for name in (FINGERPRINT, JOURNAL, _beside(JOURNAL)):
                (partial / name).unlink(missing_ok=True)
            _flush(partial)
            refuse_existing(out)
            partial.rename(out)
        except (OSError, KeyboardInterrupt):
            if not _can_go_on(partial):
                shutil.rmtree(partial, ignore_errors=True)
            raise
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    flush_path(out.parent)


def _beside(name: str) -> str:
    return f"{name}.new"


@contextmanager
def appearing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield where to write a file that gets its name when the block ends without an error.

    Parameters
    ----------
    durable : bool
        Whether it must be on the disk before it has its name, and its name when this returns.
    """
    new = path.with_name(_beside(path.name))
    try:
        yield new
        if durable:
            flush_path(new)
        new.replace(path)
        if durable:
            flush_path(path.parent)
    finally:
        new.unlink(missing_ok=True)


def refuse_existing(out: Path) -> None:
    """Refuse a path that is taken.

    Raises
    ------
    CircuitExistsError
    """
    if out.exists():
        raise CircuitExistsError(f"{out} exists and is never overwritten; choose another path or remove it first")


def _can_go_on(folder: Path) -> bool:
    return (folder / JOURNAL).is_file() or (folder / RUNS / RUNS_MANIFEST).is_file()


def _prepare(folder: Path, fingerprint: str) -> None:
    """Empty the folder, unless it holds the same build, so far that it can go on."""
    known = folder / FINGERPRINT
    same = bool(fingerprint) and known.is_file() and known.read_text() == fingerprint
    if same and (folder / JOURNAL).is_file():
        return
    # Runs without a journal: rows start afresh, and what was written of them could be in the way.
    kept = {RUNS, FINGERPRINT} if same and _can_go_on(folder) else set()
    for entry in (entry for entry in folder.iterdir() if entry.name not in kept):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    if fingerprint:
        known.write_text(fingerprint)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Create ``folder`` if need be and hold its lock; a folder left by a killed process carries none."""
    try:
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ArgumentError(f"cannot write to {folder.parent}: {error.strerror}") from error
    try:
        _lock(descriptor, folder)
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
            flush_path(Path(root) / name)
        flush_path(Path(root))


def flush_path(path: Path) -> None:
    """Return when what was written to a file, or to a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
