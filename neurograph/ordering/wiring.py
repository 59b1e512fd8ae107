"""What does an ordering see of a circuit?

Who projects to whom, by storage id, piece by piece: each pass over the rows reads them anew, unless all targets fit in
a share of the memory budget. No result may depend on how rows are cut into pieces, nor on which thread gets which.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.loading import load_rows
from neurograph_storage.ordered import in_order
from neurograph_storage.rows import Rows
from neurograph_storage.store import CircuitStore
from neurograph_storage.stream import SHARED, WORDS, group_words, section_words

Result = TypeVar("Result")
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

_PIECE_WORDS = 2**20
# Few tasks under way at a time would wait for one another, many would take memory.
_AHEAD = 6
# Targets are kept between passes if they take at most this part of the budget.
_KEEP_SHARE = 2


class Piece(NamedTuple):
    """Targets of some consecutive rows.

    Attributes
    ----------
    first : int
        Storage id of the first row.
    starts : (rows + 1,) int64
        Where the targets of each row begin, and the end.
    targets : (synapses,) uint32
        Storage ids.
    """

    first: int
    starts: I64
    targets: U32


class Wiring(Protocol):
    """The targets of all rows."""

    @property
    def neurons(self) -> int:
        """Number of rows."""

    @property
    def synapses(self) -> int:
        """Number of synapses."""

    def each(self, function: Callable[[Piece], Result]) -> Iterator[Result]:
        """Yield what a function gives for each piece, in order; threads call it."""


@dataclass(frozen=True, eq=False)
class ListedWiring:
    """Targets held in memory, as one piece; ``starts`` and ``targets`` as in `Piece`."""

    starts: I64
    targets: U32

    @property
    def neurons(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return len(self.targets)

    def each(self, function: Callable[[Piece], Result]) -> Iterator[Result]:
        """See `Wiring`."""
        yield function(Piece(0, self.starts, self.targets))


class StoredWiring:
    """The targets of a stored circuit, checked while they are read.

    Parameters
    ----------
    memory : int
        Bytes, of which half may hold targets.
    jobs : int, optional
        Threads; by default one for each processor.
    """

    def __init__(self, store: CircuitStore, memory: int, jobs: int | None = None) -> None:
        self.neurons, self.synapses = store.neurons, store.counts.synapses
        self._store, self._jobs = store, jobs
        self._keep = 4 * self.synapses + 8 * self.neurons <= memory // _KEEP_SHARE
        self._kept: list[Piece] = []
        self._lengths: I64 | None = None

    def lengths(self) -> I64:
        """Return the synapses in each row, (neurons,) int64; all rows are read and checked, unless they have been.

        Raises
        ------
        CorruptionError
        """
        if self._lengths is None:
            for _ in self.each(lambda _piece: None):
                pass
        assert self._lengths is not None
        return self._lengths

    def each(self, function: Callable[[Piece], Result]) -> Iterator[Result]:
        """See `Wiring`.

        Raises
        ------
        CorruptionError
        """
        if self._kept:
            yield from in_order(function, self._kept, self._jobs, ahead=len(self._kept))
            return
        pieces: list[Piece] = []
        lengths = [np.empty(0, np.int64)]
        room = _Room(self.synapses if self._keep else 0)

        def task(batch: tuple[int, int]) -> tuple[Piece | None, I64, Result]:
            piece = Piece(batch[0], *targets_of(load_rows(self._store, batch), room.take))
            return piece if self._keep else None, np.diff(piece.starts), function(piece)

        for piece, of_rows, result in in_order(task, self._store.row_batches(_PIECE_WORDS), self._jobs, ahead=_AHEAD):
            if piece is not None:
                pieces.append(piece)
            lengths.append(of_rows)
            yield result
        self._kept, self._lengths = pieces, np.concatenate(lengths)


class _Room:
    """One array that threads take parts of: what is freed in parts would not go back to the system at once."""

    def __init__(self, size: int) -> None:
        self._all, self._taken, self._lock = np.empty(size, np.uint32), 0, Lock()

    def take(self, size: int) -> U32:
        """Return so many elements, elsewhere if there is no room."""
        with self._lock:
            if self._taken + size > len(self._all):
                return _anywhere(size)
            self._taken += size
            return self._all[self._taken - size : self._taken]


def _anywhere(size: int) -> U32:
    return np.empty(size, np.uint32)


def targets_of(rows: Rows, room: Callable[[int], U32] = _anywhere) -> tuple[I64, U32]:
    """Return where the targets of each row begin, and the end, (rows + 1,) int64; and all, (synapses,) uint32.

    ``room`` gives memory for so many targets.
    """
    starts = np.zeros(len(rows.starts), np.int64)
    np.cumsum(rows.lengths(), out=starts[1:])
    targets = room(int(starts[-1]))
    _targets(rows.words, rows.starts, rows.block_neurons, targets)
    return starts, targets


@kernel
def _targets(words: NDArray[np.uint16], starts: I64, block_neurons: int, targets: U32) -> None:
    s = 0
    for r in range(len(starts) - 1):
        sections = np.int64(words[starts[r]])
        at = starts[r] + 1 + 3 * sections
        for section in range(sections):
            entry = starts[r] + 1 + 3 * section
            first, end = np.int64(words[entry]) * block_neurons, at + section_words(words, entry)
            while at < end:
                count, kind = np.int64(words[at + 1]) >> 2, np.int64(words[at + 1]) & 3
                body, stride = at + 2 + (kind == SHARED), 1 + (kind == WORDS)
                for k in range(count):
                    targets[s + k] = first + np.int64(words[body + k * stride])
                s += count
                at += group_words(count, kind)
