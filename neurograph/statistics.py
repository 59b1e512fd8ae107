"""What did a run cost?

`RunStatistics` is the object that ``run --json`` prints; `Meter` reads the clock and the operating system's counters
around the stepping. Of a circuit that streams, bytes, requests and
their time are those of its readers, without the pass through all rows at the beginning; a stall is what a worker
waited, on average over workers. A run that is taken up counts on from its checkpoint, and what it reads to get there is
counted again. Where a circuit is mapped in place there are no reads of our own: bytes and requests
are what the kernel read for page faults, and a stall is not told apart from computing.
"""

import resource
import sys
import time
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PrefetchStatistics:
    """What a prefetch policy achieved.

    Attributes
    ----------
    policy : str
        As chosen (`neurograph.Prefetch`); ``"none"`` also where all rows are in memory.
    hits, misses : int
        Rows, or parts, that were there, or not, when a worker needed them; once for each worker.
    wasted_bytes : int
        Read beside the rows asked for, since pages are read whole; and guessed rows that no spike has found so far.
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


@dataclass(frozen=True)
class Counters:
    """What a run adds up, from its beginning on: also through checkpoints."""

    spikes: int = 0
    synaptic_events: int = 0
    wall_s: float = 0.0
    bytes_read: int = 0
    read_requests: int = 0
    read_s: float = 0.0
    stall_s: float = 0.0
    hits: int = 0
    misses: int = 0
    wasted_bytes: int = 0

    def __add__(self, more: "Counters") -> "Counters":
        return Counters(*(a + b for a, b in zip(astuple(self), astuple(more), strict=True)))


class Meter:
    """Adds up wall time and disk reads over the stretches in which it runs."""

    def __init__(self) -> None:
        self._total, self._start = _NOTHING, _NOTHING
        self._running = False

    def __enter__(self) -> None:
        self._start, self._running = _readings(), True

    def __exit__(self, *_: object) -> None:
        self._total, self._running = self.totals, False

    @property
    def wall_s(self) -> float:
        """Wall time so far, in seconds; cheap to ask for."""
        return self._total[0] + (time.perf_counter() - self._start[0] if self._running else 0.0)

    @property
    def totals(self) -> tuple[float, int, int]:
        """Wall time in seconds, bytes read, major faults, so far."""
        if not self._running:
            return self._total
        wall, read, faults = (
            total + now - then for total, now, then in zip(self._total, _readings(), self._start, strict=True)
        )
        return wall, int(read), int(faults)


_NOTHING = (0.0, 0, 0)


def _readings() -> tuple[float, int, int]:
    return time.perf_counter(), disk_bytes(), _major_faults()


def disk_bytes() -> int:
    """Return the bytes that this process has made the kernel read from disk; 0 where it does not say."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes:")), 0)


def peak_rss() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        lines = []
    # What the system says of resources counts the process that started this one as well.
    found = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * found or (peak if sys.platform == "darwin" else peak * 1024)


def _major_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt
