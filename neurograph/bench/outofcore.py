"""Suite ``outofcore``: how fast is a circuit that does not fit in memory, beside memory and beside the disk?

Every run that is limited is a process in a control group of its budget and 300 MiB, with a cold page cache; see
`neurograph.bench.limited`. Resident bytes of rows are stated with each figure.
"""

import mmap
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.bench.child import run_command
from neurograph.bench.disk import forget, read_plainly
from neurograph.bench.figures import Figure, figure, ratios
from neurograph.bench.limited import Task, run_limited
from neurograph.bench.microcircuit import SETTLED, THREADS
from neurograph.bench.settings import Settings
from neurograph.builder import build
from neurograph.circuit import Circuit
from neurograph.executor import state_bytes
from neurograph.models.lif_exp import LIFExp
from neurograph.network import Network
from neurograph.normals import Normal
from neurograph.row_rules import FixedOutdegree
from neurograph_storage.readers import ChunkFiles

_READERS, _BLOCKS = 8, 4000
# Neurons that fire in a step, in circuits of any size.
_ACTIVE = 20
_MODULES_SETTLE, _SYNAPSES = 200.0, 2000
_SHARES = ((1 / 4, "at least 0.75"), (1 / 8, "at least 0.65"))


def measure_out_of_core(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Yield the figures of the suite."""
    yield from _microcircuit(folder, settings)
    yield from _local(folder, settings)
    yield from _bound_by_disk(folder, settings)
    yield from _flat(folder, settings)


def _built(folder: Path, name: str, *options: str) -> Path:
    path = folder / f"{name}.zarr"
    if not path.exists():
        run_command(["build", name.split("-")[0], str(path), *options])
    return path


def _room_for(circuit: Circuit, share: float) -> int:
    """Return a budget that leaves this share of the bytes of all rows for rows and what is known of them."""
    return state_bytes(circuit) + int(share * circuit.store.synapse_bytes)


def _limited(path: Path, memory: int | None, settle: float, duration: float, **more: Any) -> dict[str, Any]:
    if memory is not None:
        forget(path)
    task = Task(circuit=str(path), settle=settle, duration=duration, memory=memory, workers=THREADS, **more)
    return run_limited(task)


def _microcircuit(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the microcircuit with a share of its rows' bytes in memory with all of them there."""
    path = _built(
        folder, f"microcircuit-{settings.scale:g}-raw-8", "--scale", f"{settings.scale}", "--weight-bits", "8"
    )
    circuit = Circuit(path)
    runs: dict[float, list[dict[str, Any]]] = {share: [] for share in (1.0, *(s for s, _ in _SHARES))}
    for _ in range(settings.rounds):
        for share, found in runs.items():
            memory = None if share == 1.0 else _room_for(circuit, share)
            found.append(_limited(path, memory, SETTLED, settings.duration))
    factors = {share: [run["real_time_factor"] for run in found] for share, found in runs.items()}
    note = f"scale {settings.scale:g}, {THREADS} threads, {settings.duration:g} ms after {SETTLED:g} ms"
    yield figure("microcircuit: real-time factor in memory", factors[1.0], "wall / simulated", note=note)
    for share, asked in _SHARES:
        of = f"microcircuit, {share:g} of the rows' bytes"
        yield figure(f"{of}: speed against memory", ratios(factors[1.0], factors[share]), "", asked=asked, note=note)
        yield from _costs(of, runs[share])


def _costs(of: str, runs: list[dict[str, Any]]) -> Iterator[Figure]:
    last = runs[-1]
    note = f"resident rows {last['resident'] / 2**20:.0f} MiB, peak {last['peak_rss_bytes'] / 2**20:.0f} MiB"
    yield figure(f"{of}: stalled", [run["stall_s"] / run["wall_s"] for run in runs], "of wall time", note=note)
    yield figure(f"{of}: read", [run["bytes_read"] / run["wall_s"] / 1e6 for run in runs], "MB/s", note=note)
    a_spike = [run["read_requests"] / max(1, run["spikes"]) for run in runs]
    yield figure(f"{of}: reads a spike", a_spike, "", note="others found their row in memory, or shared a read")


def _size(settings: Settings) -> list[str]:
    neurons = max(10_000, settings.up_to // (2 * _SYNAPSES))
    return ["--neurons", str(neurons), "--synapses-per-neuron", str(_SYNAPSES)]


def _local(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare local activity with a quarter of the rows' bytes in memory with all of them there."""
    options = ["--stimulus", "0.6", "--standing", "0.4"]
    path = _built(folder, f"modular-{settings.up_to:.0e}", *_size(settings), *options)
    circuit, duration = Circuit(path), settings.duration / 2
    memory = _room_for(circuit, 1 / 4)
    inside, limited = [], []
    for _ in range(settings.rounds):
        # What fits in memory shall be there, not on its way.
        read_plainly(path, THREADS)
        inside.append(_limited(path, None, _MODULES_SETTLE, duration))
        limited.append(_limited(path, memory, _MODULES_SETTLE, duration))
    note = (
        f"{circuit.neurons:,} neurons, {circuit.synapses:,} synapses, {circuit.store.synapse_bytes / 2**30:.1f} GiB; "
    )
    note += f"{inside[-1]['spikes'] / circuit.neurons / duration * 1e3:.2f} Hz, modules woken in turn"
    faster = ratios([run["wall_s"] for run in inside], [run["wall_s"] for run in limited])
    yield figure("modular, a quarter in memory: speed against memory", faster, "", asked="at least 0.85", note=note)
    yield from _costs("modular, a quarter in memory", limited)


def _bound_by_disk(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare a run that waits for the disk with plain reads of as many bytes at random places."""
    path = _built(folder, f"random-{settings.up_to:.0e}", *_size(settings))
    circuit = Circuit(path)
    memory, runs, plain = max(_room_for(circuit, 1 / 12), 512 * 2**20), [], []
    row = circuit.store.synapse_bytes // max(1, circuit.neurons)
    for _ in range(settings.rounds):
        runs.append(_limited(path, memory, 20.0, 20.0))
        size = runs[-1]["bytes_read"] / max(1, runs[-1]["read_requests"])
        plain.append(_plain_rate(circuit, round(size / 512) * 512))
    note = f"{circuit.store.synapse_bytes / 2**30:.1f} GiB of rows of {row:,} bytes, budget {memory / 2**20:.0f} MiB"
    rates = [run["bytes_read"] / run["wall_s"] for run in runs]
    yield figure("random: bytes read, against plain reads", ratios(rates, plain), "", asked="at least 0.9", note=note)
    yield figure(
        "plain reads of that size", [rate / 1e6 for rate in plain], "MB/s", note=f"{_READERS} threads of preadv"
    )
    yield from _costs("random", runs)


def _plain_rate(circuit: Circuit, size: int) -> float:
    """Return bytes a second of `_READERS` threads that read pieces of ``size`` at random places."""
    store = circuit.store
    paths = [store.chunk_path("rows/words", k) for k in range(store.specs["rows/words"].chunks)]
    files, sizes = ChunkFiles(paths), [path.stat().st_size for path in paths]
    try:
        threads = [
            threading.Thread(target=_read_pieces, args=(files.descriptors.tolist(), sizes, size, seed))
            for seed in range(_READERS)
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return _BLOCKS * _READERS * size / (time.perf_counter() - started)
    finally:
        files.close()


def _read_pieces(files: list[int], sizes: list[int], size: int, seed: int) -> None:
    random, into = np.random.default_rng(seed), memoryview(mmap.mmap(-1, max(size, 4096)))[:size]
    for _ in range(_BLOCKS):
        file = int(random.integers(len(files)))
        last = max(0, sizes[file] - size) // 512
        os.preadv(files[file], [into], int(random.integers(last + 1)) * 512)


def _flat(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the time of fetching and delivering the rows of as many spikes in circuits of different size.

    That is the difference to a run in which the same neurons spike and reach nobody.
    """
    costs: dict[int, list[float]] = {}
    most = settings.up_to // 4
    for synapses in (most // 100, most // 10, most):
        path = folder / f"sparse-{synapses:.0e}.zarr"
        if not path.exists():
            build(path, _sparse(synapses), seed=1)
        circuit = Circuit(path)
        memory, costs[synapses] = _room_for(circuit, 1 / 4), []
        for _ in range(settings.rounds):
            heard, silent = (
                _limited(path, memory, 20.0, 50.0, active=_ACTIVE, silent=silent)["wall_s"] for silent in (False, True)
            )
            costs[synapses].append((heard - silent) / 500)
        note = f"{circuit.synapses:,} synapses, {_ACTIVE} neurons active a step, budget {memory / 2**20:.0f} MiB; "
        note += f"neurons {1e6 * silent / 500:.0f} us a step"
        spent = [1e6 * s for s in costs[synapses]]
        yield figure(f"fetch and delivery, {synapses:.0e} synapses", spent, "us a step", note=note)
    rise = ratios(costs[max(costs)], costs[min(costs)])
    yield figure("fetch and delivery: largest circuit against smallest", rise, "", asked="at most 1.25")


def _sparse(synapses: int) -> Network:
    """Return a network in which only those fire that are made to."""
    network = Network(dt=0.1)
    neurons = network.population("all", max(2000, synapses // 1000), LIFExp())
    network.connect(neurons, neurons, FixedOutdegree(1000), weight=1e-3, delay=Normal(1.5, 0.5, low=0.1))
    return network
