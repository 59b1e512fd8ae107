"""What can be looked at in a run, while it goes on and afterwards?

`Simulation` adds to it what changes a run. All is in user units and by original ids.
"""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.circuit import Circuit
from neurograph.rates import PopulationRates
from neurograph.record import Spikes
from neurograph.residency import Residency
from neurograph.running import Running
from neurograph.series import Series
from neurograph.snapshot import read_state
from neurograph.statistics import RunStatistics
from neurograph.traces import Trace


class RunView:
    """A run as it is seen.

    Attributes
    ----------
    circuit : Circuit
    memory_budget : int
        In bytes.
    """

    circuit: Circuit
    memory_budget: int
    _running: Running

    @property
    def now(self) -> float:
        """Time of the next step, in ms."""
        return self._running.now

    @property
    def spikes(self) -> Spikes:
        """All spikes so far; ``times`` in ms and ``neurons`` by original id, sorted by (time, neuron).

        Raises
        ------
        ArgumentError
            If they are not kept in memory.
        """
        return self._running.recorders.spikes

    @property
    def rates(self) -> PopulationRates:
        """Rate of each population, by intervals of 1 ms, or longer ones in a very long run."""
        return self._running.recorders.rates

    @property
    def series(self) -> Series:
        """What the run has cost, by intervals of 100 ms of wall time, or longer ones in a very long run."""
        return self._running.recorders.series

    @property
    def residency(self) -> Residency:
        """Which parts of the circuit were in memory, if it streams; see `neurograph.residency`."""
        return self._running.recorders.residency

    @property
    def traces(self) -> list[Trace]:
        """All that `record` returned, also before a checkpoint."""
        return self._running.recorders.traces

    @property
    def spike_file(self) -> Path | None:
        """Where spikes are that go to a file: there once it is complete, else in the folder of its closed parts."""
        file = self._running.recorders.file
        return None if file is None else file.place

    @property
    def seed(self) -> int:
        """What decides noise and start values."""
        return self._running.seed

    @property
    def streams(self) -> bool:
        """Whether rows are read when spikes need them, rather than being in memory."""
        return self._running.executor.stream is not None

    @property
    def can_go_on(self) -> bool:
        """Whether the run stands between two steps: not if an error, or a second Ctrl-C, has ended it within one."""
        return self._running.executor.is_sound

    @property
    def statistics(self) -> RunStatistics:
        """Figures of the run so far, those that ``run --json`` prints."""
        return self._running.statistics

    def state(self, name: str, neurons: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return a state variable in user units.

        Parameters
        ----------
        name : str
            Such as ``"v"``.
        neurons : (n,) integer, optional
            Original ids; by default all, in table order.

        Returns
        -------
        (n,) float64
        """
        index = np.arange(self.circuit.neurons) if neurons is None else self.circuit.index_of(neurons)
        return read_state(self._running.executor, name, index)

    @property
    def phases(self) -> dict[str, float]:
        """Seconds that a worker spent on its neurons, and waiting for others; the rest is fetch and delivery."""
        return self._running.executor.phases

    @property
    def resident_bytes(self) -> int:
        """Bytes of streamed rows that are in memory now; 0 if all rows are there."""
        return self._running.executor.resident_bytes

    def row_counts(self) -> dict[str, int]:
        """Return how many bytes and reads rows cost, and how many were found in memory; nothing if all are there."""
        stream = self._running.executor.stream
        return {} if stream is None else stream.figures()
