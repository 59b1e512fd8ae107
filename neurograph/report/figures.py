"""How are the curves of a run drawn? With Bokeh: a figure for each question, each fed by a source of columns."""

from typing import Any

from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    LinearColorMapper,
    Model,
    NumeralTickFormatter,
)
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from neurograph.plot import COLOURS
from neurograph.report.content import Content

_WASTE = "#D55E00"
_HEIGHT, _LOW = 260, 210
# More curves than that are not told apart; then only so many populations are named.
_CURVES, _NAMES = len(COLOURS), 16
# The width of what stands left of all axes, so that times are one above the other.
_LEFT = 78


def draw(content: Content) -> tuple[dict[str, ColumnDataSource], dict[str, Model]]:
    """Return sources by name, as in `Content.sources`, and figures by the name of their place on the page."""
    sources = {name: ColumnDataSource(columns) for name, columns in content.sources.items()}
    figures: dict[str, Model] = {
        "raster": _raster(sources["raster"], content),
        "rates": _rates(sources["rates"], content.populations),
        "events": _curve(sources["cost"], "events", "million events / s", COLOURS[0]),
        "speed": _curve(sources["cost"], "speed", "ms simulated / s", COLOURS[2]),
        "read": _curve(sources["cost"], "read", "MB read / s", COLOURS[0]),
        "stall": _curve(sources["cost"], "stall", "% of time waiting", COLOURS[1]),
        "resident": _curve(sources["cost"], "resident", "MB in memory", COLOURS[2]),
        "residency": _residency(sources["residency"]),
        "prefetch": _prefetch(sources["prefetch"]),
    }
    if {"hits", "misses"} <= set(content.sources["cost"]):
        figures["hits"] = _hits(sources["cost"])
    if "wasted" in content.sources["cost"]:
        figures["wasted"] = _curve(sources["cost"], "wasted", "MB wasted / s", _WASTE)
    return sources, figures


def _figure(x_label: str, y_label: str, height: int = _LOW, **options: Any) -> figure:
    drawn = figure(
        height=height, sizing_mode="stretch_width", x_axis_label=x_label, y_axis_label=y_label,
        tools="xpan,xbox_zoom,reset", toolbar_location="above", min_border_left=_LEFT, **options,
    )  # fmt: skip
    drawn.toolbar.logo = None
    drawn.toolbar.autohide = True
    drawn.outline_line_color = None
    drawn.grid.grid_line_alpha = 0.5
    drawn.axis.axis_label_text_font_style = "normal"
    drawn.xaxis.ticker = BasicTicker(desired_num_ticks=6)
    drawn.xaxis.formatter = NumeralTickFormatter(format="0,0[.]0[00]")
    drawn.xgrid.ticker = drawn.xaxis.ticker
    if hasattr(drawn.x_range, "range_padding"):
        drawn.x_range.range_padding = 0
    return drawn


def _raster(source: ColumnDataSource, content: Content) -> figure:
    counts, names = content.raster.counts.tolist(), content.populations
    step = max(1, -(-len(names) // _NAMES))
    drawn = _figure("time (ms)", "", height=380, y_range=(0, max(1, sum(counts))))
    ends = [sum(counts[: k + 1]) for k in range(len(counts))]
    shown = {end - count / 2: name for end, count, name in list(zip(ends, counts, names, strict=True))[::step]}
    drawn.yaxis.ticker = FixedTicker(ticks=list(shown))
    drawn.yaxis.major_label_overrides = shown
    drawn.ygrid.ticker = FixedTicker(ticks=ends)
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(names))]
    mapper = LinearColorMapper(palette=colours, low=-0.5, high=len(names) - 0.5)
    drawn.scatter(
        "x", "y", source=source, size=2, line_color=None, fill_color={"field": "population", "transform": mapper}
    )
    return drawn


def _rates(source: ColumnDataSource, names: list[str]) -> figure:
    drawn = _figure("time (ms)", "rate (Hz)", height=_HEIGHT)
    for k, name in enumerate(names):
        told = {"legend_label": name} if 1 < len(names) <= _CURVES else {}
        colour = COLOURS[k % len(COLOURS)]
        drawn.line("x", f"rate{k}", source=source, color=colour, width=1.3, alpha=0.9, **told)
    drawn.add_tools(HoverTool(tooltips=[(name, f"@rate{k}{{0.0}} Hz") for k, name in enumerate(names[:_CURVES])]))
    drawn.y_range.start = 0
    if 1 < len(names) <= _CURVES:
        drawn.add_layout(drawn.legend[0], "above")
        drawn.legend.orientation, drawn.legend.border_line_color = "horizontal", None
        drawn.legend.padding, drawn.legend.ncols = 0, 4
    return drawn


def _curve(source: ColumnDataSource, column: str, label: str, colour: str) -> figure:
    drawn = _figure("wall time (s)", label)
    drawn.varea("x", 0, column, source=source, color=colour, alpha=0.15)
    drawn.line("x", column, source=source, color=colour, width=1.5)
    drawn.add_tools(HoverTool(tooltips=[(label, f"@{column}{{0,0.00}}"), ("wall time", "@x{0.0} s")], mode="vline"))
    drawn.y_range.start = 0
    drawn.yaxis.formatter = NumeralTickFormatter(format="0,0[.]0[0]")
    return drawn


def _hits(source: ColumnDataSource) -> figure:
    drawn = _figure("wall time (s)", "thousand rows / s", height=_HEIGHT)
    told = ["there in time", "waited for"]
    drawn.varea_stack(["hits", "misses"], x="x", source=source, color=[COLOURS[2], _WASTE], legend_label=told)
    drawn.add_layout(drawn.legend[0], "above")
    drawn.legend.orientation, drawn.legend.border_line_color, drawn.legend.padding = "horizontal", None, 0
    drawn.y_range.start = 0
    return drawn


def _residency(source: ColumnDataSource) -> figure:
    drawn = _figure("time (ms)", "part of the circuit, in storage order", height=340)
    mapper = LinearColorMapper(palette=Viridis256, low=0, high=100)
    drawn.image("image", x="x", y="y", dw="dw", dh="dh", source=source, color_mapper=mapper)
    # Below, for a phone has no room beside it.
    bar = ColorBar(
        color_mapper=mapper, title="% of its synapses in memory", height=10, title_text_font_style="normal", padding=8
    )
    drawn.add_layout(bar, "below")
    drawn.y_range.range_padding = 0
    drawn.grid.visible = False
    return drawn


def _prefetch(source: ColumnDataSource) -> figure:
    drawn = _figure("%", "", height=150, x_range=(0, 100), y_range=["bytes read", "rows"])
    mapper = LinearColorMapper(palette=[COLOURS[2], _WASTE], low=0, high=1)
    drawn.hbar(
        "what", left="left", right="right", height=0.6, source=source, line_color=None,
        fill_color={"field": "colour", "transform": mapper},
    )  # fmt: skip
    drawn.toolbar_location = None
    drawn.add_tools(HoverTool(tooltips=[("", "@text")]))
    return drawn
