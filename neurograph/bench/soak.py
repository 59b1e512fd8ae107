"""Suite ``soak``: does a run that goes on and on stay as it is?

A circuit that does not fit runs in a control group of its budget and 300 MiB for the time given. Once a second its
memory, descriptors, threads and events are noted in ``soak-samples.csv`` beside the figures: memory and descriptors
must stay flat, and the last tenth must be as fast as the first. Between two notes a fixed piece of work is timed that,
like delivery, reads all over memory: in an hour on a shared machine its speed changes by more than what is looked for.
"""

import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.bench.disk import forget
from neurograph.bench.figures import Figure, figure
from neurograph.bench.limited import OVERHEAD, can_limit, run_json
from neurograph.bench.outofcore import modules_in, room_for
from neurograph.bench.parts import Part
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.executor import state_bytes
from neurograph_storage.sizes import MIB

COLUMNS = (
    "wall_s",
    "time_ms",
    "rss_bytes",
    "descriptors",
    "threads",
    "synaptic_events",
    "bytes_read",
    "processor_s",
    "probe_s",
)
# What is kept is learned in the beginning: seconds, and at most this share of the time.
_WARM_S, _WARM_SHARE, _TENTHS = 60.0, 0.2, 10
_LEAST = 2 * _TENTHS
_PROBE_BYTES, _PROBE_READS = 64 * MIB, 500_000
_LEAST_ROOM = 12 * MIB
_CHUNK = 20.0  # ms of simulated time between two looks at the clock


def soak_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the only part of the suite."""
    return [Part(name="soak", measure=partial(_measure, folder, settings), uses=("up_to", "soak_s"))]


def _measure(folder: Path, settings: Settings) -> Iterator[Figure]:
    path = modules_in(folder, settings)
    circuit, samples = Circuit(path), folder.parent / "soak-samples.csv"
    memory = max(room_for(circuit, 1 / 4), state_bytes(circuit) + _LEAST_ROOM)
    # Kernels are compiled outside of the group.
    _child(path, memory, 1.0, samples, None)
    forget(path)
    _child(path, memory, settings.soak_s, samples, memory + OVERHEAD if can_limit() else None)
    yield from _figures(read_samples(samples), circuit, memory)


def _child(path: Path, memory: int, seconds: float, samples: Path, limit: int | None) -> dict[str, Any]:
    return run_json(
        [sys.executable, "-m", "neurograph.bench.soak", str(path), str(memory), str(seconds), str(samples)], limit
    )


def read_samples(file: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns of what was noted."""
    table = np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)
    return dict(zip(COLUMNS, table.T, strict=True))


def tenths(wall: NDArray[np.float64], counted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much something that adds up rose a second, in each tenth of the time.

    Examples
    --------
    >>> tenths(np.array([0.0, 10.0, 20.0]), np.array([0.0, 50.0, 100.0])).tolist()[:2]
    [5.0, 5.0]
    """
    edges = np.linspace(wall[0], wall[-1], _TENTHS + 1)
    rates: NDArray[np.float64] = np.diff(np.interp(edges, wall, counted)) / np.diff(edges)
    return rates


def _figures(found: dict[str, NDArray[np.float64]], circuit: Circuit, memory: int) -> Iterator[Figure]:
    wall = found["wall_s"]
    late = wall >= min(_WARM_S, _WARM_SHARE * wall[-1])
    kept = {name: column[late] for name, column in found.items()}
    speed = tenths(kept["wall_s"], kept["synaptic_events"])
    note = f"{wall[-1] / 60:.1f} minutes, {found['time_ms'][-1] / 1000:.1f} s of biological time; "
    note += f"budget {memory / MIB:,.0f} MiB, rows {circuit.store.synapse_bytes / MIB:,.0f} MiB; "
    note += f"after {kept['wall_s'][0]:.0f} s"
    yield figure("last tenth against the first: speed", [speed[-1] / speed[0]], "", asked="at least 0.95", note=note)
    # Other programs take time from a run, but not from its own processor seconds; and they make both slower.
    work = tenths(kept["processor_s"], kept["synaptic_events"])
    yield figure("last tenth against the first: events a processor second", [work[-1] / work[0]], "")
    probes = [float(np.median(part)) for part in np.array_split(kept["probe_s"], _TENTHS)]
    by_probe = speed[-1] / speed[0] * probes[-1] / probes[0]
    taken = f"the probe took {1e3 * probes[0]:.2f} ms in the first, {1e3 * probes[-1]:.2f} ms in the last"
    yield figure("last tenth against the first: speed over that of a probe", [by_probe], "", note=taken)
    for name, unit, scale in (("rss_bytes", "MiB", MIB), ("descriptors", "", 1), ("threads", "", 1)):
        first, last = (float(np.median(part)) for part in (kept[name][: len(speed)], kept[name][-len(speed) :]))
        what = name.removesuffix("_bytes")
        yield figure(f"{what} at the end", [last / scale], unit, note=f"{first / scale:,.1f} at the beginning")
        asked = "at most 1.02" if name == "rss_bytes" else "at most 1"
        yield figure(f"{what}: last against first", [last / first], "", asked=asked)
    yield from _curves(found)


def _curves(found: dict[str, NDArray[np.float64]]) -> Iterator[Figure]:
    """Yield the curves, a hundred points each."""
    wall, points = found["wall_s"], np.linspace(found["wall_s"][0], found["wall_s"][-1], 101)
    rate = np.diff(np.interp(points, wall, found["synaptic_events"])) / np.diff(points) / 1e6
    middle = (points[1:] + points[:-1]) / 2
    curves = {
        ("speed", "M events/s"): rate,
        ("memory", "MiB"): np.interp(middle, wall, found["rss_bytes"]) / MIB,
        ("descriptors", "open"): np.interp(middle, wall, found["descriptors"]),
    }
    for (panel, unit), values in curves.items():
        place = {"panel": panel, "line": panel, "curve": middle.tolist()}
        yield figure(f"curve of {panel}", values.tolist(), unit, **place)


def _main(path: str, memory: int, seconds: float, samples: Path) -> dict[str, Any]:
    from neurograph.simulation import Simulation

    probe = _Probe()
    with Simulation(path, memory=memory, workers=2, seed=1, spikes=samples.with_suffix(".parquet")) as simulation:
        # As all that is counted, time begins with the first step.
        began = following = time.monotonic()
        with samples.open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            noted = 0
            while (now := time.monotonic()) < began + seconds or noted < _LEAST:
                simulation.run(_CHUNK)
                if now >= following:
                    noted += 1
                    following = now + min(1.0, seconds / _LEAST)
                    of_run = simulation.statistics
                    status = _status()
                    counted = (of_run.synaptic_events, of_run.bytes_read, time.process_time(), probe.seconds())
                    table.writerow((time.monotonic() - began, simulation.now, *status, *counted))
                    file.flush()
    samples.with_suffix(".parquet").unlink(missing_ok=True)
    return {"done": True}


class _Probe:
    """A fixed piece of work: numbers read at random from more memory than a cache holds."""

    def __init__(self) -> None:
        self._numbers = np.zeros(_PROBE_BYTES // 4, np.int32)
        self._places = np.random.default_rng(1).integers(0, len(self._numbers), _PROBE_READS)

    def seconds(self) -> float:
        """Return how long it takes now."""
        began = time.perf_counter()
        self._numbers.take(self._places)
        return time.perf_counter() - began


def _status() -> tuple[int, int, int]:
    """Return resident bytes, open descriptors and threads of this process."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) * 1024, len(os.listdir("/proc/self/fd")), int(lines["Threads"])  # noqa: PTH208


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))))
