"""What does a comparison of orders look like?

One panel for each measure, one bar for each method; shorter is better everywhere. Drawn without a display.
"""

import os
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from neurograph.ordering.compare import Line
from neurograph.plot import COLOURS

PANELS = {
    "partitions_per_batch": "partitions fired in, a batch of min_delay steps",
    "partitions_per_row": "partitions reached, a row",
    "raw_bytes": "raw: bytes read, an event",
    "raw_requests": "raw: requests, a thousand events",
    "compressed_bytes": "compressed: bytes read, an event",
    "compressed_requests": "compressed: requests, a thousand events",
}


def plot_comparison(lines: Sequence[Line], title: str, out: str | os.PathLike[str]) -> None:
    """Write a picture of all measures of all methods."""
    figure = Figure(figsize=(11.0, 1.6 + 0.5 * len(lines)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(2, 3, sharey=True)
    for panel, (name, label) in zip(axes.flat, PANELS.items(), strict=True):
        _bars(panel, lines, name, label)
    axes[0, 0].invert_yaxis()  # shared by all
    figure.savefig(out, dpi=130)


def _bars(panel: Axes, lines: Sequence[Line], name: str, label: str) -> None:
    factor = 1000.0 if name.endswith("requests") else 1.0
    values = [factor * float(getattr(line, name)) for line in lines]
    bars = panel.barh([line.method for line in lines], values, color=COLOURS[0])
    panel.bar_label(bars, fmt="{:.3g}", padding=3, fontsize=8)
    panel.set_title(label, fontsize=10)
    panel.set_xlim(0, 1.2 * max([*values, 1e-12]))
    panel.spines[["top", "right"]].set_visible(False)
