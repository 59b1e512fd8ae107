"""Suite ``balanced``: one balanced network of 4,000 neurons, in all simulators that are there.

The same synapses, weights, delay and start values for each: 3,200 excitatory and 800 inhibitory neurons, each with 100
random sources, one delay, driven by a constant current. Deterministic, so all give about as many spikes.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurograph.bench.figures import Figure, figure, ratios
from neurograph.bench.parts import Part
from neurograph.bench.settings import PEER_PYTHON, Settings
from neurograph.builder import build
from neurograph.models import LIFExp
from neurograph.network import Network
from neurograph.rules import Edges
from neurograph.simulation import Simulation
from neurograph_storage.errors import DataError

EXCITATORY, NEURONS, INDEGREE = 3200, 4000, 100
DELAY, DT = 1.5, 0.1
WEIGHTS = (80.0, -480.0)
CURRENT = 450.0
# Of all neurons: time constants and refractory time in ms, capacity in pF, threshold above rest in mV.
_TAU_M, _TAU_SYN, _REFRACTORY, _CAPACITY, _THRESHOLD = 10.0, 0.5, 2.0, 250.0, 15.0


def balanced_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the only part of the suite."""
    uses = ("rounds", "duration", "peers")
    return [Part(name="all simulators", measure=partial(_measure, folder, settings), uses=uses)]


def _measure(folder: Path, settings: Settings) -> Iterator[Figure]:
    network = _edges()
    runs: dict[str, Any] = {
        "NeuroGraph": lambda: _ours(folder, network, settings.duration),
        "SciPy (csr)": lambda: _in_python(network, settings.duration, _sum_sparse(network)),
        "NumPy": lambda: _in_python(network, settings.duration, _sum_plain(network)),
    }
    if "nest" in settings.peers:
        runs["NEST"] = lambda: _in_child(folder, network, settings.duration, "nest_balanced", sys.executable)
    if "brian2" in settings.peers:
        python = os.environ.get(PEER_PYTHON, sys.executable)
        runs["Brian2 (C++ standalone)"] = lambda: _in_child(
            folder, network, settings.duration, "brian_balanced", python
        )
    yield from _compare(runs, settings)


def _compare(runs: dict[str, Any], settings: Settings) -> Iterator[Figure]:
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    spikes = {}
    for _ in range(settings.rounds):
        for name, run in runs.items():
            spikes[name], wall = run()
            seconds[name].append(wall)
    for name, times in seconds.items():
        factor = [t / (settings.duration / 1000.0) for t in times]
        note = f"{spikes[name]:,} spikes in {settings.duration:g} ms"
        yield figure(f"real-time factor, {name}", factor, "wall / simulated", note=note)
    for name, times in seconds.items():
        if name != "NeuroGraph":
            yield figure(f"times faster than {name}", ratios(times, seconds["NeuroGraph"]), "", asked="faster")


def _edges() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    source = rng.integers(0, NEURONS, NEURONS * INDEGREE)
    target = np.repeat(np.arange(NEURONS), INDEGREE)
    weight = np.where(source < EXCITATORY, *WEIGHTS)
    return {"source": source, "target": target, "weight": weight, "v": rng.uniform(-65.0, -50.0, NEURONS)}


def _ours(folder: Path, network: dict[str, NDArray[Any]], duration: float) -> tuple[int, float]:
    path = folder / "balanced.zarr"
    if not path.exists():
        described = Network(dt=DT)
        cells = described.population("cells", NEURONS, LIFExp(I_e=CURRENT), initial={"v": network["v"]})
        rule = Edges(network["source"], network["target"])
        described.connect(cells, cells, rule, weight=network["weight"], delay=DELAY)
        build(path, described)
    with Simulation(path) as simulation:
        simulation.step()
        started, warm = time.perf_counter(), len(simulation.spikes)
        simulation.run(duration)
        return len(simulation.spikes) - warm, time.perf_counter() - started


def _sum_sparse(network: dict[str, NDArray[Any]]) -> Any:
    matrix = sparse.csr_array((network["weight"], (network["source"], network["target"])), shape=(NEURONS, NEURONS))
    return lambda spikes: np.asarray(matrix[spikes].sum(axis=0)).ravel()


def _sum_plain(network: dict[str, NDArray[Any]]) -> Any:
    order = np.argsort(network["source"], kind="stable")
    cuts = np.searchsorted(network["source"][order], np.arange(1, NEURONS))
    targets, weights = np.split(network["target"][order], cuts), np.split(network["weight"][order], cuts)

    def total(spikes: NDArray[np.int64]) -> NDArray[np.float64]:
        arriving = np.zeros(NEURONS)
        for spike in spikes:
            np.add.at(arriving, targets[spike], weights[spike])
        return arriving

    return total


def _in_python(network: dict[str, NDArray[Any]], duration: float, total: Any) -> tuple[int, float]:
    """Run as a user would write it, with NumPy; ``total`` sums the weights of spiking neurons' synapses by target."""
    steps, delay, refractory = round(duration / DT), round(DELAY / DT), round(_REFRACTORY / DT)
    decay_v, decay_i = np.exp(-DT / _TAU_M), np.exp(-DT / _TAU_SYN)
    coupling = (decay_v - decay_i) / (1 / _TAU_SYN - 1 / _TAU_M) / _CAPACITY
    drive = CURRENT * _TAU_M / _CAPACITY * (1 - decay_v)
    v, current, left = network["v"] + 65.0, np.zeros(NEURONS), np.zeros(NEURONS, int)
    fired: list[NDArray[np.int64]] = []
    started = time.perf_counter()
    for step in range(steps):
        v = np.where(left == 0, v * decay_v + current * coupling + drive, v)
        left = np.maximum(left - 1, 0)
        spikes = np.flatnonzero(v >= _THRESHOLD)
        current *= decay_i
        if step >= delay and len(fired[step - delay]):
            current += total(fired[step - delay])
        v[spikes], left[spikes] = 0.0, refractory
        fired.append(spikes)
    return sum(map(len, fired)), time.perf_counter() - started


def _in_child(
    folder: Path, network: dict[str, NDArray[Any]], duration: float, script: str, python: str
) -> tuple[int, float]:
    np.savez(folder / "balanced.npz", **network)  # type: ignore[arg-type]
    path = Path(__file__).parent / "peers" / f"{script}.py"
    command = [python, str(path), str(folder / "balanced.npz"), str(duration), str(CURRENT), str(DELAY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{script} failed: {done.stderr.strip().splitlines()[-1:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["spikes"], found["run_s"]
