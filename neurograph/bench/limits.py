"""How fast could it be at most? What the machine does when it does nothing else.

Whatever waits for the disk is compared with plain reads of pieces of the same size, by threads of ``preadv``; whatever
waits for memory with a plain streaming read. Both are measured in the call that measures what is compared with them.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from neurograph.bench.disk import random_rate
from neurograph.circuit import Circuit
from neurograph_storage.jit import kernel
from neurograph_storage.store import ROW_WORDS

SECTOR = 512
# Larger than any cache.
_STREAMED, _PASSES = 2**27, 4


def preadv_rate(circuit: Circuit, size: float, *, pieces: int = 4000) -> float:
    """Return bytes a second of plain reads of so many bytes, in whole sectors, at random places of a circuit's rows."""
    store = circuit.store
    paths = [store.chunk_path(ROW_WORDS, k) for k in range(store.specs[ROW_WORDS].chunks)]
    return random_rate(paths, max(SECTOR, round(size / SECTOR) * SECTOR), pieces=pieces)


def mean_row(circuit: Circuit) -> float:
    """Return the bytes of a row, on average."""
    return circuit.store.synapse_bytes / max(1, circuit.neurons)


@kernel
def sum_words(words: NDArray[np.uint16]) -> int:
    """Read words one after another, as plainly as can be."""
    total = np.uint64(0)
    for word in words.view(np.uint64):
        total ^= word
    return int(total & np.uint64(1))


def streaming_rate(threads: int, nbytes: int = _STREAMED) -> float:
    """Return bytes a second of threads that each read memory of their own from end to end."""
    words = [np.ones(nbytes // threads // 8 * 4, np.uint16) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sum_words, words))
        started = time.perf_counter()
        for _ in range(_PASSES):
            list(pool.map(sum_words, words))
        return _PASSES * sum(part.nbytes for part in words) / (time.perf_counter() - started)
