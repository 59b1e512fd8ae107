"""How much memory may a run, or a build, use?

By default 60 % of the smaller of physical memory and the memory limit of the control group.
"""

import os
from pathlib import Path

from neurograph_storage.ordered import AHEAD, threads_of
from neurograph_storage.sizes import parse_size

DEFAULT_SHARE = 0.6
_GROUPS = Path("/sys/fs/cgroup")
# Of a synapse while its row is made, and for each batch of rows that waits to be written.
_BYTES_MADE, _BYTES_WAITING = 24, 5
_SMALLEST_BATCH = 2**14
_OWN_GROUPS = Path("/proc/self/cgroup")


def available_memory() -> int:
    """Return the smaller of physical memory and the control group's limit, in bytes."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *_group_limits()])


def budget_bytes(memory: str | int | None) -> int:
    """Return a budget given as ``"4GiB"``, as bytes, or by default.

    Raises
    ------
    ArgumentError
        If the text is not a size.
    """
    return int(DEFAULT_SHARE * available_memory()) if memory is None else parse_size(memory)


def batch_synapses(largest: int, memory: int, jobs: int | None) -> int:
    """Return how many synapses a batch may have, so that all in flight take half of ``memory``, at most ``largest``."""
    fitting = memory // 2 // (threads_of(jobs) * (_BYTES_MADE + AHEAD * _BYTES_WAITING))
    return min(largest, max(_SMALLEST_BATCH, fitting))


def _group_limits() -> list[int]:
    """Return the memory limits of the process's control groups and of all groups around them, versions 1 and 2."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return []
    limits = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, name = (_GROUPS / "memory", "memory.limit_in_bytes") if controllers else (_GROUPS, "memory.max")
        own = top / group.lstrip("/")
        limits += [_limit(folder / name) for folder in (own, *own.parents) if folder.is_relative_to(top)]
    return [limit for limit in limits if limit is not None]


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
