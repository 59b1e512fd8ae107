"""What does the page of a run show?

`Content` is a run's facts and its curves, made short enough to draw: from the tables that a run's folder holds, which a
run that goes on can give at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurograph.report.raster import Raster
from neurograph_storage.sizes import format_size

# Points of a curve, and columns of an image.
POINTS, _LEAST_POINTS = 300, 20
_RATE_BIN = 5.0  # ms
F64 = NDArray[np.float64]
Columns = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Content:
    """What is drawn.

    Attributes
    ----------
    said : dict
        As ``statistics.json``.
    raster : Raster
    sources : dict of str to dict of str to array
        Columns of each curve: ``rates``, ``cost``, ``residency``, ``prefetch``, ``raster``.
    """

    said: dict[str, Any]
    raster: Raster
    sources: dict[str, Columns]

    @property
    def populations(self) -> list[str]:
        """Names."""
        return list(self.said["circuit"]["populations"])

    @property
    def streams(self) -> bool:
        """Whether rows were read as they were needed."""
        return len(self.sources["residency"]["image"]) > 0


def content_of(said: dict[str, Any], rates: pa.Table, series: pa.Table, residency: pa.Table, raster: Raster) -> Content:
    """Return what is drawn of a run whose tables are these; see docs/data-model.md."""
    sources = {
        "raster": _raster(raster),
        "rates": _rates(rates, list(said["circuit"]["populations"])),
        "cost": _cost(series),
        "residency": _residency(residency),
        "prefetch": _prefetch(said["figures"]),
    }
    return Content(said, raster, sources)


def _raster(raster: Raster) -> Columns:
    return {"x": raster.times, "y": raster.places + 0.5, "population": raster.populations}


def _rates(table: pa.Table, names: list[str]) -> Columns:
    """Return the middle of intervals in ms, and rates in Hz."""
    times = table["time_ms"].to_numpy()
    interval = times[1] - times[0] if len(times) > 1 else 1.0
    # Coarse enough for a rate to be more than single spikes, fine enough for a short run to have a course.
    smooth = min(round(_RATE_BIN / interval), len(times) // _LEAST_POINTS)
    width = max(1, -(-len(times) // POINTS), smooth)
    count = -(-len(times) // width)
    starts = width * np.arange(count)
    sizes = np.diff(np.append(starts, len(times)))
    middle = (times[starts] if count else times) + interval * sizes / 2
    columns = {name: np.add.reduceat(table[name].to_numpy(), starts) / sizes if count else times for name in names}
    return {"x": middle} | {f"rate{k}": columns[name] for k, name in enumerate(names)}


def _cost(table: pa.Table) -> Columns:
    """Return wall time in s, and by second of it: million events, ms simulated, MB read, % waiting, rows, MB wasted."""
    ends = np.unique(np.linspace(0, table.num_rows, min(POINTS, table.num_rows) + 1).astype(int))
    seconds = _between(table, "interval_s", ends)
    wall = np.append(0.0, table["wall_s"].to_numpy())[ends]

    def per_second(name: str, unit: float) -> F64:
        rate: F64 = _between(table, name, ends) / np.maximum(seconds, 1e-9) / unit
        return rate

    columns = {
        "x": (wall[1:] + wall[:-1]) / 2,
        "events": per_second("synaptic_events", 1e6),
        "speed": per_second("simulated_ms", 1.0),
        "read": per_second("bytes_read", 1e6),
        "stall": per_second("stall_s", 0.01),
        "resident": table["resident_bytes"].to_numpy()[ends[1:] - 1] / 1e6,
    }
    of_prefetch = {"hits": ("prefetch_hits", 1e3), "misses": ("prefetch_misses", 1e3), "wasted": ("wasted_bytes", 1e6)}
    return columns | {
        name: per_second(column, unit) for name, (column, unit) in of_prefetch.items() if column in table.column_names
    }


def _between(table: pa.Table, name: str, ends: NDArray[np.int64]) -> F64:
    """Return the sum of a column between each end and the next."""
    total: F64 = np.append(0.0, np.cumsum(table[name].to_numpy().astype(np.float64)))[ends]
    return np.diff(total)


def _residency(table: pa.Table) -> Columns:
    """Return the share in memory of each range, as an image over simulated time in ms; nothing if nothing streamed."""
    ranges = int(table["range"].to_numpy().max()) + 1 if table.num_rows else 0
    if not ranges:
        return {"image": [], "x": [], "y": [], "dw": [], "dh": []}
    times = table["time_ms"].to_numpy()[::ranges]
    everything = np.maximum(1, table["row_bytes"].to_numpy())
    share = 100 * np.minimum(1.0, table["resident_bytes"].to_numpy() / everything).reshape(-1, ranges)
    columns = min(POINTS, 4 * len(times))
    last = float(times[-1]) or 1.0
    # Each column shows the note that was the latest at its time.
    latest = np.searchsorted(times, last * (np.arange(columns) + 0.5) / columns, side="right") - 1
    image = share[np.maximum(latest, 0)].T.astype(np.float32)
    return {"image": [np.ascontiguousarray(image)], "x": [0.0], "y": [0], "dw": [last], "dh": [ranges]}


def _prefetch(figures: dict[str, Any]) -> Columns:
    """Return two bars in %: rows that were there in time, or not; bytes that were asked for, or read beside them."""
    prefetch, read = figures["prefetch"], figures["bytes_read"]
    rows = prefetch["hits"] + prefetch["misses"]
    wasted = min(prefetch["wasted_bytes"], read)
    parts = [
        ("rows", 0, prefetch["hits"], rows, f"{prefetch['hits']:,} there in time"),
        ("rows", 1, prefetch["misses"], rows, f"{prefetch['misses']:,} waited for"),
        ("bytes read", 0, read - wasted, read, f"{format_size(read - wasted)} used"),
        ("bytes read", 1, wasted, read, f"{format_size(wasted)} wasted"),
    ]
    columns: Columns = {"what": [], "left": [], "right": [], "colour": [], "text": []}
    for what, which, amount, total, text in parts:
        left = 0.0 if which == 0 else columns["right"][-1]
        right = left + 100 * amount / max(1, total)
        for name, value in zip(columns, (what, left, right, which, text), strict=True):
            columns[name].append(value)
    return columns


def prefetch_figures(figures: dict[str, Any]) -> str:
    """Return what the bars of `_prefetch` say, as text."""
    texts = _prefetch(figures)["text"]
    return f"Rows: {texts[0]}, {texts[1]}. Bytes read: {texts[2]}, {texts[3]}."


_SHOWN: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "duration_ms": ("simulated", lambda f: f"{f['duration_ms']:,.6g} ms"),
    "wall_s": ("wall time", lambda f: f"{f['wall_s']:,.3g} s"),
    "real_time_factor": ("real-time factor", lambda f: f"{f['real_time_factor']:.3g}"),
    "spikes": ("spikes", lambda f: f"{f['spikes']:,}"),
    "rate": ("mean rate", lambda f: f"{f['spikes'] / max(1, f['neurons']) / max(f['duration_ms'] / 1e3, 1e-9):.3g} Hz"),
    "synaptic_events": ("synaptic events", lambda f: f"{f['synaptic_events']:,}"),
    "events_per_s": ("events per second", lambda f: f"{f['events_per_s'] / 1e6:,.3g} million"),
    "bytes_read": ("read from disk", lambda f: format_size(f["bytes_read"])),
    "stall_s": ("time waiting for disk", lambda f: f"{100 * f['stall_s'] / max(f['wall_s'], 1e-9):.2g} %"),
    "peak_rss_bytes": ("memory, largest", lambda f: format_size(f["peak_rss_bytes"])),
}


def key_figures(said: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a run comes to, as names and values with units."""
    return [(label, text(said["figures"])) for label, text in _SHOWN.values()]


def made_by(said: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a run was made of and on, as names and values."""
    figures, machine = said["figures"], said["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return [
        ("command", said["command"] or "from Python"),
        ("circuit", said["circuit"]["path"]),
        ("neurons, synapses", f"{figures['neurons']:,}, {figures['synapses']:,}"),
        ("seed", str(said["seed"])),
        ("memory budget", format_size(figures["memory_budget_bytes"])),
        ("prefetch", figures["prefetch"]["policy"]),
        ("processor", f"{machine['processor']}, {machine['threads']} threads"),
        ("memory", f"{machine['memory_gib']} GiB"),
        ("system", f"{machine['system']}, Python {machine['python']}"),
        ("packages", packages),
        ("date", machine["date"]),
    ]
