"""How does a state variable go? One line for each neuron of a ``trace-N.parquet``, against time."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurograph.plot import COLOURS, new_figure
from neurograph.record import read_parquet
from neurograph_storage.errors import DataError

_MOST_NEURONS = len(COLOURS)
_UNITS = {"v": "mV"}


def is_trace(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a trace."""
    if Path(path).suffix != ".parquet" or not Path(path).is_file():
        return False
    try:
        return _variable(pq.read_schema(path).names) != ""
    except (OSError, pa.ArrowInvalid):
        # Whoever reads it as something else says what is wrong.
        return False


def _variable(columns: list[str]) -> str:
    others = [name for name in columns if name not in ("time_ms", "neuron", "population")]
    return others[0] if len(others) == 1 and {"time_ms", "neuron"} <= set(columns) else ""


def plot_traces(
    path: str | os.PathLike[str], out: str | os.PathLike[str], *, start: float | None = None, stop: float | None = None
) -> None:
    """Write a picture of a trace, of at most eight neurons, evenly chosen.

    Parameters
    ----------
    path : path
        What `neurograph.traces.Trace.write` wrote, or a run's folder holds.
    out : path
        ``.png``, ``.svg`` or ``.pdf``.
    start, stop : float, optional
        Window in ms; by default all.

    Raises
    ------
    ArgumentError, DataError
    """
    figure = new_figure(out, (10, 4))
    table = read_parquet(path)
    name = _variable(table.column_names)
    times, neurons, values = (table[column].to_numpy() for column in ("time_ms", "neuron", name))
    inside = (times >= (-np.inf if start is None else start)) & (times < (np.inf if stop is None else stop))
    if not inside.any():
        raise DataError(f"{path} has no values in the window")
    times, neurons, values = times[inside], neurons[inside], values[inside]
    everyone = np.unique(neurons)
    chosen = everyone[np.linspace(0, len(everyone) - 1, min(_MOST_NEURONS, len(everyone))).astype(int)]
    axes = figure.subplots()
    for colour, neuron in zip(COLOURS, chosen.tolist(), strict=False):
        of_neuron = neurons == neuron
        axes.plot(times[of_neuron], values[of_neuron], color=colour, linewidth=1, label=f"neuron {neuron}")
    unit = f" ({_UNITS[name]})" if name in _UNITS else ""
    axes.set(xlabel="time (ms)", ylabel=f"{name}{unit}")
    if len(chosen) < len(everyone):
        axes.set_title(f"{len(chosen)} of {len(everyone):,} neurons", fontsize=10)
    axes.margins(x=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(out, dpi=120)
