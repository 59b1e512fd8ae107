"""What is a measured figure, and how is one taken on a machine that is never quiet?

A `Figure` holds every single run, and its value is their median. What is compared is run in turns within one call, and
the ratio is taken pair by pair, so that a slow minute of the machine slows both.
"""

import datetime as dt
import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("neurograph", "numpy", "numba", "zarr", "scipy")


@dataclass(frozen=True)
class Figure:
    """One line of a table of results.

    Attributes
    ----------
    what : str
    value : float
        Median of the runs.
    unit : str
    asked : str
        What was to be reached, such as "at least 20"; empty if nothing.
    runs : list of float
        Each run, or each ratio of a pair.
    note : str
        Compared with what, under which conditions.
    at : dict
        Where the figure stands in the suite's picture: ``line``, ``x``, and whatever else is needed to draw it.
    """

    what: str
    value: float
    unit: str
    asked: str = ""
    runs: list[float] = field(default_factory=list)
    note: str = ""
    at: dict[str, Any] = field(default_factory=dict)


def figure(what: str, runs: list[float], unit: str, *, asked: str = "", note: str = "", **at: Any) -> Figure:
    """Return the figure of one or several runs; what else is given is its place in a picture."""
    return Figure(what, statistics.median(runs), unit, asked, [float(run) for run in runs], note, at)


def is_met(asked: str, value: float) -> bool | None:
    """Return whether a figure reaches what was asked of it; None if nothing was that can be told from the value.

    Examples
    --------
    >>> is_met("at least 20", 23.0), is_met("at most 1,536", 2000.0), is_met("faster", 0.9), is_met("", 1.0)
    (True, False, False, None)
    """
    if asked == "faster":
        return value > 1.0
    match = re.fullmatch(r"at (least|most) ([\d.,]+)", asked)
    if match is None:
        return None
    bound = float(match[2].replace(",", ""))
    return value >= bound if match[1] == "least" else value <= bound


def seconds(action: Callable[[], object]) -> float:
    """Return the wall time that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def in_turns(
    actions: dict[str, Callable[[], object]], rounds: int, before: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """Return the seconds of each action in each round, all of them once a round.

    Parameters
    ----------
    before : callable
        Called before each action, not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            before()
            times[name].append(seconds(action))
    return times


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Return the ratio of each pair."""
    return [a / b for a, b in zip(above, below, strict=True)]


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "processor": _processor(),
        "threads": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
