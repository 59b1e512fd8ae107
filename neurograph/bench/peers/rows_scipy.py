"""The spikes of `columns` in SciPy: ``python -m ...peers.rows_scipy FOLDER STEPS ACTIVE AMONG MODE``; prints JSON.

FOLDER holds the matrix as ``indptr.npy``, ``indices.npy`` and ``data.npy``; MODE is ``scipy``, which reads them, or
``memmap``, which maps them. What a user would write: rows of the spiking neurons are taken from the matrix and summed,
then all neurons are updated with NumPy. One delay for all synapses, which asks less than ours.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from neurograph.bench.limited import active_neurons
from neurograph.statistics import peak_rss

_DECAY_V, _DECAY_I, _COUPLING = 0.990, 0.819, 4e-4


def main(folder: Path, steps: int, active: float, among: int, mode: str) -> dict[str, Any]:
    """Step and return seconds, of which seconds of fetching and delivery, and events."""
    mapped: Any = "r" if mode == "memmap" else None
    data, indices, indptr = (
        np.load(folder / f"{name}.npy", mmap_mode=mapped) for name in ("data", "indices", "indptr")
    )
    neurons = len(indptr) - 1
    matrix = sparse.csr_array((data, indices, np.asarray(indptr)), shape=(neurons, neurons))
    step, index = active_neurons(neurons, steps, active, among=among)
    cuts = np.searchsorted(step, np.arange(steps + 1))
    v, current, events, delivering = np.zeros(neurons), np.zeros(neurons), 0, 0.0
    started = time.perf_counter()
    for k in range(steps):
        v = v * _DECAY_V + current * _COUPLING
        current *= _DECAY_I
        spikes = index[cuts[k] : cuts[k + 1]]
        began = time.perf_counter()
        if len(spikes):
            rows = matrix[spikes]
            current += np.asarray(rows.sum(axis=0)).ravel()
            events += rows.nnz
        delivering += time.perf_counter() - began
    wall = time.perf_counter() - started
    return {
        "wall_s": wall,
        "delivery_s": delivering,
        "synaptic_events": events,
        "steps": steps,
        "peak_rss_bytes": peak_rss(),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5])))  # noqa: T201
