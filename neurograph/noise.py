"""How do the drives reach neurons?

Each neuron, drive and step has its own draw. For a Poisson drive inversion turns it into a number of events, most often
none or a few: the kernel looks it up by the draw's leading bits, which nearly always decide; the result is that of
inversion. For a noise current it becomes a normal number, see `neurograph.normal_draws`.
"""

from dataclasses import dataclass
from typing import NamedTuple

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
    stream_keys,
)
from neurograph.inputs import PoissonInput
from neurograph.models import Model
from neurograph.normal_draws import normal, normal_table, normals
from neurograph_storage.jit import kernel, part

_DIRECT_BITS = 12
_DIRECT_SHIFT = np.uint64(64 - _DIRECT_BITS)
# What the table holds where the leading bits do not decide, or a byte does not hold the number.
_UNSURE, _MOST_SURE = np.int8(-1), 127
# The sign of each byte in a word.
_SIGNS = np.int64(-0x7F7F7F7F7F7F7F80)
# What a noise current has in place of a table.
_NO_EVENTS = DiscreteTable.from_cumulative(np.ones(1), np.zeros(1, np.int64))


@dataclass(frozen=True, eq=False)
class Train:
    """One drive in whole steps: of a Poisson drive the number of events, or of a noise current a normal number.

    Attributes
    ----------
    prefix : uint64
        Of its draws; see `neurograph.draws.counter_prefix`.
    table : DiscreteTable
        Number of events in one step.
    weight : float
        Of an event.
    mean, std : float
        Of a noise current.
    receptor : int
        Number of the input.
    noise : bool
        Whether it is a noise current.
    """

    prefix: np.uint64
    table: DiscreteTable
    weight: float
    mean: float
    std: float
    noise: bool
    receptor: int
    start: int
    stop: int
    period: int

    @staticmethod
    def of(drive: StoredDrive, model: Model, number: int, seed: int, dt: float) -> "Train":
        """Return a stored drive, the ``number``-th of its circuit, ready to run."""
        source, never = drive.source, 2**62
        if isinstance(source, PoissonInput):
            table, weight, mean, std = poisson_table(source.rate * dt / 1000.0), source.weight, 0.0, 0.0
        else:
            table, weight, mean, std = _NO_EVENTS, 0.0, source.mean, source.std
        return Train(
            counter_prefix(seed, PURPOSE_DRIVE, part=number),
            table,
            weight,
            mean,
            std,
            not isinstance(source, PoissonInput),
            source.input_of(model),
            round(source.start / dt),
            never if source.stop is None else round(source.stop / dt),
            never if source.period is None else round(source.period / dt),
        )

    def active(self, step: int) -> bool:
        """Return whether the drive is on at ``step``."""
        return step >= self.start and (step - self.start) % self.period < self.stop - self.start

    def sample(self, bits: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return what each draw adds to the input, (n,) float64."""
        if self.noise:
            return self.mean + self.std * normals(bits, normal_table())
        return self.table.sample(bits) * self.weight


def neuron_keys(circuit: Circuit, seed: int, index: NDArray[np.int64] | None = None) -> NDArray[np.uint64]:
    """Return the key of the draws of each neuron, or of those at ``index``, (n,) uint64."""
    return stream_keys(seed, PURPOSE_DRIVE, circuit.ids if index is None else circuit.ids[index])


def trains_of(circuit: Circuit, seed: int) -> list[tuple[StoredDrive, Train]]:
    """Return the drives of a circuit in stored order, which is also the order in which they are summed."""
    by_first = {p.first: p.model for p in circuit.populations.values() if p.size}
    firsts = np.array(sorted(by_first))
    trains = []
    for number, drive in enumerate(circuit.drives):
        if drive.size and not drive.source.nothing:
            model = by_first[int(firsts[np.searchsorted(firsts, drive.first, side="right") - 1])]
            trains.append((drive, Train.of(drive, model, number, seed, circuit.dt)))
    return trains


class Drives(NamedTuple):
    """All drives as arrays, for kernels; D of them.

    Attributes
    ----------
    prefix : (D,) uint64
    window : (D, 3) int64
        Start, stop and period, in steps.
    receptor : (D,) int64
    weight : (D,) float64
    direct : (D, 4096) int8
        Number of events for the leading bits of a draw, less `fewest`; -1 where these do not decide.
    fewest : (D,) int32
        The smallest number that is at all likely.
    thresholds : (D, longest) uint64
        Of each table, see `neurograph.draws.DiscreteTable`.
    most : (D,) int64
        Largest number of events.
    noise : (D,) bool
        Whether it is a noise current.
    mean, std : (D,) float64
    normals : (848, 4) float64
        See `neurograph.normal_draws.normal_table`.
    """

    prefix: NDArray[np.uint64]
    window: NDArray[np.int64]
    receptor: NDArray[np.int64]
    weight: NDArray[np.float64]
    direct: NDArray[np.int8]
    fewest: NDArray[np.int32]
    thresholds: NDArray[np.uint64]
    most: NDArray[np.int64]
    noise: NDArray[np.bool_]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    normals: NDArray[np.float64]

    @staticmethod
    def of(trains: list[Train]) -> "Drives":
        """Return trains as arrays."""
        longest = max((len(t.table.thresholds) for t in trains), default=1)
        thresholds = np.full((len(trains), longest), np.uint64(2**64 - 1), np.uint64)
        direct, fewest = np.empty((len(trains), 2**_DIRECT_BITS), np.int8), np.empty(len(trains), np.int32)
        for k, train in enumerate(trains):
            thresholds[k, : len(train.table.thresholds)] = train.table.thresholds
            direct[k], fewest[k] = _direct(train.table)
        return Drives(
            np.array([t.prefix for t in trains], np.uint64),
            np.array([(t.start, t.stop, t.period) for t in trains], np.int64).reshape(-1, 3),
            np.array([t.receptor for t in trains], np.int64),
            np.array([t.weight for t in trains], np.float64),
            direct,
            fewest,
            thresholds,
            np.array([len(t.table.thresholds) - 1 for t in trains], np.int64),
            np.array([t.noise for t in trains], np.bool_),
            np.array([t.mean for t in trains], np.float64),
            np.array([t.std for t in trains], np.float64),
            normal_table(),
        )


def _direct(table: DiscreteTable) -> tuple[NDArray[np.int8], int]:
    first = np.arange(2**_DIRECT_BITS, dtype=np.uint64) << _DIRECT_SHIFT
    low, high = table.sample(first), table.sample(first + ((np.uint64(1) << _DIRECT_SHIFT) - np.uint64(1)))
    fewest = int(low[1])
    sure = (low == high) & (low >= fewest) & (low - fewest <= _MOST_SURE)
    return np.where(sure, low - fewest, _UNSURE).astype(np.int8), fewest


@part
def is_on(drives: Drives, drive: int, step: int) -> bool:
    """Return whether a drive is on at ``step``."""
    start, stop, period = drives.window[drive]
    return step >= start and (step - start) % period < stop - start


@part
def add_noise(keys: NDArray[np.uint64], drives: Drives, drive: int, step: int, inputs: NDArray[np.float64]) -> None:
    """Add one step of one noise current onto some neurons of a tile, to ``inputs``, (n,) float64; keys, (n,) uint64."""
    counter, table = counter_key_scalar(drives.prefix[drive], step), drives.normals
    mean, std = drives.mean[drive], drives.std[drive]
    for i in range(len(keys)):
        inputs[i] += mean + std * normal(mix64_scalar(keys[i] ^ counter), table)


@part
def add_poisson(
    keys: NDArray[np.uint64],
    drives: Drives,
    drive: int,
    step: int,
    bits: NDArray[np.uint64],
    counts: NDArray[np.int8],
    inputs: NDArray[np.float64],
) -> None:
    """Add events in three loops that the compiler vectorises, and one for draws that the leading bits do not decide.

    ``bits`` and ``counts`` are scratch for as many draws as there are keys, rounded up to eights.
    """
    n, fewest, weight = len(keys), drives.fewest[drive], drives.weight[drive]
    counter, direct = counter_key_scalar(drives.prefix[drive], step), drives.direct[drive]
    for i in range(n):
        bits[i] = mix64_scalar(keys[i] ^ counter)
    for i in range(n):
        counts[i] = direct[bits[i] >> _DIRECT_SHIFT]
    for i in range(n):
        more = inputs[i] + np.float64(counts[i] + fewest) * weight
        inputs[i] = more if counts[i] >= 0 else inputs[i]
    words = counts.view(np.int64)
    for word in range((n + 7) // 8):
        if words[word] & _SIGNS:
            for i in range(8 * word, min(8 * word + 8, n)):
                if counts[i] < 0:
                    inputs[i] += _below(drives, drive, bits[i]) * weight


@kernel
def _below(drives: Drives, drive: int, bits: int) -> int:
    """Return how many thresholds a draw reaches; the last one, which catches all, aside."""
    low, high = 0, drives.most[drive]
    while low < high:
        middle = (low + high) // 2
        if drives.thresholds[drive, middle] <= np.uint64(bits):
            low = middle + 1
        else:
            high = middle
    return low
