"""How does a run make sure that it never delivers from damaged bytes?

`RowGuard` checks each granule of mapped rows against its checksum when a row of it is first needed, and remembers the
rows that it has let pass, so that asking again costs one look at a flag.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.loading import GRANULE_WORDS
from neurograph_storage.store import ROW_WORDS, CircuitStore


class RowGuard:
    """Lets rows of a stored circuit pass, once their granules are found sound."""

    def __init__(self, store: CircuitStore) -> None:
        self._store = store
        self._starts, self._words = store.arrays["rows/start"], store.arrays[ROW_WORDS]
        self._sums = store.checksums(ROW_WORDS)
        self._sound = np.zeros(len(self._sums), np.bool_)
        self._passed = np.zeros(store.neurons, np.bool_)

    def admit(self, rows: NDArray[np.integer[Any]]) -> None:
        """Return if the words of all these rows, by storage id, are what was written.

        Raises
        ------
        CorruptionError
            Names the granule and its chunk file.
        """
        new = rows[~self._passed[rows]]
        if len(new) == 0:
            return
        first = self._starts[new].astype(np.int64) // GRANULE_WORDS
        last = (self._starts[new + 1].astype(np.int64) - 1) // GRANULE_WORDS
        for low, high in zip(first.tolist(), last.tolist(), strict=True):
            for granule in low + np.flatnonzero(~self._sound[low : high + 1]):
                self._check(int(granule))
        self._passed[new] = True

    def _check(self, granule: int) -> None:
        data = self._words[granule * GRANULE_WORDS : (granule + 1) * GRANULE_WORDS]
        if granule_checksums(data)[0] != self._sums[granule]:
            raise self._store.granule_error(ROW_WORDS, granule)
        self._sound[granule] = True
