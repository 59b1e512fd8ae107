"""Which spikes are drawn, when there are far more than a page can hold?

All spikes of some neurons, evenly chosen from each population, stacked population by population: from a file, streamed
past (`read_raster`), or from a run that goes on, the latest ones (`RecentSpikes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.record import SpikePart

MOST_NEURONS, MOST_SPIKES = 1000, 20_000
# While a run goes on, every second anew.
LIVE_NEURONS, LIVE_SPIKES = 500, 8000


@dataclass(frozen=True, eq=False)
class Raster:
    """Spikes to draw.

    Attributes
    ----------
    times : (n,) float64
        ms.
    places : (n,) int64
        Which of the chosen neurons each is of, from the bottom up.
    counts : (populations,) int64
        Chosen neurons of each population.
    chosen_from : str
        What they were chosen from.
    """

    times: NDArray[np.float64]
    places: NDArray[np.int64]
    counts: NDArray[np.int64]
    chosen_from: str

    @property
    def populations(self) -> NDArray[np.int64]:
        """Number of each spike's population, (n,) int64."""
        return np.searchsorted(np.cumsum(self.counts), self.places, side="right")


def choose(sizes: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
    """Return which neurons of each population are drawn: in proportion, evenly, at least one of each that has any."""
    counts = np.minimum(sizes, np.maximum(1, np.floor(most * sizes / max(1, sizes.sum())).astype(np.int64)))
    return [
        np.linspace(0, size - 1, count).astype(np.int64) if size else np.empty(0, np.int64)
        for size, count in zip(sizes.tolist(), counts.tolist(), strict=True)
    ]


def read_raster(path: Path, populations: Sequence[str]) -> Raster:
    """Return some spikes of a file, or of a folder of its parts; in memory are at most those that are drawn.

    Parameters
    ----------
    path : path
        Need not exist: then there are none.
    """
    if not path.exists():
        return Raster(
            np.empty(0),
            np.empty(0, np.int64),
            np.zeros(len(populations), np.int64),
            "no neuron, for they were not kept here",
        )
    data = ds.dataset(path, format="parquet")
    fired = _fired(data, populations)
    most = MOST_NEURONS
    while True:
        chosen = [ids[of] for ids, of in zip(fired, choose(np.array([len(ids) for ids in fired]), most), strict=True)]
        wanted = np.concatenate([np.empty(0, np.int64), *chosen])
        here = pc.field("neuron").isin(wanted)
        if most <= 2 * len(populations) or data.count_rows(filter=here) <= MOST_SPIKES:
            break
        most //= 2
    table = data.to_table(columns=["time_ms", "neuron"], filter=here)
    order = np.argsort(wanted)
    places = order[np.searchsorted(wanted, table["neuron"].to_numpy(), sorter=order)] if len(wanted) else []
    counts, total = np.array([len(ids) for ids in chosen]), sum(len(ids) for ids in fired)
    return Raster(
        table["time_ms"].to_numpy(), np.asarray(places, np.int64), counts,
        f"{len(wanted):,} of the {total:,} neurons that fired",
    )  # fmt: skip


def _fired(data: ds.Dataset, populations: Sequence[str]) -> list[NDArray[np.int64]]:
    """Return the neurons of each population that fired, each (n,) int64 and rising."""
    found = [np.empty(0, np.int64) for _ in populations]
    named = "population" in data.schema.names
    for batch in data.to_batches(columns=["neuron", "population"] if named else ["neuron"]):
        neurons = batch["neuron"].to_numpy()
        of = batch["population"].to_numpy(zero_copy_only=False) if named else None
        for k, name in enumerate(populations):
            found[k] = np.union1d(found[k], neurons if of is None else neurons[of == name])
    return found


class RecentSpikes:
    """The latest spikes of some neurons of a run that goes on.

    Parameters
    ----------
    circuit : Circuit
    """

    def __init__(self, circuit: Circuit) -> None:
        sizes = np.array([population.size for population in circuit.populations.values()], np.int64)
        chosen = choose(sizes, LIVE_NEURONS)
        self._counts, self._dt, self._neurons = np.array([len(part) for part in chosen]), circuit.dt, circuit.neurons
        first = np.cumsum(sizes) - sizes
        index = np.concatenate([start + part for start, part in zip(first, chosen, strict=True)])
        self._place = np.full(circuit.neurons, -1, np.int32)
        self._place[circuit.storage[index]] = np.arange(len(index))
        self._steps, self._places = np.empty(0, np.int64), np.empty(0, np.int64)

    def take(self, parts: list[SpikePart]) -> None:
        """Take all spikes of some steps."""
        steps, places = [self._steps], [self._places]
        for part in parts:
            place = self._place[part.storage]
            drawn = np.flatnonzero(place >= 0)
            steps.append(part.steps[drawn])
            places.append(place[drawn].astype(np.int64))
        self._steps, self._places = np.concatenate(steps), np.concatenate(places)
        if len(self._steps) > LIVE_SPIKES:
            # Parts of several workers are of the same steps, so they are out of order by a batch at most.
            latest = np.argsort(self._steps, kind="stable")[-LIVE_SPIKES:]
            self._steps, self._places = self._steps[latest], self._places[latest]

    @property
    def raster(self) -> Raster:
        """What there is to draw."""
        chosen_from = f"{self._counts.sum():,} of {self._neurons:,} neurons, the latest spikes"
        return Raster(self._steps.astype(np.float64) * self._dt, self._places, self._counts, chosen_from)
