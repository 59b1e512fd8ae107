"""Arrays, chunks, bytes and budgets of circuits on disk; users import `neurograph` instead."""

from neurograph_storage.errors import (
    ArgumentError,
    CircuitExistsError,
    CircuitLockedError,
    CircuitNotFoundError,
    CorruptionError,
    DataError,
    MemoryBudgetError,
    NeuroGraphError,
    VersionError,
)
from neurograph_storage.publish import publishing
from neurograph_storage.rows import Rows, RowSource
from neurograph_storage.sizes import format_size, parse_size
from neurograph_storage.store import CircuitStore
from neurograph_storage.verify import Violation, verify
from neurograph_storage.writer import CircuitWriter

__all__ = [
    "ArgumentError",
    "CircuitExistsError",
    "CircuitLockedError",
    "CircuitNotFoundError",
    "CircuitStore",
    "CircuitWriter",
    "CorruptionError",
    "DataError",
    "MemoryBudgetError",
    "NeuroGraphError",
    "RowSource",
    "Rows",
    "VersionError",
    "Violation",
    "format_size",
    "parse_size",
    "publishing",
    "verify",
]
