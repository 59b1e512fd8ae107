"""How does a run make sure that it never delivers from damaged bytes?

`RowGuard` checks each granule of mapped rows against its checksum when a row of it is first needed, and remembers the
rows that may pass, so that asking again costs one look at a flag.

Whoever must ask comes back from compiled code for it. So where all rows will stay in memory anyway, each time some
more granules are checked, in the order in which they lie on disk, and after a few hundred times nothing is left to ask.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.loading import GRANULE_WORDS
from neurograph_storage.store import ROW_STARTS, ROW_WORDS, CircuitStore

_AHEAD = 64


class RowGuard:
    """Lets rows of a stored circuit pass, once their granules are found sound.

    Parameters
    ----------
    ahead : bool
        Check more than is asked for, since all of it will be needed.

    Attributes
    ----------
    passed : (neurons,) uint8
        1 for each row that has been let pass.
    """

    def __init__(self, store: CircuitStore, *, ahead: bool = False) -> None:
        self._store, self._ahead = store, _AHEAD if ahead else 0
        self._words, self._sums = store.arrays[ROW_WORDS], store.checksums(ROW_WORDS)
        starts = store.arrays[ROW_STARTS].astype(np.int64)
        self._first, self._last = starts[:-1] // GRANULE_WORDS, (starts[1:] - 1) // GRANULE_WORDS
        # Granules before this one have been checked in order; others as they were needed.
        self._next, self._sound = 0, np.zeros(len(self._sums), np.bool_)
        self.passed = np.zeros(store.neurons, np.uint8)

    def admit(self, rows: NDArray[np.integer[Any]]) -> None:
        """Return if the words of all these rows, by storage id, are what was written.

        Raises
        ------
        CorruptionError
            Names the granule and its chunk file.
        """
        new = rows[self.passed[rows] == 0]
        for row in new.tolist():
            self._check(int(self._first[row]), int(self._last[row]) + 1)
        self.passed[new] = 1
        if len(new) and self._ahead:
            self._check_ahead()

    def _check_ahead(self) -> None:
        stop = min(self._next + self._ahead, len(self._sound))
        self._check(self._next, stop)
        # Rows up to the first one that ends beyond; both ends rise with the row.
        low, high = np.searchsorted(self._last, [self._next, stop])
        self.passed[low:high] = 1
        self._next = stop

    def _check(self, first: int, last: int) -> None:
        for granule in first + np.flatnonzero(~self._sound[first:last]):
            data = self._words[granule * GRANULE_WORDS : (granule + 1) * GRANULE_WORDS]
            if granule_checksums(data)[0] != self._sums[granule]:
                raise self._store.granule_error(ROW_WORDS, int(granule))
            self._sound[granule] = True
