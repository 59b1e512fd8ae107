"""Which arrays does a circuit have on disk, and how are they cut into chunks and granules?

Pure: names, types and arithmetic, no input or output. The words are those of docs/data-model.md.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# The format of circuits that need nothing newer; the second one adds weights of several digits.
FORMAT_VERSION, DIGITS_VERSION = 1, 2
ATTRIBUTE = "neurograph"
GRANULE_BYTES = 64 * 1024
CHUNK_BYTES = 64 * GRANULE_BYTES
PARTITION_ROWS = 1024

# What the widths of a row's words allow (neurograph_storage.stream).
MAX_BLOCK_NEURONS = 2**16
MAX_BLOCKS = 2**16 - 1
MAX_DELAY_STEPS = 2**13 - 1
MAX_RECEPTORS = 2**3
MAX_NEURONS = 2**32 - 1
MAX_CODE = 2**15 - 1


@dataclass(frozen=True)
class ArraySpec:
    """Name, element type and length of one stored array."""

    name: str
    dtype: np.dtype[np.generic]
    length: int

    @property
    def nbytes(self) -> int:
        """Bytes of the array, without the padding of its last chunk."""
        return self.length * self.dtype.itemsize

    @property
    def chunk_length(self) -> int:
        """Elements in one chunk file."""
        return max(1, min(self.length, CHUNK_BYTES // self.dtype.itemsize))

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one chunk file, the last one included (it is padded)."""
        return self.chunk_length * self.dtype.itemsize

    @property
    def chunks(self) -> int:
        """Number of chunk files."""
        return -(-self.length // self.chunk_length)

    @property
    def granules(self) -> int:
        """Number of granules, each with its own checksum."""
        return -(-self.nbytes // GRANULE_BYTES)

    @property
    def checksum_name(self) -> str:
        """Name of the array that holds this one's checksums."""
        return "checksums/" + self.name.replace("/", ".")


_TYPES = {
    "neurons/id": "<i8",
    "neurons/storage": "<u4",
    "neurons/population": "<u2",
    "rows/start": "<u8",
    "rows/words": "<u2",
}


@dataclass(frozen=True)
class Counts:
    """How many neurons and synapses a circuit has, how many words its rows take, and how many once they are plain."""

    neurons: int
    synapses: int
    words: int
    plain_words: int


def array_type(name: str) -> np.dtype[np.generic]:
    """Return the element type of an array of a circuit."""
    return np.dtype("<f8" if name.startswith("initial/") else _TYPES[name])


def array_specs(counts: Counts, initial: tuple[str, ...] = ()) -> dict[str, ArraySpec]:
    """Return every array of a circuit by name, checksums not included.

    Parameters
    ----------
    initial : tuple of str
        States whose start values are stored neuron by neuron.
    """
    lengths = {
        "neurons/id": counts.neurons,
        "neurons/storage": counts.neurons,
        "neurons/population": counts.neurons,
        "rows/start": counts.neurons + 1,
        "rows/words": counts.words,
    }
    lengths |= {f"initial/{state}": counts.neurons for state in initial}
    return {name: ArraySpec(name, array_type(name), length) for name, length in lengths.items()}


def default_block_neurons(neurons: int) -> int:
    """Return the neurons in a target block: as few blocks as 16-bit ids allow, of one size, but an even number.

    Workers own whole blocks, and of three two workers would have one and two; more blocks would make the groups of a
    row shorter and their headers dearer.
    """
    blocks = 2 * max(1, -(-neurons // (2 * MAX_BLOCK_NEURONS)))
    return max(1, -(-neurons // blocks))


def batches(lengths: np.ndarray, synapses: int) -> list[tuple[int, int]]:
    """Cut rows into consecutive ranges of about ``synapses`` synapses each.

    Parameters
    ----------
    lengths : (rows,) int64
        Synapses in each row.

    Returns
    -------
    list of (start, stop)
        Half-open row ranges that cover all rows in order; a row is never split.

    Examples
    --------
    >>> batches(np.array([5, 5, 9, 1]), 10)
    [(0, 2), (2, 4)]
    """
    if len(lengths) == 0:
        return []
    # A row belongs to the batch in which its first synapse falls; the row limit bounds batches of empty rows.
    first = np.cumsum(lengths) - lengths
    label = first // synapses + np.arange(len(lengths)) // max(synapses, 1)
    cuts = [0, *(np.flatnonzero(np.diff(label)) + 1).tolist(), len(lengths)]
    return list(pairwise(cuts))
