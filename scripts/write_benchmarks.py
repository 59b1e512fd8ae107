"""Write docs/benchmarks.md: ``python scripts/write_benchmarks.py RESULTS docs/benchmarks.md``.

RESULTS is a folder of what ``neurograph bench`` wrote. Nothing in the page is typed by hand.
"""

import json
import sys
from pathlib import Path
from typing import Any

TITLES = {
    "build": "Building, bytes, checking",
    "kernels": "Delivery",
    "microcircuit": "The cortical microcircuit, beside NEST",
    "microcircuit-0.2": "The microcircuit at scale 0.2, beside NEST",
    "multiarea": "Thirty-two areas",
    "outofcore": "Larger than memory",
    "order": "Ordering",
    "balanced": "A balanced network of 4,000 neurons, in all simulators",
}


def number(value: float) -> str:
    """Return a figure with three or four digits that count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(runs: list[float]) -> str:
    """Return the range of several runs."""
    return f"{number(min(runs))} to {number(max(runs))}, {len(runs)} runs" if len(runs) > 1 else "one run"


def section(result: dict[str, Any]) -> list[str]:
    """Return one suite as lines of Markdown."""
    machine = result["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        f"## {TITLES.get(result['suite'], result['suite'])}",
        "",
        f"`{result['command']}`, {machine['date']}, {machine['processor']}, {machine['threads']} threads, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, {packages}.",
        "",
        "| what | median | | asked | spread | note |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["figures"]:
        cells = (row["what"], number(row["value"]), row["unit"], row["asked"], spread(row["runs"]), row["note"])
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def main(results: Path, page: Path) -> None:
    """Write the page from all results."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    lines = [
        "# Benchmarks",
        "",
        "Written by `scripts/write_benchmarks.py` from what `neurograph bench` measured. Machines are noisy:",
        "what is compared was run in turns within one call, ratios were taken pair by pair, and the median counts.",
        "",
    ]
    for name in [*(name for name in TITLES if name in found), *(name for name in found if name not in TITLES)]:
        lines += section({**found[name], "suite": name})
    page.write_text("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
