"""How few bits could a circuit's synapses take?

Shannon's bound for coding each row by itself: the entropy of the gaps between its sorted targets, of its delays, and
of its weight codes, each taken as independent draws. Measured on a sample of whole rows spread over the circuit; the
estimate is a little low where a row's gaps take more different values than the sample has synapses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.check import check_rows
from neurograph_storage.errors import CorruptionError
from neurograph_storage.layout import MAX_RECEPTORS
from neurograph_storage.rows import Synapses
from neurograph_storage.store import CircuitStore

SAMPLE_SYNAPSES = 2_000_000
_SAMPLES = 20


@dataclass(frozen=True)
class EntropyBound:
    """Bits a synapse for targets, delays and weight codes."""

    targets: float
    delays: float
    codes: float

    @property
    def bytes(self) -> float:
        """Bytes a synapse for all three."""
        return (self.targets + self.delays + self.codes) / 8


def entropy_bound(store: CircuitStore) -> EntropyBound:
    """Return the bound of a circuit; zeros if it has no synapses."""
    gaps, delays = [], []
    codes: list[list[NDArray[np.int64]]] = []
    per_row = max(1, store.counts.synapses // max(1, store.neurons))
    rows = max(1, SAMPLE_SYNAPSES // _SAMPLES // per_row)
    for start in range(0, store.neurons, max(rows, -(-store.neurons // _SAMPLES))):
        sample = store.rows(start, min(start + rows, store.neurons))
        any_receptor = np.full(store.neurons, MAX_RECEPTORS, np.uint8)
        by_code = store.digits == 1
        row, broken = check_rows(sample.words, sample.starts, store.block_neurons, any_receptor, by_code)
        if broken:
            raise CorruptionError(f"row {start + row} of {store.path} is damaged; neurograph verify says where")
        every = sample.synapses()
        digit = every.receptor % store.digits
        codes.append([(every.code * MAX_RECEPTORS + every.receptor)[digit == k] for k in range(store.digits)])
        found = Synapses(*(part[digit == 0] for part in every))
        order = np.lexsort((found.target, found.row))
        gap = np.diff(found.target[order], prepend=0)
        new_row = np.diff(found.row[order], prepend=-1) != 0
        gaps.append(np.where(new_row, found.target[order], gap))
        delays.append(found.delay)
    parts = (gaps, delays, *zip(*codes, strict=True))
    of_targets, of_delays, *of_codes = (_entropy(np.concatenate(part)) if part else 0.0 for part in parts)
    return EntropyBound(of_targets, of_delays, sum(of_codes, 0.0))


def _entropy(values: NDArray[np.int64]) -> float:
    """Return the entropy of the distribution of ``values``, in bits."""
    if len(values) == 0:
        return 0.0
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float((share * -np.log2(share)).sum()) + 0.0  # not -0.0 where all are the same
