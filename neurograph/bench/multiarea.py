"""Suite ``multiarea``: how large a circuit runs in a fixed memory, and do coupled areas keep the reference rates?

Areas are added while the budget stays. Beside each run stand the two things it cannot beat: plain reads of its bytes,
in pieces of their size, and the step of as many neurons with all rows in memory; where those do not fit, the step of
the most areas that do, so many times longer as there are more neurons: areas take the same work each.
"""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.bench.child import run_command
from neurograph.bench.disk import files_of
from neurograph.bench.figures import Figure, figure
from neurograph.bench.limited import Task, can_limit, run_prepared
from neurograph.bench.limits import preadv_rate
from neurograph.bench.microcircuit import SETTLED, THREADS, mean_rates
from neurograph.bench.others import memory_for_peers
from neurograph.bench.parts import Part
from neurograph.bench.published import MULTIAREA, MULTIAREA_SYNAPSES, published
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.cortex import NAMES, RATES
from neurograph.executor import state_bytes
from neurograph.simulation import Simulation
from neurograph_storage.errors import DataError
from neurograph_storage.sizes import GIB, MIB, format_size

# As many areas as a machine of 16 GiB runs in memory.
_AREAS_RUN, _AREAS_MODEL = 4, 32
# Of one area all rows fit in the default budget, of four nearly, of eight half, of 32 an eighth.
_SIZES = (1, 4, 8, 32)
# Bytes of an area on the disk at full scale, about; what stays free; circuits that are larger do not stay.
_AN_AREA, _SPARE, _KEPT = {"raw": 1.2e9, "compressed": 0.9e9}, 10 * GIB, 10 * GIB
# Until neurons have spiked once or twice: before that every row that is read is read for the first time.
_SETTLE, _SHARE_OF_DURATION = 500.0, 10


def multiarea_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite."""
    parts = [Part(name="rates", measure=partial(_rates, folder, settings), uses=("areas", "scale", "duration"))]
    most = settings.areas
    parts += [_part(folder, areas, settings) for areas in [*(areas for areas in _SIZES if areas < most), most]]
    if settings.circuit is not None:
        measure = partial(_limited_run, Path(settings.circuit), most, settings)
        uses = ("circuit", "rounds", "duration", "memory")
        parts.append(Part(name="circuit", measure=measure, uses=uses, kind="areas", size=most))
    return [*parts, Part(name="published", measure=_published, uses=())]


def _part(folder: Path, areas: int, settings: Settings) -> Part:
    return Part(
        name=f"{areas} areas in a fixed memory",
        measure=partial(_in_fixed_memory, folder, areas, settings),
        uses=("scale", "rounds", "duration", "memory"),
        kind="areas",
        size=areas,
    )


def _built(folder: Path, areas: int, scale: float) -> tuple[Path, float | None]:
    """Return the circuit, and how many seconds building took, unless it was there.

    Raw where the disk holds it: a compressed row takes longer to decode than to deliver, and reads cost about as much.
    """
    if (found := _existing(folder, areas, scale)) is not None:
        return found, None
    needed = {codec: areas * nbytes * scale**2 + _SPARE for codec, nbytes in _AN_AREA.items()}
    free = shutil.disk_usage(folder).free
    codec = next((codec for codec in needed if needed[codec] <= free), None)
    if codec is None:
        least = format_size(min(needed.values()))
        raise DataError(f"{areas} areas need {least} on the disk of {folder}, {format_size(free)} are free")
    out = _path(folder, areas, scale, codec)
    options = ["--areas", str(areas), "--scale", str(scale), "--codec", codec, "--weight-bits", "8"]
    return out, run_command(["build", "multiarea", str(out), *options]).seconds


def _existing(folder: Path, areas: int, scale: float) -> Path | None:
    paths = [_path(folder, areas, scale, codec) for codec in _AN_AREA]
    return next((path for path in paths if path.exists()), None)


def _path(folder: Path, areas: int, scale: float, codec: str) -> Path:
    return folder / f"multiarea-{areas}-{scale:g}-{codec}-8.zarr"


def _in_fixed_memory(folder: Path, areas: int, settings: Settings) -> Iterator[Figure]:
    out, build_s = _built(folder, areas, settings.scale)
    circuit, nbytes = Circuit(out), sum(path.stat().st_size for path in files_of(out))
    note = f"{areas} areas at scale {settings.scale:g}: {circuit.neurons:,} neurons; {circuit.store.codec}, 8-bit codes"
    yield figure(f"{areas} areas: synapses stored", [circuit.synapses / 1e9], "thousand million", note=note)
    yield figure(
        f"{areas} areas: size on disk", [nbytes / 1e9], "GB", note=f"{nbytes / circuit.synapses:.2f} bytes a synapse"
    )
    if build_s is not None:
        yield figure(f"{areas} areas: seconds to build", [build_s], "s", note="the whole process")
    if areas == settings.areas:
        checked = run_command(["verify", str(out)])
        yield figure(
            f"{areas} areas: seconds to verify", [checked.seconds], "s", note="the whole process; it was sound"
        )
        yield figure(f"{areas} areas: peak memory of verify", [checked.peak_rss / MIB], "MiB")
    fewer = [_existing(folder, smaller, settings.scale) for smaller in _SIZES if smaller < areas]
    yield from _limited_run(out, areas, settings, [path for path in fewer if path])
    if nbytes > _KEPT:
        shutil.rmtree(out)


def _fits(circuit: Circuit) -> bool:
    return 2 * circuit.store.counts.plain_words + state_bytes(circuit) < memory_for_peers() - GIB


def _limited_run(path: Path, areas: int, settings: Settings, fewer: Sequence[Path] = ()) -> Iterator[Figure]:
    """Run a circuit in the budget, and beside it in memory; if it does not fit there, the largest of ``fewer``."""
    circuit, duration = Circuit(path), settings.duration / _SHARE_OF_DURATION
    task = partial(Task, settle=_SETTLE, duration=duration, workers=THREADS)
    in_memory = next((c for c in [circuit, *map(Circuit, reversed(fewer))] if _fits(c)), None)
    inside, ours, plain = [], [], []
    for _ in range(settings.rounds):
        if in_memory is not None:
            run = run_prepared(task(circuit=str(in_memory.path)))
            inside.append(run["real_time_factor"] * circuit.neurons / in_memory.neurons)
        ours.append(run_prepared(task(circuit=str(path), memory=settings.memory), inside=can_limit()))
        size = ours[-1]["bytes_read"] / max(1, ours[-1]["read_requests"])
        plain.append(preadv_rate(circuit, size) if ours[-1]["bytes_read"] else float("inf"))
    of = "" if in_memory in (None, circuit) else f", of {in_memory.neurons:,} neurons, by their number"
    yield from _against_limits(circuit, areas, settings, {f"the step in memory{of}": inside}, ours, plain)


def _against_limits(
    circuit: Circuit,
    areas: int,
    settings: Settings,
    inside: dict[str, list[float]],
    ours: list[dict[str, Any]],
    plain: list[float],
) -> Iterator[Figure]:
    seconds, place = settings.duration / _SHARE_OF_DURATION / 1000.0, dict[str, Any](panel="speed", x=areas)
    factors, what, last = [run["real_time_factor"] for run in ours], f"{areas} areas", ours[-1]
    resident = f"resident rows {last['resident'] / MIB:,.0f} MiB" if last["resident"] else "all rows in memory"
    note = f"budget {settings.memory / GIB:g} GiB, rows {circuit.store.synapse_bytes / GIB:.1f} GiB, {resident}, "
    note += f"peak {last['peak_rss_bytes'] / MIB:,.0f} MiB"
    unit = "wall / simulated"
    yield figure(f"{what}: real-time factor", factors, unit, note=note, line="in a fixed memory", **place)
    limits = {name: found for name, found in inside.items() if found}
    if last["bytes_read"] and last["resident"]:
        limits["plain reads of its bytes"] = [r["bytes_read"] / p / seconds for r, p in zip(ours, plain, strict=True)]
    for name, found in limits.items():
        yield figure(f"{what}: limit, {name}", found, unit, line=f"limit: {name.split(',')[0]}", **place)
    if not limits:
        return
    slowest = [max(found) for found in zip(*limits.values(), strict=True)]
    share = [limit / factor for limit, factor in zip(slowest, factors, strict=True)]
    asked = "at least 0.7" if len(limits) > 1 else ""
    yield figure(f"{what}: speed against the lower limit", share, "", asked=asked, note=", ".join(limits))
    yield figure(f"{what}: stalled", [run["stall_s"] / run["wall_s"] for run in ours], "of wall time")
    yield figure(f"{what}: synaptic events", [r["synaptic_events"] / r["wall_s"] / 1e6 for r in ours], "M/s")


def _published() -> Iterator[Figure]:
    for found in published(MULTIAREA):
        note = f"published, {found.machine}, {found.price}, holds {found.held}; "
        note += f"{MULTIAREA_SYNAPSES / 1e9:g} thousand million synapses; {found.source}"
        place: dict[str, Any] = {
            "panel": "speed",
            "x": _AREAS_MODEL,
            "point": f"{found.system}, {found.machine} (published)",
        }
        what = f"{found.system} elsewhere, {MULTIAREA}"
        yield figure(what, [found.real_time_factor], "wall / simulated", note=note, **place)


def _rates(folder: Path, settings: Settings) -> Iterator[Figure]:
    """Compare the rates of coupled areas, averaged over areas, with those of one microcircuit."""
    areas = min(settings.areas, _AREAS_RUN)
    with Simulation(_built(folder, areas, settings.scale)[0], workers=THREADS, seed=1) as simulation:
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
