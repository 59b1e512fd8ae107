"""How do spikes reach their targets, some steps later?

Delivery by age. A spike in flight is a cursor into its row's delay groups. At step t every cursor whose group is due
adds that group's codes to one vector of inputs per receptor, which stays in cache, and moves on; after its last
group the spike is dropped. Nothing is written ahead of time, so there is no ring buffer of future inputs.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph_storage.jit import kernel


class Graph(NamedTuple):
    """The arrays of a stored circuit that delivery reads; see docs/data-model.md."""

    row_group: NDArray[np.uint64]
    group_synapse: NDArray[np.uint64]
    group_delay: NDArray[np.uint16]
    group_receptor: NDArray[np.uint8]
    target: NDArray[np.uint32]
    weight: NDArray[np.int16]

    @staticmethod
    def of(circuit: Circuit) -> "Graph":
        """Return the arrays of a circuit."""
        names = (
            "rows/group",
            "groups/synapse",
            "groups/delay",
            "groups/receptor",
            "synapses/target",
            "synapses/weight",
        )
        return Graph(*(circuit.store.arrays[name] for name in names))


class _Cursors(NamedTuple):
    """One entry for each spike in flight: step at which its next group is due, that group, end of its groups."""

    due: NDArray[np.int64]
    group: NDArray[np.int64]
    last: NDArray[np.int64]


@kernel
def _launch(cursors: _Cursors, count: int, step: int, spikes: NDArray[np.uint32], graph: Graph) -> int:
    """Append the spikes of one step; return the number in flight."""
    for spike in spikes:
        first, last = np.int64(graph.row_group[spike]), np.int64(graph.row_group[spike + 1])
        if first < last:
            cursors.due[count] = step + graph.group_delay[first]
            cursors.group[count] = first
            cursors.last[count] = last
            count += 1
    return count


@kernel
def _first_at_least(target: NDArray[np.uint32], start: Any, stop: Any, bound: int) -> Any:
    while start < stop:
        middle = (start + stop) // 2
        if target[middle] < bound:
            start = middle + 1
        else:
            stop = middle
    return start


@kernel
def _deliver(
    cursors: _Cursors,
    count: int,
    step: int,
    graph: Graph,
    low: int,
    high: int,
    codes: NDArray[np.integer[Any]],
) -> tuple[int, int]:
    """Add what is due at ``step`` for targets ``low <= t < high``; return (in flight, events delivered).

    Memory traffic of an event: 6 bytes read in sequence (target and code), 4 or 8 read and written at random within
    the worker's own part of ``codes``. Each group costs about 20 bytes of directory besides.
    """
    kept, events = 0, 0
    whole = low == 0 and high == codes.shape[1]
    for k in range(count):
        due, group, last = cursors.due[k], cursors.group[k], cursors.last[k]
        if due == step:
            delay = graph.group_delay[group]
            while group < last and graph.group_delay[group] == delay:
                start: Any = np.int64(graph.group_synapse[group])
                stop: Any = np.int64(graph.group_synapse[group + 1])
                if not whole:
                    start = _first_at_least(graph.target, start, stop, low)
                    stop = _first_at_least(graph.target, start, stop, high)
                into = codes[graph.group_receptor[group]]
                for s in range(start, stop):
                    into[graph.target[s]] += graph.weight[s]
                events += stop - start
                group += 1
            if group == last:
                continue
            due += graph.group_delay[group] - delay
        cursors.due[kept], cursors.group[kept], cursors.last[kept] = due, group, last
        kept += 1
    return kept, events


class InFlight:
    """The spikes that one worker still has to deliver to its targets.

    Parameters
    ----------
    graph : Graph
    low, high : int
        The worker's targets, ``low <= storage id < high``.
    """

    def __init__(self, graph: Graph, low: int, high: int) -> None:
        self._graph, self._low, self._high = graph, low, high
        self._count = 0
        self._cursors = _Cursors(*(np.empty(1024, np.int64) for _ in range(3)))

    def launch(self, step: int, spikes: NDArray[np.uint32]) -> None:
        """Add spikes of ``step``, (n,) uint32 storage ids."""
        self._reserve(self._count + len(spikes))
        self._count = _launch(self._cursors, self._count, step, spikes, self._graph)

    def deliver(self, step: int, codes: NDArray[np.integer[Any]]) -> int:
        """Add what is due at ``step`` to ``codes``, (receptors, N); return the number of events."""
        self._count, events = _deliver(self._cursors, self._count, step, self._graph, self._low, self._high, codes)
        return events

    def _reserve(self, needed: int) -> None:
        size = len(self._cursors.due)
        if needed > size:
            grown = max(needed, 2 * size)
            self._cursors = _Cursors(*(np.resize(part, grown) for part in self._cursors))
