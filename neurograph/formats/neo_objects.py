"""How do spikes become Neo objects, and Neo spike trains events?

A `neo.Block` with one segment; each spike train is annotated with ``neuron`` (original id) and ``population``.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents, joined, resolve
from neurograph.formats.extras import extra
from neurograph.record import Spikes
from neurograph_storage.errors import DataError


def to_neo(spikes: Spikes, circuit: Circuit, *, t_stop: float, neurons: ArrayLike | None = None) -> Any:
    """Return spikes as a ``neo.Block``; needs neo.

    Parameters
    ----------
    t_stop : float
        End of the recording, in ms.
    neurons : (n,) integer, optional
        Original ids; by default those that fired. One that did not has an empty train.
    """
    neo = extra("neo", "neo")
    wanted = np.unique(spikes.neurons) if neurons is None else np.atleast_1d(np.asarray(neurons))
    population = np.asarray(circuit.store.arrays["neurons/population"])[circuit.index_of(wanted)]
    names = list(circuit.populations)
    order = np.argsort(spikes.neurons, kind="stable")
    low, high = (np.searchsorted(spikes.neurons, wanted, side, order) for side in ("left", "right"))
    segment = neo.Segment(name=circuit.path.name)
    times = spikes.times[order]
    for k, neuron in enumerate(wanted.tolist()):
        train = neo.SpikeTrain(
            times[low[k] : high[k]],
            units="ms",
            t_start=0.0,
            t_stop=t_stop,
            neuron=neuron,
            population=names[population[k]],
        )
        segment.spiketrains.append(train)
    block = neo.Block(name=circuit.path.name)
    block.segments.append(segment)
    return block


def from_neo(block: Any, circuit: Circuit) -> OutsideEvents:
    """Return the spike trains of a ``neo.Block`` (or segment) as events of weight 1, the ``drive`` of a `Simulation`.

    Trains are for the neurons that they are annotated with; those are of `SpikeSource`, or take events of weight 1.

    Raises
    ------
    DataError
        If a train has no annotation ``neuron``.
    """
    parts = []
    for segment in getattr(block, "segments", [block]):
        for train in segment.spiketrains:
            if "neuron" not in train.annotations:
                raise DataError("a spike train of the block has no annotation 'neuron', the original id of its neuron")
            steps = np.floor(np.asarray(train.rescale("ms").magnitude) / circuit.dt + 0.5).astype(np.int64)
            index = np.repeat(circuit.index_of(int(train.annotations["neuron"])), len(steps))
            parts.append(resolve(circuit, steps, index, 1.0))
    return joined(parts)
