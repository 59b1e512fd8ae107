"""What does a circuit look like? Degrees and delays as histograms, who projects to whom as an image."""

import os

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from neurograph.census import Census, take_census
from neurograph.circuit import Circuit
from neurograph.plot import COLOURS, new_figure

_BINS = 60
_INK = "#333333"


def plot_circuit(circuit: Circuit, out: str | os.PathLike[str]) -> Census:
    """Write a picture of the wiring of a circuit, and return what it shows.

    Parameters
    ----------
    out : path
        ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    ArgumentError
        If the ending tells no format.
    CorruptionError
        If stored arrays are damaged.
    """
    figure = new_figure(out, (11, 8.5))
    census = take_census(circuit)
    (outgoing, incoming), (delays, adjacency) = figure.subplots(2, 2)
    figure.suptitle(_title(circuit, census), fontsize=11)
    groups = _groups(circuit)
    estimated = "" if census.share == 1 else ", estimated"
    _draw_degrees(outgoing, {key: census.out_degree[part[census.rows]] for key, part in groups.items()})
    outgoing.set(xlabel="synapses that leave a neuron", ylabel="neurons", title="out-degree")
    _draw_degrees(incoming, {key: census.in_degree[part] for key, part in groups.items()})
    incoming.set(xlabel="synapses that reach a neuron", ylabel="neurons", title=f"in-degree{estimated}")
    if len(groups) > 1:
        figure.legend(
            *outgoing.get_legend_handles_labels(), loc="outside lower center", frameon=False, ncols=8, fontsize=9
        )
    _draw_delays(delays, census, circuit.dt)
    _draw_adjacency(figure, adjacency, census, circuit)
    figure.savefig(out, dpi=120)
    return census


def _title(circuit: Circuit, census: Census) -> str:
    title = f"{circuit.path.name}: {circuit.neurons:,} neurons, {circuit.synapses:,} synapses"
    return title if census.share == 1 else f"{title}\n(drawn from {census.share:.2%} of the neurons, evenly chosen)"


def _groups(circuit: Circuit) -> dict[str, NDArray[np.bool_]]:
    """Return which neurons, by storage id, belong to each population; all together if there are too many."""
    names = list(circuit.populations)
    # More than there are colours are not told apart.
    if not 1 < len(names) <= len(COLOURS):
        return {"all": np.ones(circuit.neurons, bool)}
    population = np.asarray(circuit.store.arrays["neurons/population"])[circuit.index_of_storage]
    return {name: population == k for k, name in enumerate(names)}


def _draw_degrees(axes: Axes, degrees: dict[str, NDArray[np.int64]]) -> None:
    everyone = np.concatenate(list(degrees.values()))
    low, high = (int(everyone.min()), int(everyone.max())) if len(everyone) else (0, 0)
    # Whole numbers of synapses in each bin, so that no bin is empty for want of an integer.
    width = max(1, -(-(high + 1 - low) // _BINS))
    edges = np.arange(low, high + 1 + width, width) - 0.5
    for colour, (name, values) in zip(COLOURS, degrees.items(), strict=False):
        counts = np.histogram(values, edges)[0]
        axes.stairs(counts, edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(counts, edges, color=colour, linewidth=1.4, label=name)
    if len(everyone):
        axes.axvline(everyone.mean(), color=_INK, linewidth=1, linestyle=":")
        axes.annotate(
            f"mean {everyone.mean():,.0f}", (everyone.mean(), 0.97), xycoords=("data", "axes fraction"),
            xytext=(4, 0), textcoords="offset points", va="top", fontsize=9, color=_INK,
        )  # fmt: skip
    axes.margins(y=0.12)
    axes.set_ylim(bottom=0)
    if low == high:
        axes.set_xlim(low - 10, high + 10)
    _tidy(axes)


def _draw_delays(axes: Axes, census: Census, dt: float) -> None:
    synapses = np.flatnonzero(census.delays)
    low, high = (int(synapses[0]), int(synapses[-1])) if len(synapses) else (1, 1)
    width = max(1, -(-(high + 1 - low) // _BINS))
    counts = np.add.reduceat(census.delays[low:], np.arange(0, len(census.delays) - low, width))
    edges = (low + width * np.arange(len(counts) + 1) - 0.5) * dt
    axes.stairs(100 * counts / max(1, counts.sum()), edges, fill=True, color=COLOURS[0], alpha=0.8)
    binned = f", in bins of {width * dt:g} ms" if width > 1 else ""
    axes.set(xlabel=f"delay (ms){binned}", ylabel="% of synapses", title="delays")
    axes.set_ylim(bottom=0)
    _tidy(axes)


def _draw_adjacency(figure: Figure, axes: Axes, census: Census, circuit: Circuit) -> None:
    density, neurons = census.adjacency, circuit.neurons
    shown = np.ma.masked_where(~(density > 0), density)
    low, high = (float(shown.min()), float(shown.max())) if shown.count() else (1e-6, 1.0)
    # A wide range is seen on a logarithmic scale only; a narrow one looks flat on it.
    norm = LogNorm(max(low, high * 1e-4), high) if high > 20 * low else None
    image = axes.imshow(
        shown, norm=norm, vmin=None if norm else 0, extent=(0, neurons, neurons, 0), cmap="viridis",
        interpolation="nearest", rasterized=True,
    )  # fmt: skip
    axes.set_facecolor("#eeeeee")
    rows = int(circuit.store.attributes["partition_rows"])
    partitions = -(-neurons // rows)
    many = f"{partitions:,} partitions of {rows:,}" if partitions > 1 else "1 partition"
    axes.set(
        xlabel=f"target, in storage order ({many})",
        ylabel="source, in storage order",
        title="who projects to whom (grey: nobody)",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_major_locator(MaxNLocator(4, integer=True))
    figure.colorbar(image, ax=axes, label="synapses for each pair of neurons", shrink=0.85)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.xaxis.set_major_locator(MaxNLocator(6))
