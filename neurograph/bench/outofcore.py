"""Suite ``outofcore``: how fast is a circuit that does not fit in memory, beside memory and beside the disk?

Every run that is limited is a process in a control group of its budget and 300 MiB, with a cold page cache; see
`neurograph.bench.limited`. Resident bytes of rows are stated with each figure.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.bench.child import run_command
from neurograph.bench.columns import DT, budget_for, columns_in
from neurograph.bench.disk import forget, read_plainly
from neurograph.bench.figures import Figure, figure, ratios
from neurograph.bench.limited import OVERHEAD, Task, run_prepared
from neurograph.bench.limits import mean_row, preadv_rate
from neurograph.bench.microcircuit import SETTLED, THREADS
from neurograph.bench.others import Matrix, runner_of
from neurograph.bench.parts import Part
from neurograph.bench.scaling import ACTIVE, AMONG, SMALLEST, other_cost, task_for
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.executor import state_bytes
from neurograph.pool import least_bytes
from neurograph.record import read_spikes
from neurograph_storage.queueing import PAGE
from neurograph_storage.store import ROW_STARTS

# Room for rows, beside what there is of each neuron; steps in which all tails of a burst are delivered.
_ROOM, _LEAST_ROOM, _PAUSE, _MEMMAP_STEPS = 2**29, 2**21, 40, 100
_MODULES_SETTLE, _SYNAPSES = 200.0, 2000
_SHARES = ((1 / 4, "at least 0.75"), (1 / 8, "at least 0.65"))


def out_of_core_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite."""
    measures = {
        "microcircuit": (_microcircuit, ("scale", "rounds", "duration")),
        "local activity": (_local, ("up_to", "rounds", "duration")),
        "bound by the disk": (_bound_by_disk, ("up_to", "rounds")),
        "pages": (_pages, ("up_to", "rounds")),
        "as a user would write it": (_against_memmap, ("up_to", "rounds")),
        "any size": (_flat, ("up_to", "rounds", "duration")),
    }
    return [
        Part(name=name, measure=partial(measure, folder, settings), uses=uses)
        for name, (measure, uses) in measures.items()
    ]


def built(folder: Path, name: str, *options: str) -> Path:
    """Return the circuit ``NAME.zarr``, whose recipe is the first word of the name; build it if it is not there."""
    path = folder / f"{name}.zarr"
    if not path.exists():
        run_command(["build", name.split("-")[0], str(path), *options])
    return path


def room_for(circuit: Circuit, share: float) -> int:
    """Return a budget that leaves this share of the bytes of all rows for rows and what is known of them.

    Of tiny circuits, as much more as a run needs at all.
    """
    return state_bytes(circuit) + max(int(share * circuit.store.synapse_bytes), 4 * least_bytes(circuit))


def _limited(path: Path, memory: int | None, settle: float, duration: float, **more: Any) -> dict[str, Any]:
    return run_prepared(
        Task(circuit=str(path), settle=settle, duration=duration, memory=memory, workers=THREADS, **more)
    )


def _microcircuit(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the microcircuit with a share of its rows' bytes in memory with all of them there."""
    path = built(folder, f"microcircuit-{settings.scale:g}-raw-8", "--scale", f"{settings.scale}", "--weight-bits", "8")
    circuit = Circuit(path)
    runs: dict[float, list[dict[str, Any]]] = {share: [] for share in (1.0, *(s for s, _ in _SHARES))}
    for _ in range(settings.rounds):
        for share, found in runs.items():
            memory = None if share == 1.0 else room_for(circuit, share)
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
    neurons = max(1000, settings.up_to // (2 * _SYNAPSES))
    return ["--neurons", str(neurons), "--synapses-per-neuron", str(min(_SYNAPSES, neurons // 5))]


def modules_in(folder: Path, settings: Settings) -> Path:
    """Return a circuit whose modules are woken in turn; build it if it is not there."""
    options = ["--stimulus", "0.6", "--standing", "0.4"]
    return built(folder, f"modular-{settings.up_to:.0e}", *_size(settings), *options)


def _local(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare local activity with a quarter of the rows' bytes in memory with all of them there."""
    path = modules_in(folder, settings)
    circuit, duration = Circuit(path), settings.duration / 2
    memory = room_for(circuit, 1 / 4)
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
    path = built(folder, f"random-{settings.up_to:.0e}", *_size(settings))
    circuit = Circuit(path)
    memory, runs, plain = max(room_for(circuit, 1 / 12), 512 * 2**20), [], []
    row = circuit.store.synapse_bytes // max(1, circuit.neurons)
    for _ in range(settings.rounds):
        runs.append(_limited(path, memory, 20.0, 20.0))
        size = runs[-1]["bytes_read"] / max(1, runs[-1]["read_requests"])
        plain.append(preadv_rate(circuit, size))
    note = f"{circuit.store.synapse_bytes / 2**30:.1f} GiB of rows of {row:,} bytes, budget {memory / 2**20:.0f} MiB"
    rates = [run["bytes_read"] / run["wall_s"] for run in runs]
    yield figure("random: bytes read, against plain reads", ratios(rates, plain), "", asked="at least 0.9", note=note)
    yield figure("plain reads of that size", [rate / 1e6 for rate in plain], "MB/s", note="8 threads of preadv")
    yield from _costs("random", runs)


def _large(folder: Path, settings: Settings) -> Circuit:
    """Return the circuit of columns whose rows take more than 4 GiB where circuits may have 4e9 synapses."""
    return columns_in(folder, max(SMALLEST, settings.up_to * 21 // 40))


def _budget_of(circuit: Circuit) -> int:
    """Return the budget of runs of this circuit: an eighth of its rows fits, or 512 MiB of them."""
    return budget_for(circuit, min(_ROOM, max(_LEAST_ROOM, circuit.store.synapse_bytes // 8)))


def _distinct_pages(circuit: Circuit, spikes: Path, first: float) -> int:
    """Return the pages that the rows of each step's spikes lie on, added up over steps from ``first`` (ms) on."""
    times, neurons, _ = read_spikes(spikes)
    late = times >= first
    row = circuit.storage[circuit.index_of(neurons[late])].astype(np.int64)
    step, starts = np.rint(times[late] / circuit.dt).astype(np.int64), np.asarray(circuit.store.arrays[ROW_STARTS])
    begin, end = (2 * starts[row + k].astype(np.int64) for k in (0, 1))
    pages = (end - 1) // PAGE - begin // PAGE + 1
    ahead = np.arange(pages.sum()) - np.repeat(np.cumsum(pages) - pages, pages)
    found: int = len(np.unique(np.repeat(step << 40 | begin // PAGE, pages) + ahead))
    return found


def _pages(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the bytes that are read with those of the pages that the rows of a step's spikes lie on."""
    circuit = _large(folder, settings)
    memory, spikes = _budget_of(circuit), folder / "pages.parquet"
    # Five in a hundred at once, and then none until their rows have been delivered; or one in a thousand in every step.
    for share, every, duration in ((0.001, 1, 20.0), (0.05, _PAUSE, 5 * _PAUSE * circuit.dt)):
        read, runs = [], []
        for _ in range(settings.rounds):
            active = max(1, round(share * circuit.neurons))
            settle = _PAUSE * circuit.dt
            runs.append(
                _limited(circuit.path, memory, settle, duration, active=active, every=every, spikes=str(spikes))
            )
            read.append(runs[-1]["bytes_read"] / max(1, PAGE * _distinct_pages(circuit, spikes, settle)))
        note = f"{circuit.store.synapse_bytes / 2**30:.1f} GiB, rows of {mean_row(circuit):,.0f} bytes, "
        note += f"budget {memory / 2**20:.0f} MiB, resident rows {runs[-1]['resident'] / 2**20:.0f} MiB, "
        note += f"{runs[-1]['spikes']:,} spikes"
        what = f"{100 * share:g} % of rows active in a step"
        yield figure(f"{what}: bytes read / bytes of their pages", read, "", asked="at most 1.1", note=note)
        yield from _costs(what, runs)
    spikes.unlink()


def _against_memmap(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare a run with the same spikes in SciPy, whose matrix is mapped, under the same limit."""
    circuit = _large(folder, settings)
    memory, duration, ours, theirs = _budget_of(circuit), _MEMMAP_STEPS * circuit.dt, [], []
    with Matrix(circuit, folder) as matrix:
        run = runner_of("memmap", circuit, matrix.folder, memory + OVERHEAD)
        for _ in range(settings.rounds):
            ours.append(_limited(circuit.path, memory, 2.0, duration, active=ACTIVE))
            forget(matrix.folder)
            theirs.append(run(_MEMMAP_STEPS, ACTIVE, circuit.neurons))
    note = f"{circuit.synapses:,} synapses, {ACTIVE} neurons active a step, both in "
    note += f"{(memory + OVERHEAD) / 2**20:,.0f} MiB; our resident rows {ours[-1]['resident'] / 2**20:.0f} MiB"
    rates = [[r["synaptic_events"] / r["wall_s"] for r in found] for found in (ours, theirs)]
    faster = ratios(*rates)
    yield figure("times faster than SciPy over memmap, whole step", faster, "", asked="at least 10", note=note)
    spent = [[run["delivery_s"] for run in found] for found in (ours, theirs)]
    yield figure("times faster than SciPy over memmap, fetch and delivery", ratios(spent[1], spent[0]), "", note=note)


def _flat(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare fetch and delivery of as many spikes in circuits of different size, with the same room for rows."""
    most, duration = settings.up_to // 4, settings.duration / 10
    circuits = {size: columns_in(folder, size) for size in (most // 100, most // 10, most)}
    costs: dict[int, list[float]] = {size: [] for size in circuits}
    runs: dict[int, list[dict[str, Any]]] = {size: [] for size in circuits}
    steps = round(duration / DT)
    for _ in range(settings.rounds):
        for size, circuit in circuits.items():
            heard, silent = (
                run_prepared(task_for(circuit, True, duration, active=ACTIVE, among=AMONG, silent=silent))
                for silent in (False, True)
            )
            costs[size].append(other_cost(heard, silent, steps))
            runs[size].append(heard)
    for size, circuit in circuits.items():
        last = runs[size][-1]
        note = (
            f"{ACTIVE} neurons active a step, rows {circuit.store.synapse_bytes / 2**20:,.0f} MiB, of which resident "
        )
        note += f"{last['resident'] / 2**20:.1f}, peak {last['peak_rss_bytes'] / 2**20:.0f} MiB"
        yield figure(f"fetch and delivery, {size:.0e} synapses", costs[size], "us a step", note=note)
        neurons = [run["neurons_s"] / steps * 1e6 for run in runs[size]]
        yield figure(
            f"update of all neurons, {size:.0e} synapses", neurons, "us a step", note="silent blocks are not skipped"
        )
    rise = [max(found) / max(1e-9, min(found)) for found in zip(*costs.values(), strict=True)]
    yield figure("fetch and delivery: slowest size against fastest", rise, "", asked="at most 1.25")
