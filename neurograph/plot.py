"""What does activity look like?

A raster of some neurons of each population above, the rate of each population below. Drawn without a display.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurograph_storage.errors import ArgumentError

# Colour-blind safe (Wong 2011, Nature Methods 8:441); blue for the first, usually excitatory, population.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
RATE_BIN = 5.0  # ms
ONLY_POPULATION = "neurons"  # as it is called where spikes name none


@dataclass(frozen=True, eq=False)
class Activity:
    """Spikes to draw.

    Attributes
    ----------
    times : (n,) float64
        ms.
    neurons : (n,) int64
        Original ids.
    populations : (n,) str, or None if there is only one
    """

    times: NDArray[np.float64]
    neurons: NDArray[np.int64]
    populations: NDArray[Any] | None

    def between(self, start: float, stop: float) -> "Activity":
        """Return the spikes of ``start <= time < stop``."""
        inside = (self.times >= start) & (self.times < stop)
        populations = None if self.populations is None else self.populations[inside]
        return Activity(self.times[inside], self.neurons[inside], populations)

    def split(self) -> dict[str, "Activity"]:
        """Return the spikes of each population, by name, in order of the smallest neuron id."""
        if self.populations is None:
            return {ONLY_POPULATION: self}
        names = sorted(set(self.populations.tolist()), key=lambda n: int(self.neurons[self.populations == n].min()))
        parts = {name: self.populations == name for name in names}
        return {name: Activity(self.times[part], self.neurons[part], None) for name, part in parts.items()}


def new_figure(out: str | os.PathLike[str], size: tuple[float, float]) -> Figure:
    """Return an empty figure that will be saved to ``out``, ``size`` inches wide and high.

    Raises
    ------
    ArgumentError
        If the ending tells no format that we write.
    """
    if Path(out).suffix not in (".png", ".svg", ".pdf"):
        raise ArgumentError(f"{out} has no ending that tells a picture's format; allowed are .png, .svg, .pdf")
    if not Path(out).absolute().parent.is_dir():
        raise ArgumentError(f"cannot write a picture to {out}: there is no such folder")
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plot_activity(
    activity: Activity,
    out: str | os.PathLike[str],
    *,
    start: float | None = None,
    stop: float | None = None,
    max_neurons: int = 1000,
    sizes: dict[str, int] | None = None,
) -> None:
    """Write a picture of a raster and of population rates.

    Parameters
    ----------
    out : path
        ``.png``, ``.svg`` or ``.pdf``.
    start, stop : float, optional
        Window in ms; by default all.
    max_neurons : int
        Neurons drawn; evenly chosen from those that fired, each population in proportion.
    sizes : dict, optional
        Neurons of each population; without it, rates are per neuron that fired.
    """
    figure = new_figure(out, (10, 6.5))
    low = 0.0 if start is None else start
    last = float(activity.times.max(initial=0.0))
    high = low + max(1.0, np.ceil((last - low + 0.01) / RATE_BIN)) * RATE_BIN if stop is None else stop
    if not (low < high and np.isfinite([low, high]).all()):
        raise ArgumentError(f"the window from {low} to {high} ms is empty")
    shown = activity.between(low, high)
    raster, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    parts = shown.split()
    _draw_raster(raster, parts, max_neurons)
    _draw_rates(rate, parts, low, high, sizes or {})
    raster.set_xlim(low, high)
    figure.savefig(out, dpi=120)


def _draw_raster(axes: Axes, parts: dict[str, Activity], max_neurons: int) -> None:
    fired = {name: np.unique(part.neurons) for name, part in parts.items()}
    total = sum(len(ids) for ids in fired.values())
    bottom = 0
    for colour, (name, part) in zip(_colours(), parts.items(), strict=False):
        count = min(len(fired[name]), max(1, round(max_neurons * len(fired[name]) / max(total, 1))))
        chosen = fired[name][np.linspace(0, len(fired[name]) - 1, count).astype(int)] if count else fired[name]
        place = np.searchsorted(chosen, part.neurons)
        drawn = chosen[np.minimum(place, len(chosen) - 1)] == part.neurons if count else np.zeros(0, bool)
        axes.plot(
            part.times[drawn],
            bottom + place[drawn],
            linestyle="none",
            marker="o",
            markersize=1.2,
            markeredgewidth=0,
            color=colour,
            rasterized=True,
        )
        if count:
            axes.annotate(
                name,
                (1.005, bottom + count / 2),
                xycoords=("axes fraction", "data"),
                color=colour,
                va="center",
            )
        bottom += count
    axes.set_ylim(-0.5, max(bottom, 1) - 0.5)
    axes.set_ylabel(f"{bottom:,} of {total:,} neurons that fired")


def _draw_rates(axes: Axes, parts: dict[str, Activity], low: float, high: float, sizes: dict[str, int]) -> None:
    edges = low + RATE_BIN * np.arange(max(1, int((high - low) / RATE_BIN)) + 1)
    for colour, (name, part) in zip(_colours(), parts.items(), strict=False):
        neurons = sizes.get(name, len(np.unique(part.neurons)))
        counts = np.histogram(part.times, edges)[0]
        axes.plot(edges[:-1] + RATE_BIN / 2, counts / max(neurons, 1) / (RATE_BIN / 1000), color=colour, linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("rate (Hz)")
    axes.grid(alpha=0.3)


def _colours() -> list[str]:
    return list(COLOURS) * 40
