"""How fast does a circuit run, as a function of its size?

Builds one recipe at several sizes, steps each, and reports synaptic events a second and the real-time factor. Build and
compilation are reported apart, never counted as stepping.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurograph.builder import build
from neurograph.choices import find
from neurograph.recipes import RECIPES
from neurograph.simulation import Simulation

# Recipes whose size is given in neurons and synapses per neuron.
_SIZED = {name: RECIPES[name] for name in ("random", "modular", "sheet")}


@dataclass(frozen=True)
class Throughput:
    """Figures of one size; times in seconds of wall time; those of building are None if the circuit was there."""

    neurons: int
    synapses: int
    bytes_on_disk: int
    build_s: float | None
    synapses_built_per_s: float | None
    duration_ms: float
    wall_s: float
    real_time_factor: float
    spikes: int
    synaptic_events: int
    events_per_s: float
    peak_rss_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def measure_throughput(
    folder: str | os.PathLike[str],
    sizes: Sequence[int],
    *,
    recipe: str = "modular",
    synapses_per_neuron: int = 1000,
    duration: float = 100.0,
    workers: int | None = None,
    seed: int = 1,
    report: Callable[[Throughput], object] = lambda _: None,
) -> list[Throughput]:
    """Measure each size once and return the figures; circuits stay in ``folder``, and are used again if found there.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of neurons.
    duration : float
        Simulated time in ms, after a tenth of it has been run to compile and to warm up.
    report : callable
        Called with each result as it comes.
    """
    find("recipe", recipe, _SIZED)
    results = []
    for result in _measure_each(Path(folder), sizes, recipe, synapses_per_neuron, duration, workers, seed):
        report(result)
        results.append(result)
    return results


def _measure_each(
    folder: Path, sizes: Sequence[int], recipe: str, degree: int, duration: float, workers: int | None, seed: int
) -> Iterator[Throughput]:
    folder.mkdir(parents=True, exist_ok=True)
    for neurons in sizes:
        path = folder / f"{recipe}-{neurons}x{degree}-seed{seed}.zarr"
        started, there = time.perf_counter(), path.exists()
        if not there:
            build(path, _SIZED[recipe](neurons=neurons, synapses_per_neuron=degree), seed=seed)
        yield _measure(path, None if there else time.perf_counter() - started, duration, workers, seed)


def _measure(path: Path, build_s: float | None, duration: float, workers: int | None, seed: int) -> Throughput:
    with Simulation(path, workers=workers, seed=seed) as sim:
        sim.run(duration / 10)
        warm = sim.statistics
        sim.run(duration)
        full = sim.statistics
    wall, events = full.wall_s - warm.wall_s, full.synaptic_events - warm.synaptic_events
    return Throughput(
        neurons=full.neurons,
        synapses=full.synapses,
        bytes_on_disk=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        build_s=build_s,
        synapses_built_per_s=None if build_s is None else full.synapses / build_s,
        duration_ms=duration,
        wall_s=wall,
        real_time_factor=wall / (duration / 1000.0),
        spikes=full.spikes - warm.spikes,
        synaptic_events=events,
        events_per_s=events / wall,
        peak_rss_bytes=full.peak_rss_bytes,
    )
