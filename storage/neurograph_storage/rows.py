"""What is a batch of rows, and who can deliver one?

`Rows` is a value: consecutive rows as the words that lie on disk (`neurograph_storage.stream`). `RowSource` is anything
that gives them on demand, be it a stored circuit or a generator that draws them anew from a seed; both must pass
`neurograph_storage.testing.RowSourceTests`. `Synapses` is what the words say, for checks and for the curious.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph_storage import stream


class Synapses(NamedTuple):
    """Synapses of some rows, each array (synapses,) int64.

    Attributes
    ----------
    row : row of the batch, 0 = its first
    target : storage id
    delay : steps
    receptor : number in the target's model
    code : weight code
    """

    row: NDArray[np.int64]
    target: NDArray[np.int64]
    delay: NDArray[np.int64]
    receptor: NDArray[np.int64]
    code: NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Consecutive rows.

    Attributes
    ----------
    starts : (rows + 1,) int64
        First word of each row, and the end.
    words : (words,) uint16
    block_neurons : int
        Neurons in a target block.
    """

    starts: NDArray[np.int64]
    words: NDArray[np.uint16]
    block_neurons: int

    def lengths(self) -> NDArray[np.int64]:
        """Return the synapses in each row, (rows,) int64."""
        counts = np.empty(len(self.starts) - 1, np.int64)
        stream.count_synapses(self.words, self.starts, counts)
        return counts

    def synapses(self) -> Synapses:
        """Return every synapse, in stored order."""
        total = int(self.lengths().sum())
        synapses = Synapses(*(np.empty(total, np.int64) for _ in range(5)))
        stream.decode(self.words, self.starts, self.block_neurons, *synapses)
        return synapses


class RowSource(Protocol):
    """The rows of a circuit, by storage id."""

    @property
    def neurons(self) -> int:
        """Number of rows."""

    def lengths(self) -> NDArray[np.int64]:
        """Return the synapses in each row, (neurons,) int64."""

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``; the same words whatever was asked before, from any thread."""
