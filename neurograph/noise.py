"""How do Poisson drives reach the neurons of one worker?

Each neuron, drive and step has its own draw; inversion turns it into a number of events, most often none or a few.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit, StoredDrive
from neurograph.draws import (
    PURPOSE_DRIVE,
    DiscreteTable,
    counter_key_scalar,
    counter_prefix,
    mix64_scalar,
    poisson_table,
    sample_table,
    stream_keys,
)
from neurograph.models import Model
from neurograph_storage.jit import kernel


@dataclass(frozen=True, eq=False)
class PoissonTrain:
    """One Poisson drive in whole steps.

    Attributes
    ----------
    prefix : uint64
        Of its draws; see `neurograph.draws.counter_prefix`.
    table : DiscreteTable
        Number of events in one step.
    weight : float
    receptor : int
    """

    prefix: np.uint64
    table: DiscreteTable
    weight: float
    receptor: int
    start: int
    stop: int
    period: int

    @staticmethod
    def of(drive: StoredDrive, model: Model, number: int, seed: int, dt: float) -> "PoissonTrain":
        """Return a stored drive, the ``number``-th of its circuit, ready to run."""
        source, never = drive.source, 2**62
        named = source.receptor
        receptor = model.receptor_of_sign(negative=source.weight < 0) if named is None else model.receptor_number(named)
        return PoissonTrain(
            counter_prefix(seed, PURPOSE_DRIVE, part=number),
            poisson_table(source.rate * dt / 1000.0),
            source.weight,
            receptor,
            round(source.start / dt),
            never if source.stop is None else round(source.stop / dt),
            never if source.period is None else round(source.period / dt),
        )

    def active(self, step: int) -> bool:
        """Return whether the drive is on at ``step``."""
        return step >= self.start and (step - self.start) % self.period < self.stop - self.start


def neuron_keys(circuit: Circuit, seed: int) -> NDArray[np.uint64]:
    """Return the key of each neuron's draws, by index, (neurons,) uint64."""
    return stream_keys(seed, PURPOSE_DRIVE, circuit.ids)


def poisson_trains(circuit: Circuit, seed: int) -> list[tuple[StoredDrive, PoissonTrain]]:
    """Return the drives of a circuit in stored order, which is also the order in which they are summed."""
    by_first = {p.first: p.model for p in circuit.populations.values() if p.size}
    firsts = np.array(sorted(by_first))
    trains = []
    for number, drive in enumerate(circuit.drives):
        if drive.size and drive.source.rate > 0:
            model = by_first[int(firsts[np.searchsorted(firsts, drive.first, side="right") - 1])]
            trains.append((drive, PoissonTrain.of(drive, model, number, seed, circuit.dt)))
    return trains


@kernel
def add_poisson(
    runs: NDArray[np.int64],
    keys: NDArray[np.uint64],
    prefix: np.uint64,
    step: int,
    table: DiscreteTable,
    weight: float,
    outside: NDArray[np.float64],
) -> None:
    """Add one step's events times ``weight`` to ``outside``, for all runs of storage ids, (runs, 2) int64."""
    counter = counter_key_scalar(prefix, step)
    for run in range(runs.shape[0]):
        for i in range(runs[run, 0], runs[run, 1]):
            count = sample_table(table, mix64_scalar(keys[i] ^ counter))
            outside[i] += count * weight


def runs_of(chosen: NDArray[Any]) -> NDArray[np.int64]:
    """Return the consecutive runs, (runs, 2) int64, of an ascending array of storage ids.

    Examples
    --------
    >>> runs_of(np.array([3, 4, 5, 9])).tolist()
    [[3, 6], [9, 10]]
    """
    if len(chosen) == 0:
        return np.empty((0, 2), np.int64)
    breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
    starts = chosen[np.concatenate([[0], breaks])]
    stops = chosen[np.concatenate([breaks - 1, [len(chosen) - 1]])] + 1
    return np.stack([starts, stops], axis=1).astype(np.int64)
