"""Which things can go wrong, and whose fault is each?

NeuroGraphError                  base of all, so one except clause catches everything
├── ArgumentError (ValueError)   the caller asked for something impossible; exit status 2
│   ├── CircuitExistsError (FileExistsError)
│   ├── CircuitNotFoundError (FileNotFoundError)
│   ├── CircuitLockedError (BlockingIOError)
│   └── MemoryBudgetError (MemoryError)
├── DiskSpaceError (OSError)     the disk is, or would become, full; exit status 1
└── DataError (ValueError)       what was read is bad; exit status 1
    ├── VersionError             written by a newer release
    └── CorruptionError          damaged: names array, chunk file and granule

Messages say what, the value found, what is allowed, and the way out. Internal faults are assertions, not these.
"""

from pathlib import Path


class NeuroGraphError(Exception):
    """Base of every error that NeuroGraph raises on purpose."""


class ArgumentError(NeuroGraphError, ValueError):
    """An argument is outside what is allowed."""


class CircuitExistsError(ArgumentError, FileExistsError):
    """The output path is taken; nothing is ever overwritten."""


class CircuitNotFoundError(ArgumentError, FileNotFoundError):
    """There is no circuit at the path."""


class CircuitLockedError(ArgumentError, BlockingIOError):
    """Another process is building at the path."""


class MemoryBudgetError(ArgumentError, MemoryError):
    """The memory budget cannot hold what must be resident.

    Attributes
    ----------
    needed, budget : int
        Bytes.
    """

    def __init__(self, message: str, *, needed: int, budget: int) -> None:
        super().__init__(message)
        self.needed = needed
        self.budget = budget


class DiskSpaceError(NeuroGraphError, OSError):
    """The disk cannot hold what is to be written."""


class DataError(NeuroGraphError, ValueError):
    """A file or table holds something that is not allowed."""


class VersionError(DataError):
    """The circuit was written in a format that this release does not know."""


class CorruptionError(DataError):
    """Stored bytes are not what was written.

    Attributes
    ----------
    path : Path or None
        The damaged chunk file, where one is known.
    row : int or None
        The damaged row, counted within what was read, where one is known.
    """

    def __init__(self, message: str, *, path: Path | None = None, row: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.row = row
