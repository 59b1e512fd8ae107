"""Suite ``microcircuit``: how fast is the field's own benchmark, with the right physiology, beside NEST?"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import ks_2samp

from neurograph.bench.child import run_command
from neurograph.bench.figures import Figure, figure, ratios
from neurograph.bench.parts import Part
from neurograph.bench.published import MICROCIRCUIT, published
from neurograph.bench.settings import Settings
from neurograph.bench.trains import correlations, interval_cvs
from neurograph.circuit import Circuit
from neurograph.cortex import NAMES, RATES
from neurograph.simulation import Simulation
from neurograph_storage.errors import DataError

WARM = 300.0  # ms, not timed: the network settles, rows are read and checked
SETTLED = 500.0  # ms, discarded before rates are counted
RATE_DURATION = 10_000.0  # ms
THREADS = 2
_SEEDS, _SEED_DURATION = (1, 2, 3, 4), 2000.0


class _Run(NamedTuple):
    """Real-time factor, seconds of building, mean rates in Hz by population, and events a second."""

    real_time_factor: float
    build_s: float
    rates: dict[str, float]
    events_per_s: float


def microcircuit_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite: at full scale rates are known, at others NEST must say what is right."""
    uses = ("scale", "rounds", "duration", "peers")
    parts = [Part(name="speed", measure=partial(_speed, folder, settings), uses=uses)]
    if settings.scale == 1.0:
        parts.append(Part(name="rates", measure=partial(_rates, _path(folder, settings)), uses=("scale",)))
    elif "nest" in settings.peers:
        parts.append(Part(name="irregularity", measure=partial(_irregularity, folder, settings), uses=("scale",)))
    return parts


def small_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite at a fifth of the scale, where NEST's threads fit, too."""
    return microcircuit_parts(folder, replace(settings, scale=0.2 * settings.scale))


def _path(folder: Path, settings: Settings, bits: int = 16) -> Path:
    return folder / f"microcircuit-{settings.scale:g}-raw-{bits}.zarr"


def _speed(folder: Path, settings: Settings) -> Iterator[Figure]:
    paths = {bits: _path(folder, settings, bits) for bits in (16, 8)}
    for bits, path in paths.items():
        if not path.exists():
            options = ["--scale", str(settings.scale), "--weight-bits", str(bits)]
            run_command(["build", "microcircuit", str(path), *options])
    ours, short, alone, theirs = [], [], [], []
    for _ in range(settings.rounds):
        ours.append(_run_ours(paths[16], settings.duration))
        alone.append(_run_ours(paths[16], settings.duration, workers=1))
        short.append(_run_ours(paths[8], settings.duration))
        if "nest" in settings.peers:
            theirs.append(_run_nest(settings.scale, settings.duration))
    note = f"scale {settings.scale:g}, {THREADS} threads, {settings.duration:g} ms after {WARM:g} ms"
    of_short = f"{note}, weight codes of 8 bits"
    yield figure("real-time factor", _factors(ours), "wall / simulated", note=note)
    yield figure("real-time factor, short codes", _factors(short), "wall / simulated", note=of_short)
    yield figure("times faster than with one worker", ratios(_factors(alone), _factors(ours)), "", note=note)
    yield figure("synaptic events", [run.events_per_s / 1e6 for run in ours], "M/s", note=note)
    if theirs:
        yield from _compared(_factors(ours), theirs, note, settings.scale)
        faster = ratios(_factors(theirs), _factors(short))
        yield figure("times faster than NEST, short codes", faster, "", note=f"{of_short}, in turns")
    for found in published(MICROCIRCUIT):
        note = f"published, {found.machine}, {found.price}, holds {found.held}; {found.source}"
        yield figure(
            f"{found.system} elsewhere, real-time factor", [found.real_time_factor], "wall / simulated", note=note
        )


def _factors(runs: list[_Run]) -> list[float]:
    return [run.real_time_factor for run in runs]


def _compared(ours: list[float], theirs: list[_Run], note: str, scale: float) -> Iterator[Figure]:
    yield figure("real-time factor of NEST", _factors(theirs), "wall / simulated", note=note)
    asked = {0.2: "at least 20", 1.0: "at least 60"}.get(scale, "")
    yield figure("times faster than NEST", ratios(_factors(theirs), ours), "", asked=asked, note=f"{note}, in turns")
    yield figure("seconds NEST takes to build", [run.build_s for run in theirs], "s", note=note)


def _run_ours(path: Path, duration: float, workers: int = THREADS) -> _Run:
    circuit = Circuit(path)
    with Simulation(circuit, workers=workers, seed=1) as simulation:
        simulation.run(WARM)
        warm = simulation.statistics
        simulation.run(duration)
        whole = simulation.statistics
        rates = mean_rates(simulation, WARM, duration)
    wall, events = whole.wall_s - warm.wall_s, whole.synaptic_events - warm.synaptic_events
    return _Run(wall / (duration / 1000.0), float("nan"), rates, events / wall)


def mean_rates(simulation: Simulation, start: float, duration: float) -> dict[str, float]:
    """Return the mean rate of each population, in Hz, over ``duration`` from ``start`` on, both in ms."""
    spikes, populations = simulation.spikes, simulation.circuit.populations
    counts = np.bincount(spikes.populations[spikes.times >= start], minlength=len(populations))
    return {p.name: float(n) / p.size / (duration / 1000.0) for p, n in zip(populations.values(), counts, strict=True)}


def _run_nest(scale: float, duration: float, seed: int = 1, spikes: Path | None = None) -> _Run:
    arguments = [str(value) for value in (scale, THREADS, WARM, duration, seed, spikes) if value is not None]
    command = [sys.executable, "-m", "neurograph.bench.peers.nest_microcircuit", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"NEST failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return _Run(found["run_s"] / (duration / 1000.0), found["build_s"], found["rates"], float("nan"))


def _rates(path: Path) -> Iterator[Figure]:
    """Compare long-run mean rates with the reference, NEST 3 at full scale."""
    with Simulation(path, workers=THREADS, seed=1) as simulation:
        simulation.run(SETTLED + RATE_DURATION)
        rates = mean_rates(simulation, SETTLED, RATE_DURATION)
    for name, reference in zip(NAMES, RATES.tolist(), strict=True):
        note = f"{RATE_DURATION / 1000:g} s after {SETTLED:g} ms; reference {reference} Hz, off by "
        note += f"{100 * (rates[name] / reference - 1):+.1f} %"
        yield figure(f"mean rate of {name}", [rates[name]], "Hz", asked="within 5 % or 3 s.d.", note=note)


def _irregularity(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the distributions of irregularity and correlation with NEST's, and NEST's with those of other seeds.

    Each run has a network and noise of its own; distances are medians over pairs of runs.
    """
    neurons, ours, theirs = 0, [], []
    for seed in _SEEDS:
        path = folder / f"microcircuit-{settings.scale:g}-seed-{seed}.zarr"
        if not path.exists():
            run_command(["build", "microcircuit", str(path), "--scale", str(settings.scale), "--seed", str(seed)])
        with Simulation(path, workers=THREADS, seed=seed) as simulation:
            simulation.run(WARM + _SEED_DURATION)
            spikes, neurons = simulation.spikes, simulation.circuit.neurons
        late = spikes.times >= WARM
        ours.append((spikes.times[late], spikes.neurons[late]))
        _run_nest(settings.scale, _SEED_DURATION, seed, folder / "nest.npz")
        found = np.load(folder / "nest.npz")
        theirs.append((found["times"], found["neurons"]))
    for what, measure in (("CV of intervals", interval_cvs), ("pairwise correlation", correlations)):
        mine, nest = (
            [measure(times, of, neurons, WARM, _SEED_DURATION) for times, of in trains] for trains in (ours, theirs)
        )
        apart = float(np.median([ks_2samp(a, b).statistic for a in mine for b in nest]))
        allowed = float(np.median([ks_2samp(a, b).statistic for a, b in combinations(nest, 2)]))
        note = f"KS distance to NEST {apart:.4f}, of NEST to NEST {allowed:.4f}; {len(_SEEDS)} seeds each, "
        note += f"{_SEED_DURATION:g} ms, {len(mine[0]):,} values a run"
        yield figure(f"{what}: distance to NEST / NEST to NEST", [apart / allowed], "", asked="at most 1.5", note=note)
