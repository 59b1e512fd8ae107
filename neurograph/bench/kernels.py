"""Suite ``kernels``: how near does delivery come to what memory allows, and how long are kernels compiled?"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurograph.bench.child import run_command
from neurograph.bench.figures import Figure, figure, in_turns, ratios
from neurograph.bench.limits import sum_words
from neurograph.bench.parts import Part
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.copies import room_for_copies
from neurograph.delivery import Calendar, Graph, deliver, launch_spikes
from neurograph_storage.jit import kernel
from neurograph_storage.rows import Rows
from neurograph_storage.stream import encode, pack

_STEPS, _SPIKES = 500, 26  # spikes a step, as the microcircuit has
_TARGETS, _ROWS, _DEGREE = 10_000_000, 50_000, 1000
# Less than the rows of the circuit that is started with take; how often a start is timed at most.
_LITTLE, _STARTS = "6MiB", 2


def kernel_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite."""
    return [
        Part(name="few rows", measure=partial(_few, folder, settings), uses=("scale", "rounds")),
        Part(name="many rows", measure=partial(_many_rows, settings), uses=("up_to", "rounds")),
        Part(name="starting", measure=partial(_starting, folder, settings.rounds), uses=("rounds",)),
    ]


def _few(folder: Path, settings: Settings) -> Iterator[Figure]:
    path = folder / f"microcircuit-{settings.scale:g}-raw-16.zarr"
    if not path.exists():
        run_command(["build", "microcircuit", str(path), "--scale", str(settings.scale)])
    yield from _few_rows(Circuit(path), settings.rounds)


@kernel
def _run(
    calendar: Calendar,
    graph: Graph,
    codes: NDArray[np.int32],
    due: NDArray[np.int64],
    spikes: NDArray[np.uint32],
    silenced: NDArray[np.uint8],
    at: int,
) -> int:
    """Deliver one step after the other, each launching one line of ``spikes``; return the events."""
    events = 0
    for step in range(at, at + len(spikes)):
        events += deliver(calendar, graph, step, codes, due)
        launch_spikes(calendar, graph, step, spikes[step - at], silenced)
    return events


class _Delivery:
    """Steps of delivery alone, one after another, onto the target blocks ``first <= block < last``."""

    def __init__(
        self, graph: Graph, first: int, last: int, max_delay: int, spikes: NDArray[np.uint32], copies: int
    ) -> None:
        self._graph, self._spikes, self._step, self.events = graph, spikes, 0, 0
        blocks = last - first
        self._codes, self._due = np.zeros((2, blocks * graph.block_neurons), np.int32), np.empty((2, 8192), np.int64)
        self._calendar = Calendar.make(first, blocks, len(self._codes), max_delay, copies)
        self._calendar.cursors.grow(spikes.shape[1] * blocks * min(max_delay + 1, len(spikes)))
        self._silenced = np.zeros(len(graph.start), np.uint8)

    def __call__(self) -> None:
        self.events = _run(
            self._calendar, self._graph, self._codes, self._due, self._spikes, self._silenced, self._step
        )
        self._step += len(self._spikes)


def _few_rows(circuit: Circuit, rounds: int) -> Iterator[Figure]:
    """Long rows, few a step, on one core: against a streaming read of as many bytes."""
    graph, rng = Graph.of(circuit), np.random.default_rng(1)
    spikes = rng.integers(0, circuit.neurons, (_STEPS, _SPIKES)).astype(np.uint32)
    blocks = -(-circuit.neurons // graph.block_neurons)
    delivery = _Delivery(graph, 0, blocks, circuit.store.max_delay, spikes, room_for_copies(2 * len(graph.words)))
    delivery()
    nbytes = int(2 * delivery.events * circuit.store.counts.plain_words / circuit.synapses)
    words = np.resize(graph.words, nbytes // 8 * 4)
    # What is compiled on the first call is not timed.
    sum_words(words)
    times = in_turns({"deliver": delivery, "read": partial(sum_words, words)}, rounds)
    note = f"microcircuit, one core, {nbytes / delivery.events:.1f} bytes an event"
    yield figure("delivery", [t / delivery.events * 1e9 for t in times["deliver"]], "ns/event", note=note)
    yield figure(
        "plain streaming read of as many bytes", [t / delivery.events * 1e9 for t in times["read"]], "ns/event"
    )
    share = ratios(times["read"], times["deliver"])
    yield figure("delivery against the streaming read", share, "", asked="at least 0.25", note=note)


def _many_rows(settings: Settings) -> Iterator[Figure]:
    """Many short rows onto ten million targets, against SciPy's sum of the same rows."""
    rows = max(100, min(_ROWS, settings.up_to // _DEGREE // 20))
    targets = _TARGETS * rows // _ROWS
    made, matrix = _sparse_rows(rows, targets)
    graph = Graph(made.starts.astype(np.uint64), made.words, made.words.view(np.int8), made.block_neurons)
    blocks, spikes = -(-targets // graph.block_neurons), np.arange(rows, dtype=np.uint32)[None]
    # As a circuit of which these are some rows would have it.
    room = room_for_copies(2 * len(graph.words) * (targets // rows)) // 2
    edges = ((0, blocks // 2), (blocks // 2, blocks))
    halves = [_Delivery(graph, first, last, 1, spikes, room) for first, last in edges]
    ones = np.ones(rows)
    with ThreadPoolExecutor(len(halves)) as pool:
        actions: dict[str, Callable[[], object]] = {
            "ours": lambda: list(pool.map(lambda half: half(), halves)),
            "SciPy": lambda: ones @ matrix,
        }
        # The first delivers nothing, the second touches the inputs for the first time.
        actions["ours"]()
        actions["ours"]()
        times = in_turns(actions, settings.rounds)
    events = sum(half.events for half in halves)
    note = f"{targets:,} targets, {rows:,} rows of {_DEGREE:,}; two workers, SciPy has one thread"
    yield figure("delivery of many rows", [t / events * 1e9 for t in times["ours"]], "ns/event", note=note)
    faster = ratios(times["SciPy"], times["ours"])
    yield figure("times faster than SciPy's csr sum of rows", faster, "", asked="at least 5", note=note)


def _starting(folder: Path, rounds: int) -> Iterator[Figure]:
    """How long does a process take, run and all, when nothing has been compiled yet, and when all has?"""
    path = folder / "starting.zarr"
    if not path.exists():
        run_command(["build", "modular", str(path), "--neurons", "10000", "--synapses-per-neuron", "300"])
    for what, more in (("in memory", []), ("streaming", ["--memory", _LITTLE])):
        command, first, later = ["run", str(path), "--duration", "1", *more], [], []
        for _ in range(min(rounds, _STARTS)):
            with tempfile.TemporaryDirectory() as cache:
                first.append(run_command(command, {"NUMBA_CACHE_DIR": cache}).seconds)
                later.append(run_command(command, {"NUMBA_CACHE_DIR": cache}).seconds)
        note = "the whole process, 1 ms of 10,000 neurons included"
        yield figure(f"first start, {what}", first, "s", asked="at most 30", note=note)
        yield figure(f"later start, {what}", later, "s", asked="at most 2", note=note)


@kernel
def _pack_row(packed: NDArray[np.uint64], targets: NDArray[np.int64], block: int) -> None:
    for k in range(len(targets)):
        place = np.uint32((targets[k] // block) << 16 | targets[k] % block)
        packed[k] = pack(place, 1, 0, 1 + k % 100)


def _sparse_rows(rows: int, targets: int) -> tuple[Rows, sparse.csr_array]:
    rng, block = np.random.default_rng(2), 2**16
    packed, columns = np.empty(rows * _DEGREE, np.uint64), np.empty(rows * _DEGREE, np.int64)
    for r in range(rows):
        span = slice(r * _DEGREE, (r + 1) * _DEGREE)
        columns[span] = np.sort(rng.integers(0, targets, _DEGREE))
        _pack_row(packed[span], columns[span], block)
    edges = np.arange(rows + 1, dtype=np.int64) * _DEGREE
    starts, words = encode(packed, edges)
    weights = 1.0 + np.arange(rows * _DEGREE) % _DEGREE % 100
    return Rows(starts, words, block), sparse.csr_array((weights, columns, edges), shape=(rows, targets))
