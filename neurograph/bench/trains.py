"""How irregular are spike trains, and how alike?"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_SPIKES = 5
_BIN = 2.0  # ms
_SAMPLE = 400


def interval_cvs(times: Floats, neurons: NDArray[np.int64], size: int, start: float, duration: float) -> Floats:
    """Return the coefficient of variation of inter-spike intervals of each neuron that has at least five spikes.

    Parameters
    ----------
    times : (spikes,) float64
        In ms.
    neurons : (spikes,) int64
        Below ``size``.
    """
    del size, start, duration
    order = np.lexsort((times, neurons))
    cuts = np.flatnonzero(np.diff(neurons[order])) + 1
    intervals = [np.diff(train) for train in np.split(times[order], cuts) if len(train) >= _LEAST_SPIKES]
    return np.array([i.std() / i.mean() for i in intervals])


def correlations(times: Floats, neurons: NDArray[np.int64], size: int, start: float, duration: float) -> Floats:
    """Return the correlation of spike counts in bins of 2 ms, of each pair among 400 neurons spread over all.

    Neurons without a spike are left out.
    """
    chosen = np.unique(np.linspace(0, size - 1, _SAMPLE).astype(int))
    mine = np.isin(neurons, chosen)
    bins = int(duration / _BIN)
    column = np.minimum(((times[mine] - start) / _BIN).astype(int), bins - 1)
    counts = np.zeros((len(chosen), bins))
    np.add.at(counts, (np.searchsorted(chosen, neurons[mine]), column), 1)
    matrix: Floats = np.atleast_2d(np.corrcoef(counts[counts.any(axis=1)]))
    found: Floats = matrix[np.triu_indices(len(matrix), 1)]
    return found
