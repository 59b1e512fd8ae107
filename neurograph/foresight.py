"""What does reading ahead of spikes need: how much memory, and which spikes are known beforehand?

`Prefetch` is what a user chose; `Foresight` makes of it what workers use (`neurograph.ahead`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.ahead import ARRIVED, PLACED, READ, Ahead, start_over
from neurograph.choices import find
from neurograph.circuit import Circuit
from neurograph.prediction import LAYOUT, ORACLE, POLICIES, WINDOW, Model, follow_layout, partitions_for
from neurograph.record import Spikes
from neurograph_storage.errors import ArgumentError
from neurograph_storage.requests import FIELDS

# Guesses that may be under way, or have arrived since the last look.
_LINES = 1024

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prefetch:
    """Which rows are read before they are needed.

    Attributes
    ----------
    policy : str
        One of `neurograph.prediction.POLICIES`.
    known : Spikes, optional
        Of an earlier run, for ``"oracle"``.

    Raises
    ------
    ArgumentError
        If there is no such policy, or spikes are missing or of no use.
    """

    policy: str = "exact"
    known: Spikes | None = None

    def __post_init__(self) -> None:
        find("prefetch policy", self.policy, POLICIES)
        if (self.known is not None) != (self.number == ORACLE):
            raise ArgumentError(
                f"the prefetch policy is {self.policy}; known spikes go with oracle, which needs them: those of an "
                "earlier run of the same circuit, seed and drive"
            )

    @property
    def number(self) -> int:
        """The policy, as compiled code knows it."""
        return POLICIES[self.policy]

    def spikes(self, circuit: Circuit) -> I64:
        """Return steps and storage ids of the known spikes, (2, spikes) int64, in the order in which they are read."""
        if self.known is None:
            return np.empty((2, 0), np.int64)
        rows = circuit.storage[circuit.index_of(self.known.neurons)].astype(np.int64)
        order = np.lexsort((rows, self.known.steps))
        return np.stack([self.known.steps[order].astype(np.int64), rows[order]])


class Foresight:
    """Rows that are read ahead of spikes, or none.

    Parameters
    ----------
    circuit : Circuit
    prefetch : Prefetch
    room : int
        Bytes for rows and all that is known of them.

    Attributes
    ----------
    ahead : Ahead
        Nothing, until `begin`.
    lines : int
        Of the table of requests.
    """

    def __init__(self, circuit: Circuit, prefetch: Prefetch, room: int) -> None:
        self._circuit, self.prefetch = circuit, prefetch
        self._partitions = partitions_for(prefetch.number, room)
        self.ahead, self.lines = Ahead.none(), _LINES if prefetch.number >= LAYOUT else 0

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        known = 16 * len(self.prefetch.known) if self.prefetch.known is not None else 0
        return 4 * self._partitions**2 + self.lines * 8 * (FIELDS + 1) + known

    def begin(self, tails: NDArray[np.uint32], into: int) -> None:
        """Make what workers use.

        Parameters
        ----------
        tails : (rows,) uint32
            Words of each.
        into : int
            Pipe to the readers.
        """
        number = self.prefetch.number
        if number < LAYOUT:
            return
        model = Model.make(number, tails, max(1, round(WINDOW / self._circuit.dt)), self._partitions)
        if number == LAYOUT:
            follow_layout(model, self._circuit.store)
        self.ahead = Ahead.make(model, self.prefetch.spikes(self._circuit), into)

    def start_over(self, step: int) -> None:
        """Forget what was read, when no read is under way."""
        start_over(self.ahead, step)

    def waiting(self) -> NDArray[np.int64]:
        """Return the lines of what is under way, behind those of spikes."""
        counters = self.ahead.counters
        return np.arange(counters[ARRIVED], counters[PLACED]) % max(1, self.lines)

    @property
    def read_bytes(self) -> int:
        """Bytes of tails that were read ahead so far."""
        return 2 * int(self.ahead.counters[READ])
