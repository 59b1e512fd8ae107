"""How often does each population spike, interval by interval?

Counted as the run goes, so that a spike costs no memory. Intervals are 1 ms at first; where there are too many of them,
two become one, and all that follow are as long.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.record import SpikePart

INTERVAL = 1.0  # ms
# Intervals times populations, at most, but so many intervals in any case.
_CELLS, _INTERVALS = 2**20, 2**8


class PopulationRates:
    """Counts spikes by population and interval.

    Parameters
    ----------
    circuit : Circuit
    steps : int, optional
        Of an interval, when a run is taken up again.
    counts : (intervals, populations) int64, optional
        As they were then.
    """

    def __init__(self, circuit: Circuit, steps: int | None = None, counts: NDArray[np.int64] | None = None) -> None:
        self._circuit = circuit
        self._sizes = np.array([p.size for p in circuit.populations.values()], np.int64)
        self._population: NDArray[np.uint16] = np.empty(circuit.neurons, np.uint16)
        self._population[circuit.storage] = circuit.store.arrays["neurons/population"]
        self.steps = max(1, round(INTERVAL / circuit.dt)) if steps is None else steps
        self._counts = np.zeros((0, len(self._sizes)), np.int64) if counts is None else counts
        self._most = max(_INTERVALS, _CELLS // max(1, len(self._sizes)))

    def take(self, parts: list[SpikePart], now: int) -> None:
        """Count all spikes of some steps, up to step ``now``."""
        self._reach(now)
        for part in parts:
            cell = part.steps // self.steps * len(self._sizes) + self._population[part.storage]
            found, counts = np.unique(cell, return_counts=True)
            self._counts.reshape(-1)[found] += counts

    @property
    def counts(self) -> NDArray[np.int64]:
        """Spikes, (intervals, populations) int64."""
        return self._counts

    @property
    def interval(self) -> float:
        """Length of an interval, in ms."""
        return self.steps * self._circuit.dt

    @property
    def times(self) -> NDArray[np.float64]:
        """Begin of each interval in ms, (intervals,) float64."""
        return np.arange(len(self._counts), dtype=np.float64) * self.interval

    @property
    def rates(self) -> NDArray[np.float64]:
        """Mean rate of a neuron in Hz, (intervals, populations) float64; the last interval may not be over."""
        seconds = np.maximum(self._sizes, 1) * self.interval / 1000.0
        rates: NDArray[np.float64] = self._counts / seconds
        return rates

    def table(self) -> pa.Table:
        """Return ``time_ms`` and, by its name, the rate of each population in Hz."""
        columns: dict[str, Any] = dict(zip(self._circuit.populations, self.rates.T, strict=True))
        return pa.table({"time_ms": self.times} | columns)

    def _reach(self, now: int) -> None:
        needed = -(-now // self.steps)
        while needed > self._most:
            pairs = np.concatenate([self._counts, np.zeros((len(self._counts) % 2, len(self._sizes)), np.int64)])
            self._counts = pairs.reshape(-1, 2, len(self._sizes)).sum(axis=1)
            self.steps *= 2
            needed = -(-now // self.steps)
        more = needed - len(self._counts)
        if more > 0:
            self._counts = np.concatenate([self._counts, np.zeros((more, len(self._sizes)), np.int64)])
