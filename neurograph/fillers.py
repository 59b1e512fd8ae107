"""How does one projection fill its part of any rows it is asked for?

One class for each kind of rule, all with the same two methods; `filler_of` chooses. Tables of weights and delays are
made once, so that filling is only drawing.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.listed import ListedCoder, ListedFiller
from neurograph.network import Projection
from neurograph.row_fillers import Degrees, DistanceFiller, RangeFiller
from neurograph.rules import EdgeRule
from neurograph.scales import Scales
from neurograph.sheet import DistanceOutdegree
from neurograph.spill import RunStore

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


class Filler(Protocol):
    """What fills a projection's part of rows; sources are counted within the source population."""

    @property
    def degrees(self) -> Degrees:
        """Function that gives the synapses of each source, (n,) int64."""

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Write each source's synapses, from ``into`` on; one integer each, see `neurograph_storage.stream.pack`."""


def filler_of(
    projection: Projection,
    *,
    part: int,
    seed: int,
    places: NDArray[np.uint32],
    order: NDArray[np.uint32],
    dt: float,
    scales: Scales,
    keep: int,
    runs: RunStore,
) -> Filler:
    """Return the filler of a projection.

    Parameters
    ----------
    part : int
        Number of the projection, which keeps its draws apart from those of others.
    places : (target size,) uint32
        Block x 2^16 + number within the block of each neuron of the target population.
    order : (source size,) uint32
        Storage id of each neuron of the source population.
    keep : int
        Blocks of out-degrees that may be remembered, see `neurograph.degrees`.
    runs : RunStore
        Where listed synapses are sorted.
    """
    rule = projection.rule
    if isinstance(rule, EdgeRule):
        coder = ListedCoder(projection, rule, part=part, seed=seed, dt=dt, scales=scales)
        return ListedFiller(coder, part=part, places=places, order=order, runs=runs)
    if isinstance(rule, DistanceOutdegree):
        return DistanceFiller(projection, rule, part=part, seed=seed, places=places, dt=dt, scales=scales)
    return RangeFiller(projection, rule, part=part, seed=seed, places=places, dt=dt, scales=scales, keep=keep)
