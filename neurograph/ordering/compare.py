"""What would each order give a circuit, under recorded activity?

Each method decides its order, and what a run would touch and read is counted (`neurograph.ordering.reads`), without
writing any circuit. `coactivity` learns from the first half of the recorded time; all are measured on the second.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.ordering.activity import Activity
from neurograph.ordering.objective import partition_of, touched
from neurograph.ordering.order import decide
from neurograph.ordering.reads import POOL_SHARE, UNITS, count_reads, partitions_fired
from neurograph.ordering.reordered import ReorderedRows
from neurograph.ordering.wiring import StoredWiring
from neurograph_storage.codec import encode
from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import batches
from neurograph_storage.sizes import GIB

I64 = NDArray[np.int64]

# Rows are encoded in each order to learn how many bytes a synapse takes: all of them in small circuits.
_ENCODED_SYNAPSES, _PIECES = 2_000_000, 16


@dataclass(frozen=True)
class Line:
    """What one method gives.

    Attributes
    ----------
    method : str
    seconds : float
        Wall time of deciding the order.
    peak_bytes : int
        Largest resident memory of the process while deciding, beyond what it had before.
    partitions_per_row : float
        Partitions, besides its own, that a row has targets in.
    partitions_per_step : float
        Partitions in which something fires in a step in which anything does.
    partitions_per_batch : float
        The same for batches of min_delay steps, whose reads are planned together.
    raw_bytes, raw_requests, compressed_bytes, compressed_requests : float
        Read for each synaptic event: pages of 4 KiB of raw rows, granules of 64 KiB of compressed ones.
    """

    method: str
    seconds: float
    peak_bytes: int
    partitions_per_row: float
    partitions_per_step: float
    partitions_per_batch: float
    raw_bytes: float
    raw_requests: float
    compressed_bytes: float
    compressed_requests: float


def compare(
    circuit: Circuit,
    methods: Sequence[str],
    activity: Activity,
    *,
    pool: int | None = None,
    memory: int = GIB,
    jobs: int | None = None,
) -> Iterator[Line]:
    """Yield what each method gives.

    Parameters
    ----------
    pool : int, optional
        Bytes that a run has for rows; by default an eighth of the rows.

    Raises
    ------
    ArgumentError
        If nothing fires in the second half of the activity.
    """
    before, after = activity.halves()
    if len(after) == 0:
        raise ArgumentError("nothing fires in the second half of the activity; record more of it")
    lengths = StoredWiring(circuit.store, memory, jobs).lengths()
    for method in methods:
        with _peak() as peak:
            started = time.perf_counter()
            decided = decide(circuit, method, before, memory=memory, jobs=jobs)
            seconds = time.perf_counter() - started
        yield measure(
            circuit, method, decided, after, lengths, pool=pool, memory=memory, jobs=jobs, cost=(seconds, peak[0])
        )


def measure(
    circuit: Circuit,
    method: str,
    decided: I64,
    activity: Activity,
    lengths: I64,
    *,
    pool: int | None = None,
    memory: int = GIB,
    jobs: int | None = None,
    cost: tuple[float, int] = (0.0, 0),
) -> Line:
    """Return what an order gives.

    Parameters
    ----------
    decided : (neurons,) int64
        From `neurograph.ordering.order.decide`.
    lengths : (neurons,) int64
        Of its rows as they are.
    cost : (float, int)
        What it took to decide, in seconds and bytes.
    """
    rows = circuit.store.attributes["partition_rows"]
    place = np.empty(circuit.neurons, np.int64)
    place[decided] = np.arange(circuit.neurons)
    placed = activity.placed(place)
    source = ReorderedRows(
        circuit.store, decided, block_neurons=circuit.store.block_neurons, resident=memory // 4, lengths=lengths
    )
    lengths = source.lengths()
    events = max(1, int(lengths[placed.row].sum()))
    sizes = {}
    for codec, unit in UNITS.items():
        ends = np.cumsum(row_bytes(source, lengths, codec)).astype(np.int64)
        room = int(ends[-1]) // POOL_SHARE if pool is None else pool
        found = count_reads(placed, ends, unit=unit, pool=room, batch=circuit.store.min_delay)
        sizes[codec] = (found.nbytes / events, found.requests / events)
    wiring = StoredWiring(circuit.store, memory, jobs)
    per_row = touched(wiring, partition_of(decided, rows)) / max(1, circuit.neurons)
    fired = [partitions_fired(placed, rows, steps) for steps in (1, circuit.store.min_delay)]
    return Line(method, *cost, per_row, fired[0], fired[1], *sizes["raw"], *sizes["compressed"])


def row_bytes(source: ReorderedRows, lengths: I64, codec: str) -> NDArray[np.float64]:
    """Return the bytes of each row in one form: as encoded, or by its synapses, if there are too many to encode all."""
    cuts = batches(lengths, max(1, _ENCODED_SYNAPSES // _PIECES))
    exact = int(lengths.sum()) <= _ENCODED_SYNAPSES
    chosen = cuts if exact else [cuts[k * len(cuts) // _PIECES] for k in range(_PIECES)]
    found = [np.diff(encode(source.rows(*cut), codec).starts) for cut in chosen]
    if exact:
        return 2.0 * np.concatenate([np.empty(0, np.int64), *found])
    synapses = np.concatenate([lengths[low:high] for low, high in chosen])
    words = np.concatenate(found)
    # A row without synapses takes a word.
    each = float((words - 1).sum() / max(1, synapses.sum()))
    return 2.0 + 2.0 * each * lengths.astype(np.float64)


def _resident() -> int:
    """Return the resident bytes of this process, 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


@contextmanager
def _peak() -> Iterator[list[int]]:
    """Yield a list whose one entry becomes the largest growth of resident memory, looked at every 10 ms."""
    before, peak, done = _resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], _resident() - before)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
        peak[0] = max(peak[0], _resident() - before)
