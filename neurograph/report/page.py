"""How does a run become a page?

`Page` holds figures and what they are fed by; `html` is all of it in one file, with the scripts that draw it, and
`state` the news of a run that goes on, which `live.js` puts in place. Nothing is fetched from anywhere else.
"""

from importlib.resources import files
from typing import Any

from bokeh.core.serialization import Serializer
from bokeh.embed import components
from bokeh.resources import Resources
from jinja2 import Environment
from markupsafe import Markup, escape

from neurograph.report.content import Content, key_figures, made_by, prefetch_figures
from neurograph.report.figures import draw

_IN_MEMORY = "All synapses were in memory: nothing had to be read ahead of the spikes."
_SECTIONS = (
    ("activity", "Activity", ("raster", "rates")),
    ("throughput", "Throughput", ("events", "speed")),
    ("disk", "Disk", ("read", "stall")),
    ("residency-map", "What is in memory", ("residency", "resident")),
    ("prefetching", "Reading ahead", ("prefetch", "hits", "wasted")),
)
_FIGURES = Environment(autoescape=True).from_string(
    '<dl class="figures">{% for name, value in figures %}'
    "<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>"
)


class Page:
    """The page of a run.

    Parameters
    ----------
    content : Content
    live : bool
        Whether the run goes on, and the page asks for news.
    streams : bool, optional
        Whether rows are read as they are needed; by default as the content says.
    """

    def __init__(self, content: Content, *, live: bool = False, streams: bool | None = None) -> None:
        self._live, self._streams = live, content.streams if streams is None else streams
        self._sources, self._figures = draw(content)
        self._content = content

    def html(self) -> str:
        """Return the page."""
        names = [name for _, _, names in _SECTIONS for name in names if name in self._shown]
        drawing, divs = components(tuple(self._figures[name] for name in names))
        content, by_name = self._content, dict(zip(names, divs, strict=True))
        template = Environment(autoescape=True).from_string(_text("page.html"))
        sections = [
            {"name": name, "title": title, "says": self._says(name),
             "divs": [Markup(by_name[part]) for part in parts if part in by_name]}
            for name, title, parts in _SECTIONS
        ]  # fmt: skip
        scripts = Resources(mode="inline", components=["bokeh"], log_level="error").render()
        return template.render(
            title=_title(content),
            sections=sections,
            made=made_by(content.said),
            scripts=Markup(scripts),
            drawing=Markup(drawing),
            live=Markup(_text("live.js")) if self._live else "",
            **self._texts(content, live=self._live),
        )

    def state(self, content: Content, version: int, *, ended: bool) -> dict[str, Any]:
        """Return the news as a JSON object: for the document that `html` made, and for the page around it."""
        # The messages by which Bokeh's own server brings a document up to date.
        encode = Serializer(deferred=False).encode
        events = [
            {"kind": "ColumnDataChanged", "model": source.ref, "attr": "data", "data": encode(content.sources[name])}
            for name, source in self._sources.items()
        ]
        return {
            "version": version,
            "ended": ended,
            "patch": {"events": _plain(events)},
            "texts": self._texts(content, live=not ended),
        }

    def _texts(self, content: Content, *, live: bool) -> dict[str, str]:
        """Return what the page says that changes, by the name of its place, as HTML."""
        prefetched = prefetch_figures(content.said["figures"]) if self._streams else ""
        figures = Markup(_FIGURES.render(figures=key_figures(content.said)))
        return {"status": escape(_status(content, live)), "figures": figures, "prefetched": escape(prefetched)}

    @property
    def _shown(self) -> set[str]:
        hidden = set() if self._streams else {"residency", "resident", "prefetch", "hits", "wasted"}
        return set(self._figures) - hidden

    def _says(self, section: str) -> str:
        streamed = {
            "residency-map": "Which parts of the circuit were in memory, in % of their synapses.",
            "prefetching": "Rows that were in memory when their spike was due, and those that a worker had to wait for;"
            " bytes that were read for them, and beside them, since pages are read whole.",
        }
        if section in streamed:
            return streamed[section] if self._streams else _IN_MEMORY
        return {
            "activity": f"Spikes of {self._content.raster.chosen_from}, and the mean rate of each population.",
            "throughput": "Synapses that delivered a spike, and simulated time, for each second of wall time.",
            "disk": "Bytes read from the disk, and how long workers waited for them.",
        }[section]


def _text(name: str) -> str:
    return files("neurograph.report").joinpath(name).read_text()


def _title(content: Content) -> str:
    path = str(content.said["circuit"]["path"])
    return f"Run of {path.rstrip('/').rpartition('/')[2]}"


def _status(content: Content, live: bool) -> str:
    figures = content.said["figures"]
    at = f"{figures['duration_ms']:,.6g} ms"
    if live:
        return f"Running, at {at}"
    ended = content.said["ended"]
    return f"Complete, {at}" if ended == "complete" else f"Ended at {at}: {ended}"


def _plain(encoded: Any) -> Any:
    """Return what the serialiser gave, its buffers written as text, as JSON needs them."""
    if isinstance(encoded, dict):
        return {key: _plain(value) for key, value in encoded.items()}
    if isinstance(encoded, list | tuple):
        return [_plain(value) for value in encoded]
    return encoded.to_base64() if hasattr(encoded, "to_base64") else encoded
