"""Write docs/benchmarks.md: ``python scripts/write_benchmarks.py RESULTS docs/benchmarks.md``.

RESULTS is a folder of what ``neurograph bench all --out RESULTS`` wrote; those that the page was written from are in
``docs/results``. Nothing in the page is typed by hand; pictures go to ``images`` beside it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from neurograph.bench.figures import is_met
from neurograph.bench.pictures import draw

TITLES = {
    "scaling": "Speed against the size of the graph",
    "multiarea": "Coupled areas in a fixed memory",
    "outofcore": "Larger than memory",
    "prefetch": "Reading ahead",
    "build": "Building, bytes, checking",
    "kernels": "Delivery",
    "microcircuit": "The cortical microcircuit, beside NEST",
    "microcircuit-0.2": "The microcircuit at scale 0.2, beside NEST",
    "order": "Ordering",
    "balanced": "A balanced network of 4,000 neurons, in all simulators",
    "soak": "An hour",
}


def number(value: float) -> str:
    """Return a figure with three or four digits that count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(runs: list[float]) -> str:
    """Return the range of several runs."""
    return f"{number(min(runs))} to {number(max(runs))}, {len(runs)} runs" if len(runs) > 1 else "one run"


def shown(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the figures that a table shows: not those that are a whole curve."""
    return [row for row in result["figures"] if "curve" not in row.get("at", {})]


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Return figures as lines of Markdown."""
    lines = ["| what | median | | asked | spread | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row["what"], number(row["value"]), row["unit"], row["asked"], spread(row["runs"]), row["note"])
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def section(name: str, result: dict[str, Any], picture: str | None) -> list[str]:
    """Return one suite as lines of Markdown."""
    machine = result["machine"]
    packages = ", ".join(f"{package} {version}" for package, version in machine["packages"].items())
    lines = [
        f"## {TITLES.get(name, name)}",
        "",
        f"`{result['command']}`, {machine['date']}, {machine['processor']}, {machine['threads']} threads, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, {packages}.",
        "",
    ]
    if picture is not None:
        lines += [f"![{TITLES.get(name, name)}]({picture})", ""]
    return [*lines, *table(shown(result)), ""]


def short_of(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return what did not work: figures that do not reach what was asked, and parts that could not be measured."""
    lines = ["## What fell short, and what could not be measured", ""]
    missed = [
        row | {"what": f"{name}: {row['what']}"}
        for name, result in found.items()
        for row in shown(result)
        if is_met(row["asked"], row["value"]) is False
    ]
    lines += [*table(missed), ""] if missed else ["Every figure reaches what was asked of it.", ""]
    failed = [
        f"- {name}, {part}: {described['failed']}"
        for name, result in found.items()
        for part, described in result.get("parts", {}).items()
        if "failed" in described
    ]
    return [*lines, *failed, ""] if failed else lines


def results_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what each suite found, in the order in which the page tells it."""
    read = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {name: read[name] for name in [*TITLES, *read] if name in read}


def page_of(found: dict[str, dict[str, Any]], pictures: dict[str, str]) -> str:
    """Return the page; ``pictures`` by suite, as links."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `scripts/write_benchmarks.py` from what `neurograph bench` measured. Machines are noisy:",
        "what is compared was run in turns within one call, ratios were taken pair by pair, and the median counts.",
        "Limits are what the machine did in the same call when it did nothing else. Figures of other systems that are",
        "called published were measured by others, on the machines named.",
        "",
        *short_of(found),
    ]
    for name, result in found.items():
        lines += section(name, result, pictures.get(name))
    return "\n".join(lines)


def main(results: Path, page: Path) -> None:
    """Write the page and its pictures from all results."""
    found = results_in(results)
    links = {name: f"images/bench-{name}.png" for name in found}
    drawn = {name for name, result in found.items() if draw({**result, "suite": name}, page.parent / links[name])}
    page.write_text(page_of(found, {name: link for name, link in links.items() if name in drawn}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
