"""Suite ``scaling``: how does speed depend on the size of the graph, in memory and beyond it, for us and for others?

The same circuit from a million synapses on (`neurograph.bench.columns`), in memory and under a limit. *Active
neurons fixed*: 20 fire in each step, always among the same 10,000. *Rate fixed*: all fire at 4 Hz. Fetch and delivery
are what a step takes besides the neurons' update, less the same in a run in which those that fire reach nobody.
"""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from neurograph.bench.columns import DT, LONGEST, budget_for, columns_in
from neurograph.bench.figures import Figure, figure, ratios
from neurograph.bench.limited import OVERHEAD, OutOfMemoryError, Task, can_limit, run_limited, run_prepared
from neurograph.bench.limits import mean_row, preadv_rate, streaming_rate
from neurograph.bench.others import NAMES, Matrix, memory_for_peers, runner_of
from neurograph.bench.parts import Part
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph_storage.errors import DataError
from neurograph_storage.sizes import MIB

SMALLEST, THREADS = 10**6, 2
ACTIVE, AMONG, RATE = 20, 10_000, 4.0  # neurons a step; neurons; Hz
# Where rows do not fit, all circuits have the same room for them; the smallest of them is several times as large.
ROOM, SMALLEST_LIMITED = 6 * MIB, 10**7
# Until all of those that fire have done so, ten times on average, and their rows have been touched and checked.
SETTLE, _SHARE_OF_DURATION = 500.0, 10
# At a fixed rate there is room for the rows in flight so many times.
_FLIGHTS = 4
_FLAT = "at most 1.25"
# What a difference of two times is at least, in microseconds: noise must not make it nothing.
_LEAST = 0.01
# Synapses and name of peers that found no memory, and what was said.
Ended = dict[tuple[int, str], str]
# Seconds that a peer may take in a round if it is to be run in the next.
_PATIENCE = 60.0


def sizes(up_to: int) -> list[int]:
    """Return numbers of synapses, by tens.

    Examples
    --------
    >>> sizes(30_000_000)
    [1000000, 10000000]
    """
    found = [SMALLEST]
    while found[-1] * 10 <= up_to:
        found.append(found[-1] * 10)
    return found


def scaling_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite: each size, both ways; each peer beside it; then how flat it all is."""
    costs, ended = _known_costs(folder.parent / "scaling.json", settings.rounds), Ended()
    return [
        Part(
            name=f"{kind}, {synapses:.0e} synapses",
            measure=partial(measure, folder, synapses, settings, costs, ended),
            uses=("rounds", "duration", "peers"),
            kind=kind,
            size=synapses / SMALLEST,
        )
        for kind, measure in (("active neurons fixed", _fixed_active), ("rate fixed", _fixed_rate))
        for synapses in sizes(settings.up_to)
    ]


def _known_costs(file: Path, rounds: int) -> dict[str, dict[int, list[float]]]:
    """Return the costs of sizes that were measured before, by line and synapses: larger ones are compared with them."""
    costs: dict[str, dict[int, list[float]]] = {"in memory": {}, "under a limit": {}}
    try:
        rows = json.loads(file.read_text())["figures"]
    except (OSError, ValueError):
        rows = []
    for row in rows:
        place = row.get("at", {})
        if place.get("panel") == "cost" and len(row["runs"]) == rounds:
            costs[place["line"]][place["x"]] = row["runs"]
    return costs


def task_for(circuit: Circuit, limit: bool, duration: float, *, room: int = ROOM, **more: Any) -> Task:
    """Return a run of a circuit of columns, with room for a few of its rows if it is limited."""
    memory = budget_for(circuit, room) if limit else None
    return Task(circuit=str(circuit.path), settle=SETTLE, duration=duration, memory=memory, workers=THREADS, **more)


def other_cost(heard: dict[str, Any], silent: dict[str, Any], steps: int) -> float:
    """Return the microseconds a step that fetching and delivering take."""
    return float(max(_LEAST, (heard["delivery_s"] - silent["delivery_s"]) / steps * 1e6))


def _ways(circuit: Circuit) -> dict[str, bool]:
    """Return whether a run is limited, by the name of its line; those that cannot be are left out."""
    ways = {}
    if circuit.store.synapse_bytes < memory_for_peers():
        ways["in memory"] = False
    if circuit.synapses >= SMALLEST_LIMITED and can_limit():
        ways["under a limit"] = True
    return ways


def _fixed_active(folder: Path, synapses: int, settings: Settings, costs: Any, ended: Ended) -> Iterator[Figure]:
    circuit, duration = columns_in(folder, synapses), settings.duration / _SHARE_OF_DURATION
    ways, steps = _ways(circuit), round(duration / DT)
    _compile(circuit)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    quiet: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    limits: list[tuple[float, float]] = []
    with _Others(folder, circuit, settings, ACTIVE, AMONG, ended, ROOM) as others:
        for _ in range(settings.rounds):
            for way, limit in ways.items():
                for silent, found in ((False, runs), (True, quiet)):
                    found[way].append(
                        run_prepared(task_for(circuit, limit, duration, active=ACTIVE, among=AMONG, silent=silent))
                    )
            others.run(steps)
            limits.append((preadv_rate(circuit, mean_row(circuit)), streaming_rate(THREADS)))
        yield from _speeds("active neurons fixed", circuit, runs, others, limits)
    for way in ways:
        spent = [other_cost(a, b, steps) for a, b in zip(runs[way], quiet[way], strict=True)]
        neurons = [run["neurons_s"] / steps * 1e6 for run in runs[way]]
        what = f"{way}, {synapses:.0e} synapses, {ACTIVE} active"
        place: dict[str, Any] = {"panel": "cost", "line": way, "x": circuit.synapses}
        yield figure(f"{what}: fetch and delivery", spent, "us a step", note=_memory_of(runs[way], circuit), **place)
        yield figure(f"{what}: update of all neurons", neurons, "us a step")
        costs[way][synapses] = spent
        first = min(costs[way])
        if first != synapses:
            what = f"fetch and delivery {way}, {synapses:.0e} against {first:.0e} synapses"
            yield figure(what, ratios(spent, costs[way][first]), "", asked=_FLAT)


def _fixed_rate(folder: Path, synapses: int, settings: Settings, costs: Any, ended: Ended) -> Iterator[Figure]:
    del costs
    circuit, duration = columns_in(folder, synapses), settings.duration / _SHARE_OF_DURATION
    active, ways = circuit.neurons * RATE * DT / 1000.0, _ways(circuit)
    room = max(ROOM, round(_FLIGHTS * active * LONGEST / DT * mean_row(circuit)))
    _compile(circuit)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    limits: list[tuple[float, float]] = []
    with _Others(folder, circuit, settings, active, circuit.neurons, ended, room) as others:
        for _ in range(settings.rounds):
            for way, limit in ways.items():
                runs[way].append(run_prepared(task_for(circuit, limit, duration, room=room, active=active)))
            others.run(round(duration / DT))
            limits.append((preadv_rate(circuit, mean_row(circuit)), streaming_rate(THREADS)))
        yield from _speeds("rate fixed", circuit, runs, others, limits)


def _compile(circuit: Circuit) -> None:
    """Run both ways once, outside of any limit: kernels are compiled once, and that takes more memory than runs."""
    for limit in (False, True):
        if not limit or circuit.synapses >= SMALLEST_LIMITED:
            task = task_for(circuit, limit, 1.0, active=1)
            run_limited(task, inside=False)


def _memory_of(runs: list[dict[str, Any]], circuit: Circuit) -> str:
    last = runs[-1]
    rows = f"resident rows {last['resident'] / MIB:.0f} MiB" if last["resident"] else "all rows in memory"
    return f"{rows} of {circuit.store.synapse_bytes / MIB:,.0f}, peak {last['peak_rss_bytes'] / MIB:,.0f} MiB"


def _speeds(
    kind: str,
    circuit: Circuit,
    runs: dict[str, list[dict[str, Any]]],
    others: "_Others",
    limits: list[tuple[float, float]],
) -> Iterator[Figure]:
    """Yield events a second of everything, peers as ratios, and what the machine would allow."""
    size, panel = f"{circuit.synapses:.0e} synapses", dict[str, Any](panel=kind, x=circuit.synapses)
    an_event = circuit.store.synapse_bytes / circuit.synapses
    for way, found in runs.items():
        rates = [run["synaptic_events"] / run["wall_s"] for run in found]
        note = _memory_of(found, circuit)
        yield figure(f"{kind}, {way}, {size}", [r / 1e6 for r in rates], "M events/s", note=note, line=way, **panel)
    names = ("plain preadv of rows", "plain streaming read")
    for name, measured in zip(names, zip(*limits, strict=True), strict=True):
        limit = [rate / an_event / 1e6 for rate in measured]
        note = f"{an_event:.2f} bytes an event"
        yield figure(f"{kind}, limit: {name}, {size}", limit, "M events/s", note=note, line=f"limit: {name}", **panel)
    for name, theirs in others.runs.items():
        shown = NAMES[name]
        if not theirs:
            yield figure(f"{kind}, {shown}, {size}: ended", [1.0], "", note=others.ended[name])
            continue
        rates = [run["synaptic_events"] / run["wall_s"] for run in theirs]
        note = f"peak {theirs[-1]['peak_rss_bytes'] / MIB:,.0f} MiB"
        yield figure(f"{kind}, {shown}, {size}", [r / 1e6 for r in rates], "M events/s", note=note, line=shown, **panel)
        way = "under a limit" if name == "memmap" and "under a limit" in runs else next(iter(runs))
        ours = [run["synaptic_events"] / run["wall_s"] for run in runs[way]]
        # Where the matrix, of 8 bytes a synapse, is eight times larger than what both may take.
        beyond = circuit.synapses > others.limit
        asked = "at least 10" if name == "memmap" and way == "under a limit" and beyond else ""
        faster = ratios(ours[: len(rates)], rates)
        yield figure(f"{kind}, ours {way} against {shown}, {size}", faster, "times as fast", asked=asked)


class _Others:
    """Peers that run beside us on one circuit, until they find no memory.

    Attributes
    ----------
    runs : dict
        By peer, what it found; empty if it did not get through.
    ended : dict
        By peer, why.
    limit : int
        Bytes that we may take where we are limited, and so SciPy over memmap.
    """

    def __init__(
        self, folder: Path, circuit: Circuit, settings: Settings, active: float, among: int, ended: Ended, room: int
    ) -> None:
        self.runs: dict[str, list[dict[str, Any]]] = {name: [] for name in settings.peers}
        # Who could not hold this circuit need not try again.
        self.ended = {name: ended[circuit.synapses, name] for name in self.runs if (circuit.synapses, name) in ended}
        self.limit, self._known = budget_for(circuit, room) + OVERHEAD, ended
        self._took: dict[str, float] = {}
        self._circuit, self._folder, self._active, self._among = circuit, folder, active, among
        self._matrix: Matrix | None = None
        self._runners: dict[str, Callable[[int, float, int], dict[str, Any]]] = {}

    def __enter__(self) -> "_Others":
        wanted = [name for name in ("scipy", "memmap") if name in self.runs]
        folder = self._folder
        if wanted:
            try:
                self._matrix = Matrix(self._circuit, self._folder).__enter__()
                folder = self._matrix.folder
            except DataError as error:
                self.ended |= dict.fromkeys(wanted, str(error))
        for name in self.runs:
            beyond = name == "memmap" and self._circuit.synapses >= SMALLEST_LIMITED
            self._runners[name] = runner_of(name, self._circuit, folder, self.limit if beyond else None)
        return self

    def run(self, steps: int) -> None:
        """Run each once, but for those that ended, and those that took minutes, with all they build before."""
        for name, found in self.runs.items():
            if name in self.ended or self._took.get(name, 0.0) > _PATIENCE:
                continue
            began = time.monotonic()
            try:
                found.append(self._runners[name](steps, self._active, self._among))
                self._took[name] = time.monotonic() - began
            except DataError as error:
                self.ended[name] = f"out of memory: {error}" if isinstance(error, OutOfMemoryError) else str(error)
                if isinstance(error, OutOfMemoryError):
                    self._known[self._circuit.synapses, name] = self.ended[name]
                found.clear()

    def __exit__(self, *_: object) -> None:
        if self._matrix is not None:
            self._matrix.__exit__()


__all__ = ["scaling_parts", "sizes"]
