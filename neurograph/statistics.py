"""What did a run cost?

`RunStatistics` is the object that ``run --json`` prints; `Meter` reads the clock and the operating system's counters
around the stepping. Of a circuit that streams, bytes, requests and
their time are those of its readers, without the pass through all rows at the beginning; a stall is what a worker
waited, on average over workers. Where a circuit is mapped in place there are no reads of our own: bytes and requests
are what the kernel read for page faults, and a stall is not told apart from computing.
"""

import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PrefetchStatistics:
    """What a prefetch policy achieved.

    Attributes
    ----------
    policy : str
        ``"none"``, or ``"delay"``: rows are read when a spike's delays say that they will be needed.
    hits, misses : int
        Rows, or parts, that were there, or not, when a worker needed them; once for each worker.
    wasted_bytes : int
        Read beside the rows asked for, since pages are read whole.
    """

    policy: str = "none"
    hits: int = 0
    misses: int = 0
    wasted_bytes: int = 0


@dataclass(frozen=True)
class RunStatistics:
    """Figures of a run, as attributes or by name; times are in seconds of wall time unless the name says ms."""

    neurons: int
    synapses: int
    duration_ms: float
    spikes: int
    synaptic_events: int
    wall_s: float
    real_time_factor: float
    events_per_s: float
    bytes_read: int
    read_requests: int
    read_s: float
    stall_s: float
    peak_rss_bytes: int
    memory_budget_bytes: int
    prefetch: PrefetchStatistics = field(default_factory=PrefetchStatistics)

    def __getitem__(self, name: str) -> Any:
        return self.as_dict()[name]

    def keys(self) -> list[str]:
        """Return the names of all figures, so that ``dict(statistics)`` is the JSON object."""
        return list(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


class Meter:
    """Adds up wall time and disk reads over the stretches in which it runs."""

    def __init__(self) -> None:
        self.wall_s, self.bytes_read, self.read_requests = 0.0, 0, 0

    def __enter__(self) -> None:
        self._start = (time.perf_counter(), disk_bytes(), _major_faults())

    def __exit__(self, *_: object) -> None:
        wall, read, faults = self._start
        self.wall_s += time.perf_counter() - wall
        self.bytes_read += disk_bytes() - read
        self.read_requests += _major_faults() - faults


def disk_bytes() -> int:
    """Return the bytes that this process has made the kernel read from disk; 0 where it does not say."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes:")), 0)


def peak_rss() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _major_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt
