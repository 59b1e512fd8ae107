"""What fired when, as orderings and their measures see it?

Spikes by step and storage id, from a file or from a short pilot run; cut into batches of min_delay steps, in which a
run plans its reads.
"""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.ordering.wiring import ListedWiring
from neurograph.record import read_spikes
from neurograph_storage.errors import ArgumentError, DataError

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Activity:
    """Spikes, sorted by (step, storage id).

    Attributes
    ----------
    step, row : (spikes,) int64
        Row is the storage id.
    """

    step: I64
    row: I64

    @staticmethod
    def of(step: I64, row: I64) -> "Activity":
        """Return spikes given in any order."""
        order = np.lexsort((row, step))
        return Activity(step[order], row[order])

    def __len__(self) -> int:
        return len(self.step)

    def halves(self) -> tuple["Activity", "Activity"]:
        """Return what comes before the middle of the recorded time, and what comes after it."""
        middle = (int(self.step[0]) + int(self.step[-1]) + 1) // 2 if len(self) else 0
        cut = int(np.searchsorted(self.step, middle))
        return Activity(self.step[:cut], self.row[:cut]), Activity(self.step[cut:], self.row[cut:])

    def placed(self, place: I64) -> "Activity":
        """Return the same spikes with each row's place in another order."""
        return Activity.of(self.step, place[self.row])

    def windows(self, steps: int) -> ListedWiring:
        """Return windows of so many steps as rows, whose targets are the neurons that fired in it."""
        window = self.step // steps
        starts = np.concatenate([[0], np.flatnonzero(np.diff(window)) + 1, [len(self)]]) if len(self) else np.zeros(1)
        return ListedWiring(starts.astype(np.int64), self.row.astype(np.uint32))


def recorded(circuit: Circuit, path: str | os.PathLike[str]) -> Activity:
    """Return the spikes of a file that ``neurograph run --spikes`` wrote.

    Raises
    ------
    ArgumentError, DataError
        If it is no spike file, or names neurons that the circuit does not have.
    """
    times, neurons, _ = read_spikes(path)
    return spiking(circuit, times, neurons)


def spiking(circuit: Circuit, times: NDArray[np.float64], neurons: I64) -> Activity:
    """Return spikes given by time in ms and original id, (spikes,) each."""
    if len(times) and not (np.isfinite(times).all() and times.min() >= 0):
        raise DataError("times of spikes must be finite and not negative")
    step = np.rint(times / circuit.dt).astype(np.int64)
    return Activity.of(step, circuit.storage[circuit.index_of(neurons)].astype(np.int64))


def pilot(circuit: Circuit, duration: float, workers: int | None = None) -> Activity:
    """Return the spikes of a run of so many ms.

    Raises
    ------
    ArgumentError
        If nothing fires, as where a circuit is driven by events from outside only.
    """
    # What a run needs takes longer to load than most orders of small circuits take.
    from neurograph.simulation import Simulation

    with Simulation(circuit, workers=workers) as sim:
        sim.run(duration)
    if len(sim.spikes) == 0:
        raise ArgumentError(
            f"nothing fires in the first {duration:g} ms of {circuit.path}; give spikes of a run (--spikes)"
        )
    return Activity.of(sim.spikes.steps, circuit.storage[circuit.index_of(sim.spikes.neurons)].astype(np.int64))
