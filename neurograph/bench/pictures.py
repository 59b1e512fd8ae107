"""How does a suite look? One picture each, drawn from what its JSON holds and nothing else.

Figures that say where they stand (``at``) are drawn as lines, a panel for each kind; limits are dashed, published
figures are single points. Of suites without such figures, whatever was asked is drawn as how far it was exceeded or
missed.
"""

import re
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from neurograph.bench.figures import is_met
from neurograph.plot import COLOURS

Row = dict[str, Any]

_PANELS = {
    "active neurons fixed": ("20 neurons active a step", "synapses", "synaptic events (M/s)"),
    "cost": ("20 neurons active a step", "synapses", "fetch and delivery (us a step)"),
    "rate fixed": ("all at 4 Hz", "synapses", "synaptic events (M/s)"),
    "speed": (
        "one machine, one budget of memory",
        "areas (the published model has twice the synapses)",
        "wall time / simulated time",
    ),
}
_CURVES = {"speed": "synaptic events (M/s)", "memory": "resident memory (MiB)", "descriptors": "descriptors"}
_WIDTH, _HEIGHT, _MOST_BARS = 5.2, 4.4, 40
_MET, _MISSED = COLOURS[2], COLOURS[1]


def draw(content: dict[str, Any], out: Path) -> bool:
    """Draw a suite's figures; return whether there was anything to draw."""
    rows = content["figures"]
    # A difference of two times may be nothing on a noisy machine: there is no place for it on a logarithmic axis.
    placed = [r for r in rows if r.get("at", {}).get("x") and r["value"] > 0]
    curves = [r for r in rows if r.get("at", {}).get("curve")]
    asked = [row for row in rows if is_met(row["asked"], row["value"]) is not None]
    if placed:
        figure = _lines(placed)
    elif curves:
        figure = _curves(curves)
    elif asked:
        figure = _bars(content["suite"], asked[:_MOST_BARS])
    else:
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_figure(out, dpi=110, metadata={"Software": None})
    return True


def _lines(rows: list[Row]) -> Figure:
    panels = [name for name in _PANELS if any(row["at"]["panel"] == name for row in rows)]
    figure = Figure(figsize=(max(_WIDTH * len(panels), 8.5), _HEIGHT + 1.0), layout="constrained")
    colours = _colours(rows)
    for k, name in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), k + 1)
        _panel(axes, [row for row in rows if row["at"]["panel"] == name], name, colours)
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        handles |= {str(label): handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=len(panels) + 1, fontsize=9, frameon=False
    )
    return figure


def _colours(rows: list[Row]) -> dict[str, str]:
    """Return a colour for each line, the same in all panels; limits are grey."""
    names = list(dict.fromkeys(row["at"]["line"] for row in rows if "line" in row["at"]))
    ours = [name for name in names if not name.startswith("limit")]
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(ours)}


def _panel(axes: Axes, rows: list[Row], name: str, colours: dict[str, str]) -> None:
    title, across, up = _PANELS[name]
    lines = list(dict.fromkeys(row["at"]["line"] for row in rows if "line" in row["at"]))
    for number, line in enumerate(lines):
        points = sorted((row["at"]["x"], row["value"], row["runs"]) for row in rows if row["at"].get("line") == line)
        x, y = [p[0] for p in points], [p[1] for p in points]
        if line.startswith("limit"):
            dashes = "--" if number % 2 else ":"
            axes.plot(x, y, dashes, color="#555555", label=line, marker=".", markersize=4)
            continue
        spread = [[max(0.0, v - min(r)) for _, v, r in points], [max(0.0, max(r) - v) for _, v, r in points]]
        axes.errorbar(x, y, yerr=spread, marker="o", color=colours[line], label=line, capsize=2, markersize=5)
    for number, row in enumerate(r for r in rows if "point" in r["at"]):
        mark = "*D^v"[number % 4]
        axes.plot([row["at"]["x"]], [row["value"]], mark, color="#777777", label=row["at"]["point"], markersize=9)
    axes.set(xscale="log", yscale="log", xlabel=across, ylabel=up, title=title)
    if name == "speed":
        places = sorted({row["at"]["x"] for row in rows})
        axes.xaxis.set_major_locator(FixedLocator(places))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if name == "cost":
        shown = [row["value"] for row in rows if row["value"] > 0]
        # Flat is what is to be seen, and noise is not.
        axes.set_ylim(bottom=min(shown, default=1.0) / 5, top=max(shown, default=1.0) * 5)
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _curves(rows: list[Row]) -> Figure:
    figure = Figure(figsize=(8.0, 2.1 * len(rows) + 0.6), layout="constrained")
    for k, row in enumerate(rows):
        axes = figure.add_subplot(len(rows), 1, k + 1)
        axes.plot([second / 60 for second in row["at"]["curve"]], row["runs"], color=COLOURS[k])
        axes.set(ylabel=_CURVES[row["at"]["panel"]], ylim=(0, 1.25 * max(row["runs"])))
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    figure.axes[-1].set_xlabel("wall time (minutes)")
    return figure


def _bars(suite: str, rows: list[Row]) -> Figure:
    """Draw each figure as a share of what was asked of it, so that one line says what was reached."""
    figure = Figure(figsize=(10.5, 0.34 * len(rows) + 1.5), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    for k, row in enumerate(rows):
        bound, least = _bound(row["asked"])
        reached = max(row["value"] / bound if least else bound / max(row["value"], 1e-12), 1e-3)
        met = is_met(row["asked"], row["value"])
        axes.plot([1.0, reached], [k, k], color=_MET if met else _MISSED, linewidth=2)
        axes.plot([reached], [k], "o" if met else "X", color=_MET if met else _MISSED, markersize=7)
    axes.axvline(1.0, color="#333333", linewidth=1)
    names = [f"{_short(row['what'])}  ({row['value']:.3g}, {row['asked']})" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xscale="log", xlabel="times what was asked (to the right: better)", title=f"suite {suite}: what was asked")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), max(high, 2.0))
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    # All nine of a decade would touch each other.
    some = FuncFormatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "1235" else "")
    axes.xaxis.set_major_formatter(plain)
    # Between powers of ten only where there are few of these.
    axes.xaxis.set_minor_formatter(some if max(high, 2.0) / min(low, 0.5) < 30 else NullFormatter())
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    return figure


def _short(what: str) -> str:
    return what if len(what) < 70 else what[:67] + "..."


def _bound(asked: str) -> tuple[float, bool]:
    """Return the figure that was asked, and whether more is better."""
    match = re.search(r"[\d.,]+", asked)
    return (float(match[0].replace(",", "")) if match else 1.0), "most" not in asked
