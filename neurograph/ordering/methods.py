"""Which orders can be asked for by name?

Each is a pure function of the rows (and of recorded activity, for `coactivity`) that returns a permutation: the storage
id, in the circuit as it is, of the neuron at each new place.

| method | what lies side by side | memory |
|---|---|---|
| `none` | what did | |
| `degree` | neurons with many synapses, then those with fewer | 8 bytes a neuron |
| `rcm` | reverse Cuthill-McKee, SciPy | the whole graph |
| `multilevel` | parts of METIS, which minimises cut edges | the whole graph |
| `streaming` | neurons that hear of the same rows | some 100 bytes a neuron |
| `community` | communities of the size of a partition | 4 bytes a neuron |
| `coactivity` | neurons that fired, in the same 5 ms and wired alike; then silent ones | as `streaming` |
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurograph.choices import find
from neurograph.ordering.activity import Activity
from neurograph.ordering.bisection import bisect
from neurograph.ordering.community import communities
from neurograph.ordering.sketch import TAKEN, Vectors, sketch
from neurograph.ordering.wiring import Piece, Wiring
from neurograph_storage.errors import ArgumentError
from neurograph_storage.ordered import threads_of
from neurograph_storage.sizes import GIB, format_size

I64 = NDArray[np.int64]

# Targets that the passes of `streaming` look at in all, where that is 3 to 8 passes: dense graphs settle in three.
_LOOKS = 10_000_000
_PASSES = (3, 8)
_COMMUNITY_PASSES = 5
_WINDOW_MS = 5.0
_WINDOW_PASSES = 3
# Of whole graphs in memory, with both directions of each synapse and what the partitioner makes of it.
_GRAPH_BYTES = 100
# Sums of one thread, bytes a neuron.
_SUM_BYTES = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What an ordering needs beside the rows.

    Attributes
    ----------
    rows : int
        Rows of a partition.
    dt : float
        Step, in ms.
    memory : int
        Budget in bytes; changes no result.
    jobs : int or None
        Threads; change no result.
    activity : Activity or None
    """

    rows: int
    dt: float = 0.1
    memory: int = GIB
    jobs: int | None = None
    activity: Activity | None = None


Method = Callable[[Wiring, Setting], I64]


def none(wiring: Wiring, setting: Setting) -> I64:
    """Leave all where it is."""
    del setting
    return np.arange(wiring.neurons)


def degree(wiring: Wiring, setting: Setting) -> I64:
    """Put neurons with many synapses, to and from them, first."""
    del setting
    count = np.zeros(wiring.neurons, np.int64)
    for first, out, into in wiring.each(lambda piece: _degrees(piece, wiring.neurons)):
        count[first : first + len(out)] += out
        count += into
    return np.argsort(-count, kind="stable")


def _degrees(piece: Piece, neurons: int) -> tuple[int, I64, I64]:
    return piece.first, np.diff(piece.starts), np.bincount(piece.targets, minlength=neurons)


def rcm(wiring: Wiring, setting: Setting) -> I64:
    """Order by reverse Cuthill-McKee, which brings connected neurons near the diagonal."""
    # Loading it takes a twentieth of a second, which other methods need not wait for.
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    graph = _symmetric(wiring, setting, "rcm")
    return np.asarray(reverse_cuthill_mckee(graph, symmetric_mode=True), np.int64)


def multilevel(wiring: Wiring, setting: Setting) -> I64:
    """Cut into parts by METIS, from one thread and a fixed seed."""
    try:
        import pymetis
    except ImportError:
        raise ArgumentError("method multilevel needs pymetis: pip install 'neurograph[order]'") from None
    graph = _symmetric(wiring, setting, "multilevel")
    parts = -(-wiring.neurons // setting.rows)
    if parts < 2 or graph.nnz == 0:
        return np.arange(wiring.neurons)
    adjacency = pymetis.CSRAdjacency(graph.indptr.astype(np.int64), graph.indices.astype(np.int64))
    # In parts of one size, since whatever is beyond a partition's rows pushes all others behind it out of place.
    options = pymetis.Options(seed=1, ufactor=1)
    _, part = pymetis.part_graph(
        parts, adjacency=adjacency, eweights=graph.data.astype(np.int64), options=options, recursive=True
    )
    return np.argsort(np.asarray(part), kind="stable")


def streaming(wiring: Wiring, setting: Setting) -> I64:
    """Put neurons side by side that hear of the same rows, at every scale from all of them to a handful."""
    return bisect(_wired(wiring, setting), np.arange(wiring.neurons), setting.rows, setting.jobs)


def _wired(wiring: Wiring, setting: Setting) -> Vectors:
    passes = int(np.clip(_LOOKS // max(1, min(wiring.synapses, TAKEN * wiring.neurons)), *_PASSES))
    return sketch(wiring, passes=passes, threads=_threads(wiring, setting))


def community(wiring: Wiring, setting: Setting) -> I64:
    """Put communities one behind the other."""
    return communities(wiring, setting.rows, _COMMUNITY_PASSES)


def coactivity(wiring: Wiring, setting: Setting) -> I64:
    """Put first what fired, what fired in the same windows of 5 ms and is wired alike side by side; then the rest."""
    if setting.activity is None or len(setting.activity) == 0:
        raise ArgumentError("method coactivity needs spikes, and there are none")
    windows = setting.activity.windows(max(1, round(_WINDOW_MS / setting.dt)))
    fired = sketch(windows, passes=_WINDOW_PASSES, neurons=wiring.neurons, taken=len(setting.activity))
    active = np.zeros(wiring.neurons, np.bool_)
    active[setting.activity.row] = True
    wired = _wired(wiring, setting)
    both = np.ascontiguousarray(np.hstack([wired, fired]))
    first, last = np.flatnonzero(active), np.flatnonzero(~active)
    halves = ((both, first), (wired, last))
    return np.concatenate([bisect(vectors, some, setting.rows, setting.jobs) for vectors, some in halves])


METHODS: dict[str, Method] = {
    "none": none,
    "degree": degree,
    "rcm": rcm,
    "multilevel": multilevel,
    "streaming": streaming,
    "community": community,
    "coactivity": coactivity,
}


def check_method(name: str) -> Method:
    """Return a method by its name.

    Raises
    ------
    ArgumentError
    """
    return find("method", name, METHODS)


def _threads(wiring: Wiring, setting: Setting) -> int:
    """Return how many threads may hold sums of their own: half of the budget, but one in any case."""
    room = setting.memory // 2 // (_SUM_BYTES * max(1, wiring.neurons))
    return int(max(1, min(threads_of(setting.jobs), room)))


def _symmetric(wiring: Wiring, setting: Setting, method: str) -> sparse.csr_array:
    """Return how many synapses join each two neurons, either way."""
    needed = _GRAPH_BYTES * wiring.synapses
    if needed > setting.memory:
        raise ArgumentError(
            f"method {method} holds the whole graph, some {format_size(needed)}, and may take "
            f"{format_size(setting.memory)}; give it more (--memory) or use streaming"
        )
    starts, targets = [np.zeros(1, np.int64)], []
    for piece in wiring.each(lambda piece: piece):
        starts.append(starts[-1][-1] + piece.starts[1:])
        targets.append(piece.targets.astype(np.int32))
    columns = np.concatenate([np.empty(0, np.int32), *targets])
    graph = sparse.csr_array(
        (np.ones(len(columns), np.int32), columns, np.concatenate(starts)), shape=(wiring.neurons, wiring.neurons)
    )
    both = sparse.csr_array(graph + graph.T)
    both.setdiag(0)
    both.eliminate_zeros()
    both.sort_indices()
    return both
