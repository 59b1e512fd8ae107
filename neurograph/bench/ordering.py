"""What does ordering give, and what does it cost?

Circuits whose planted order was shuffled away, under activity that is local; the fly hemisphere, where its data are;
and `random`, in which nothing is to be found. Bytes and requests are counted (`neurograph.ordering.reads`), not timed:
they do not depend on the machine. What a run may keep of the rows is the same for all orders: an eighth of them.
"""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import recipes
from neurograph.bench.child import run_command
from neurograph.bench.figures import Figure, figure
from neurograph.bench.parts import Part
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.importing import import_edges
from neurograph.network import Network
from neurograph.ordering.activity import Activity, recorded
from neurograph.ordering.compare import Line, measure
from neurograph.ordering.objective import partition_of, touched
from neurograph.ordering.order import decide
from neurograph.ordering.reads import POOL_SHARE
from neurograph.ordering.wiring import StoredWiring
from neurograph_storage.sizes import GIB

I64 = NDArray[np.int64]

_DEGREE, _PLANTED = 1000, ("modular", "sheet")
# The largest graph that is given to a multilevel partitioner.
_MULTILEVEL_SYNAPSES, _MULTILEVEL_DEGREE = 20_000_000, 200
_TURNS, _DWELL = 20, 25.0
# Modules and stripes are quiet but in their turn.
_WOKEN = {"standing": 0.4, "stimulus": 0.6, "dwell": _DWELL}
DATA = "NEUROGRAPH_TEST_DATA"
_READ = ("compressed_bytes", "compressed_requests", "raw_bytes", "raw_requests")
# Against the planted order, and of the shuffled order against this.
_ASKED = {
    ("modular", "compressed_bytes"): ("at most 1.1", "at least 5"),
    ("modular", "compressed_requests"): ("at most 1.1", "at least 3"),
    ("sheet", "compressed_bytes"): ("at most 1.3", "at least 4"),
    ("sheet", "compressed_requests"): ("at most 1.3", "at least 2"),
}


def ordering_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite."""
    neurons = max(400, min(1_000_000, settings.up_to // _DEGREE))
    parts = {"cost": partial(_cost, folder, min(settings.up_to, 10**8), settings.rounds)}
    parts |= {f"planted, {recipe}": partial(_planted, folder, recipe, neurons) for recipe in _PLANTED}
    parts |= {"random": partial(_random, folder, neurons), "fly": partial(_fly, folder)}
    most = min(settings.up_to, _MULTILEVEL_SYNAPSES)
    parts |= {f"objective, {recipe}": partial(_objective, folder, recipe, most) for recipe in _PLANTED}
    return [Part(name=name, measure=measure, uses=("up_to", "rounds")) for name, measure in parts.items()]


def _described(recipe: str, neurons: int, degree: int) -> Network:
    options: dict[str, Any] = dict(_WOKEN) if recipe in ("modular", "sheet") else {}
    if recipe == "modular":
        options["modules"] = max(4, neurons // 5000)
    return recipes.RECIPES[recipe](neurons=neurons, synapses_per_neuron=degree, **options)


def _shuffled(folder: Path, recipe: str, neurons: int, degree: int) -> Circuit:
    out = folder / f"order-{recipe}-{neurons}x{degree}.zarr"
    if not out.exists():
        size = ["--neurons", str(neurons), "--synapses-per-neuron", str(degree), "--seed", "1", "--shuffle"]
        woken = [text for name, value in _WOKEN.items() for text in (f"--{name}", str(value))]
        run_command(["build", recipe, str(out), *size, "--codec", "compressed", *([] if recipe == "random" else woken)])
    return Circuit(out)


def _activity(circuit: Circuit, turns: int) -> Activity:
    spikes = circuit.path.with_suffix(".parquet")
    if not spikes.exists():
        # Each turn twice: coactivity learns from the first time round, and all is measured on the second.
        duration = 2 * turns * _DWELL
        run_command(["run", str(circuit.path), "--duration", str(duration), "--seed", "1", "--spikes", str(spikes)])
    return recorded(circuit, spikes)


def _hot(circuit: Circuit, before: Activity) -> I64:
    """Return the order of nothing but the number of spikes, most first."""
    counts = np.bincount(before.row, minlength=circuit.neurons)
    return np.argsort(-counts, kind="stable")


def _lines(circuit: Circuit, activity: Activity, methods: tuple[str, ...], planted: I64 | None) -> dict[str, Line]:
    before, after = activity.halves()
    orders = {method: decide(circuit, method, before) for method in methods}
    orders["hot rows"] = _hot(circuit, before)
    if planted is not None:
        orders["planted"] = planted
    pool = 2 * circuit.store.counts.words // POOL_SHARE
    lengths = StoredWiring(circuit.store, GIB).lengths()
    return {name: measure(circuit, name, order, after, lengths, pool=pool) for name, order in orders.items()}


def _planted(folder: Path, recipe: str, neurons: int) -> Iterator[Figure]:
    circuit = _shuffled(folder, recipe, neurons, _DEGREE)
    order = _described(recipe, neurons, _DEGREE).storage_order
    assert order is not None
    activity = _activity(circuit, max(4, neurons // 5000) if recipe == "modular" else _TURNS)
    planted = circuit.storage[order].astype(np.int64)
    lines = _lines(circuit, activity, ("none", "degree", "streaming", "community", "coactivity"), planted)
    for name in ("streaming", "community", "coactivity", "hot rows", "degree"):
        for measured in _READ:
            goals = _ASKED[recipe, measured] if name == "streaming" and (recipe, measured) in _ASKED else ("", "")
            yield from _against(f"{recipe}, {name}, {measured.replace('_', ' ')}", lines, name, measured, goals)
    note = f"{circuit.neurons:,} neurons, {circuit.synapses:,} synapses, {len(activity):,} spikes"
    yield from _fired(recipe, lines, note)


def _against(what: str, lines: dict[str, Line], name: str, measured: str, asked: tuple[str, str]) -> Iterator[Figure]:
    value, planted, shuffled = (float(getattr(lines[key], measured)) for key in (name, "planted", "none"))
    note = f"an event: {value:.4g}, planted {planted:.4g}, shuffled {shuffled:.4g}"
    yield figure(f"{what}: this over planted", [_over(value, planted)], "times", asked=asked[0], note=note)
    yield figure(f"{what}: shuffled over this", [_over(shuffled, value)], "times", asked=asked[1], note=note)


def _over(above: float, below: float) -> float:
    """Return a ratio, 1 where neither is anything."""
    return above / max(below, 1e-12) if above or below else 1.0


def _fired(what: str, lines: dict[str, Line], note: str) -> Iterator[Figure]:
    """Yield in how many partitions something fires while reads are planned together, and reached by a row."""
    for name, line in lines.items():
        step = f"{line.partitions_per_step:.3g} in a step; {note}"
        yield figure(f"{what}, {name}: partitions fired in, a batch", [line.partitions_per_batch], "", note=step)
        yield figure(
            f"{what}, {name}: partitions reached, a row", [line.partitions_per_row], "", note="besides its own"
        )


def _random(folder: Path, neurons: int) -> Iterator[Figure]:
    circuit = _shuffled(folder, "random", min(neurons, 100_000), _DEGREE)
    lines = _lines(circuit, _activity(circuit, 2), ("none", "streaming", "community", "coactivity"), None)
    for name in ("streaming", "community", "coactivity", "hot rows"):
        for measured in (*_READ, "partitions_per_row"):
            value, shuffled = (float(getattr(lines[key], measured)) for key in (name, "none"))
            what = f"random, {name}, {measured.replace('_', ' ')}: shuffled over this"
            yield figure(
                what, [_over(shuffled, value)], "times", note=f"{value:.4g} against {shuffled:.4g}: nothing to find"
            )


def _fly(folder: Path) -> Iterator[Figure]:
    data = Path(os.environ.get(DATA, "")) / "fly_left"
    if not (DATA in os.environ and data.is_dir()):
        return
    out = folder / "order-fly.zarr"
    if not out.exists():
        import_edges(data / "connectivity.parquet", out, preset="shiu2024", neurons=data / "neurons.csv")
    circuit = Circuit(out)
    steps, index = np.loadtxt(data / "sugar_150Hz_spikes.csv", delimiter=",", skiprows=1, dtype=np.int64).T
    activity = Activity.of(steps, circuit.storage[index].astype(np.int64))
    methods = ("none", "degree", "rcm", *_partitioners(), "streaming", "community", "coactivity")
    lines = _lines(circuit, activity, methods, None)
    first = lines["none"]
    for name, line in lines.items():
        for measured in ("partitions_per_step", "partitions_per_batch", *_READ):
            value, by_id = float(getattr(line, measured)), float(getattr(first, measured))
            best = (name, measured) == ("coactivity", "partitions_per_step")
            what = f"fly, {name}, {measured.replace('_', ' ')}: id order over this"
            note = f"{value:.3g} against {by_id:.3g}"
            yield figure(what, [_over(by_id, value)], "times", asked="at least 2" if best else "", note=note)
    yield from _fired("fly", lines, "sugar activity; a batch is 1.8 ms")


def _partitioners() -> tuple[str, ...]:
    try:
        import pymetis  # noqa: F401
    except ImportError:
        return ()
    return ("multilevel",)


def _objective(folder: Path, recipe: str, synapses: int) -> Iterator[Figure]:
    if not _partitioners():
        return
    neurons = synapses // _MULTILEVEL_DEGREE
    circuit = _shuffled(folder, recipe, neurons, _MULTILEVEL_DEGREE)
    wiring, rows = StoredWiring(circuit.store, GIB), circuit.store.attributes["partition_rows"]

    def value(order: I64) -> float:
        return touched(wiring, partition_of(order, rows)) / neurons

    orders = {method: decide(circuit, method, memory=4 * GIB) for method in ("streaming", "community", "multilevel")}
    found = {name: value(order) for name, order in orders.items()}
    planted = _described(recipe, neurons, _MULTILEVEL_DEGREE).storage_order
    assert planted is not None
    found["planted"], found["none"] = value(circuit.storage[planted].astype(np.int64)), value(np.arange(neurons))
    note = f"{circuit.synapses:,} synapses; " + ", ".join(f"{name} {v:.4g}" for name, v in found.items())
    for name in ("streaming", "community"):
        asked, share = "at most 1.15" if name == "streaming" else "", _over(found[name], found["multilevel"])
        what = f"{recipe}, {name}: partitions reached, a row, over multilevel"
        yield figure(what, [share], "times", asked=asked, note=note)


def _cost(folder: Path, synapses: int, rounds: int) -> Iterator[Figure]:
    """Time and memory of building and of ordering, in turns."""
    neurons = synapses // _DEGREE
    built, ordered = folder / "order-cost.zarr", folder / "order-cost-ordered.zarr"
    shares, peaks = [], []
    for _ in range(min(rounds, 3)):
        for path in (built, ordered):
            _remove(path)
        size = ["--neurons", str(neurons), "--synapses-per-neuron", str(_DEGREE), "--shuffle"]
        build = run_command(["build", "modular", str(built), *size])
        order = run_command(["order", str(built), str(ordered), "--method", "streaming"])
        shares.append(order.seconds / build.seconds)
        peaks.append(order.peak_rss / 2**20)
        note = f"{synapses:,} synapses; built in {build.seconds:.1f} s, ordered in {order.seconds:.1f} s"
    for path in (built, ordered):
        _remove(path)
    yield figure("streaming, whole command: time over building", shares, "times", asked="at most 1", note=note)
    yield figure("streaming, whole command: peak memory", peaks, "MiB", asked="at most 1,024")


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
