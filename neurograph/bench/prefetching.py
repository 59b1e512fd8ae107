"""Suite ``prefetch``: how long do spikes wait for their rows under each policy of reading ahead?

Modules, or stripes of a sheet, are woken in turn, in an eighth of the memory that all rows would take. Each policy
runs in a control group of its budget and 300 MiB, with a cold page cache, after every module has been awake once: what
is learned must have been seen. Delays are one step, so that no spike says in time what it will need; or 1.5 +- 0.75 ms,
where it does.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from neurograph.bench.figures import Figure, figure, ratios
from neurograph.bench.limited import Task, run_prepared
from neurograph.bench.limits import mean_row, preadv_rate
from neurograph.bench.microcircuit import THREADS
from neurograph.bench.outofcore import built, room_for
from neurograph.bench.parts import Part
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.prediction import POLICIES

_SHARE, _DWELL, _TURNS = 1 / 8, 50.0, 10
_NOTHING = 1e-3
# Modules so small that what their spikes need is less than half of what the disk can give.
_SYNAPSES, _MODULE, _MOST = 1000, 2500, 200_000
_RECIPES = {"modular": "--modules", "sheet": "--stripes"}
_DELAYS = {"one step": ("--delay", "0.1"), "1.5 ms": ("--delay", "1.5", "--delay-std", "0.75")}
# What is asked of which policy against which, where delays are so long.
_ASKED = {
    "one step": (("learned", "none", "at most 0.5"), ("learned", "oracle", "at most 1.5")),
    "1.5 ms": (("exact", "oracle", "at most 1.1"),),
}


def prefetch_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite."""
    return [
        Part(name=f"{recipe}, {delays}", measure=partial(_measure, folder, settings, recipe, delays),
             uses=("up_to", "rounds"), kind="policies")
        for recipe in _RECIPES
        for delays in _DELAYS
    ]  # fmt: skip


def _circuit(folder: Path, settings: Settings, recipe: str, delays: str) -> tuple[Path, float]:
    """Return a circuit, built if it is not there, and after how many ms all of it has been awake."""
    neurons = max(1000, min(_MOST, settings.up_to // _SYNAPSES))
    turns = max(4, neurons // _MODULE)
    sizes = ("--neurons", str(neurons), "--synapses-per-neuron", str(min(_SYNAPSES, neurons // 5)))
    woken = ("--stimulus", "0.6", "--standing", "0.4", "--dwell", str(_DWELL), _RECIPES[recipe], str(turns))
    name = f"{recipe}-woken-{turns}-{delays.replace(' ', '-')}-{neurons}"
    return built(folder, name, *sizes, *woken, *_DELAYS[delays]), turns * _DWELL


def _measure(folder: Path, settings: Settings, recipe: str, delays: str) -> Iterator[Figure]:
    path, settle = _circuit(folder, settings, recipe, delays)
    circuit, known = Circuit(path), path.with_suffix(".parquet")
    task = Task(circuit=str(path), settle=settle, duration=_TURNS * _DWELL, workers=THREADS)
    if not known.exists():
        run_prepared(replace(task, spikes=str(known)))
    limited = replace(task, memory=room_for(circuit, _SHARE))
    runs: dict[str, list[dict[str, Any]]] = {policy: [] for policy in POLICIES}
    for _ in range(settings.rounds):
        for policy, found in runs.items():
            of_policy = replace(limited, prefetch=policy, known=str(known) if policy == "oracle" else None)
            found.append(run_prepared(of_policy))
    yield from _figures(circuit, f"{recipe}, {delays}", delays, runs)


def _figures(circuit: Circuit, of: str, delays: str, runs: dict[str, list[dict[str, Any]]]) -> Iterator[Figure]:
    stalls = {policy: [run["stall_s"] for run in found] for policy, found in runs.items()}
    exact = runs["exact"][-1]
    rate = exact["bytes_read"] / exact["wall_s"] / preadv_rate(circuit, mean_row(circuit))
    note = f"{circuit.neurons:,} neurons, {circuit.synapses:,} synapses, resident rows "
    note += f"{exact['resident'] / 2**20:.0f} MiB; exact reads {rate:.2f} of what plain reads give"
    for policy, other, asked in _ASKED[delays]:
        # Who never waits cannot be compared with: a thousandth of the wall time is as good as nothing.
        least = [max(run["stall_s"], _NOTHING * run["wall_s"]) for run in runs[other]]
        ratio = ratios(stalls[policy], least)
        yield figure(f"{of}: stalls, {policy} against {other}", ratio, "times", asked=asked, note=note)
        walls = ratios([run["wall_s"] for run in runs[policy]], [run["wall_s"] for run in runs[other]])
        yield figure(f"{of}: wall time, {policy} against {other}", walls, "times")
    for policy, found in runs.items():
        late = [run["misses"] / max(1, run["hits"] + run["misses"]) for run in found]
        shares = [run["stall_s"] / run["wall_s"] for run in found]
        walls = ratios([run["wall_s"] for run in found], [run["wall_s"] for run in runs["none"]])
        # What was read before the clock ran, and then used, counts as less than nothing.
        wasted = max(0, found[-1]["wasted"]) / 1e6
        read = f"read {found[-1]['bytes_read'] / 1e6:,.0f} MB, {wasted:,.0f} of them for nothing; "
        read += f"{100 * late[-1]:.2f} % of rows were late; wall time {walls[-1]:.2f} times that of none"
        yield figure(f"{of}, {policy}: stalled", shares, "of wall time", note=read)
