"""What does every file of edges offer, whatever its format?

An `EdgeFile` gives its synapses piece by piece, as often as asked. `neurograph.edge_tables` reads Parquet and CSV,
`neurograph.edge_matrices` SciPy's sparse matrices, `neurograph.edge_sonata` SONATA.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.ids import Ids
from neurograph.memory import available_memory
from neurograph_storage.errors import DataError
from neurograph_storage.layout import MAX_NEURONS
from neurograph_storage.sizes import format_size

# What building holds of a neuron, at least.
_BYTES_PER_NEURON = 100


class FilePiece(NamedTuple):
    """Some consecutive synapses of a file, each array (synapses,).

    Attributes
    ----------
    source, target : int64
        Original ids.
    weight : int64 or float64
        As in the file; int64 if stored as integers.
    delay : float64 or None
        In ms; None if the file has none.
    source_index, target_index : int64 or None
        Row of the neuron table of each id, where the file says so.
    """

    source: Ids
    target: Ids
    weight: NDArray[Any]
    delay: NDArray[np.float64] | None
    source_index: Ids | None = None
    target_index: Ids | None = None


class EdgeFile(Protocol):
    """A file of edges."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def identity(self) -> list[Any]:
        """What decides its content: path, size and time of change of all files, and options."""

    @property
    def ids(self) -> Ids | None:
        """Original ids by index, if the format fixes them without a look at the synapses."""

    @property
    def counted(self) -> bool:
        """Whether ids are 0 to the largest one named."""

    @property
    def has_delay(self) -> bool:
        """Whether each synapse has its delay."""

    def pieces(self, start: int = 0) -> Iterator[FilePiece]:
        """Yield the synapses from number ``start`` on.

        Raises
        ------
        DataError
        """

    def weights(self) -> Iterator[NDArray[Any]]:
        """Yield all weights and nothing else."""

    def delays(self) -> Iterator[NDArray[np.float64]]:
        """Yield all delays, in ms, and nothing else."""

    def widen(self) -> bool:
        """Take weights for fractions from now on; say whether until now they were taken for integers."""


def file_identity(path: Path) -> list[Any]:
    """Return what tells whether a file is still the same, without reading it."""
    status = path.stat()
    return [str(path.absolute()), status.st_size, status.st_mtime_ns]


def check_neurons(neurons: int, path: Path) -> None:
    """Refuse more neurons than there can be or memory holds: a damaged file may speak of billions.

    Raises
    ------
    DataError
    """
    needed, there = neurons * _BYTES_PER_NEURON, available_memory()
    if not 0 <= neurons <= MAX_NEURONS or needed > there:
        raise DataError(
            f"{path} speaks of {neurons} neurons; at most {MAX_NEURONS} are allowed, "
            f"and {_BYTES_PER_NEURON} bytes of memory for each, of which {format_size(there)} are there"
        )
