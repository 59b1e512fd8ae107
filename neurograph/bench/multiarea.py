"""Suite ``multiarea``: how large a circuit is built and found sound, and do coupled areas keep the reference rates?"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurograph.bench.child import run_command
from neurograph.bench.disk import files_of
from neurograph.bench.figures import Figure, figure
from neurograph.bench.microcircuit import SETTLED, THREADS, mean_rates
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.cortex import NAMES, RATES
from neurograph.simulation import Simulation

# As many areas as a machine of 16 GiB runs in memory.
_AREAS_RUN = 4


def measure_multiarea(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Yield the figures of the suite."""
    yield from _largest(folder, settings)
    yield from _rates(folder, settings)


def _largest(folder: Path, settings: Settings) -> Iterator[Figure]:
    out = folder / f"multiarea-{settings.areas}-{settings.scale:g}-compressed-8.zarr"
    options = [
        "--areas",
        str(settings.areas),
        "--scale",
        str(settings.scale),
        "--codec",
        "compressed",
        "--weight-bits",
        "8",
    ]
    built = None if out.exists() else run_command(["build", "multiarea", str(out), *options])
    circuit = Circuit(out)
    note = f"{settings.areas} areas at scale {settings.scale:g}: {circuit.neurons:,} neurons"
    nbytes = sum(path.stat().st_size for path in files_of(out))
    yield figure("synapses stored", [circuit.synapses / 1e9], "thousand million", note=note)
    yield figure("size on disk", [nbytes / 1e9], "GB", note="compressed, 8-bit weight codes")
    yield figure("bytes a synapse", [nbytes / circuit.synapses], "bytes")
    if built is not None:
        yield figure("seconds to build", [built.seconds], "s", note="the whole process")
        yield figure("peak memory of the build", [built.peak_rss / 2**20], "MiB")
    checked = run_command(["verify", str(out)])
    yield figure("seconds to verify", [checked.seconds], "s", note="the whole process; it was sound")
    yield figure("peak memory of verify", [checked.peak_rss / 2**20], "MiB")


def _rates(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the rates of coupled areas, averaged over areas, with those of one microcircuit."""
    areas = min(settings.areas, _AREAS_RUN)
    out = folder / f"multiarea-{areas}-{settings.scale:g}-raw-8.zarr"
    if not out.exists():
        options = ["--areas", str(areas), "--scale", str(settings.scale), "--weight-bits", "8"]
        run_command(["build", "multiarea", str(out), *options])
    with Simulation(out, workers=THREADS, seed=1) as simulation:
        simulation.run(SETTLED + settings.duration)
        rates = mean_rates(simulation, SETTLED, settings.duration)
        factor = simulation.statistics.real_time_factor
    note = (
        f"{areas} areas at scale {settings.scale:g}, {THREADS} threads, {settings.duration:g} ms after {SETTLED:g} ms"
    )
    yield figure("real-time factor of coupled areas", [factor], "wall / simulated", note=note)
    for name, reference in zip(NAMES, RATES.tolist(), strict=True):
        found = float(np.mean([rate for full, rate in rates.items() if full.split("/")[-1] == name]))
        asked = "within 10 %" if settings.scale == 1.0 else ""
        compared = f"reference {reference} Hz at full scale, off by {100 * (found / reference - 1):+.1f} %"
        yield figure(f"mean rate of {name} in coupled areas", [found], "Hz", asked=asked, note=compared)
