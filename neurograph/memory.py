"""How much memory may a run use?

By default 60 % of the smaller of physical memory and the memory limit of the control group.
"""

import os
from pathlib import Path

from neurograph_storage.sizes import parse_size

DEFAULT_SHARE = 0.6
_LIMIT_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


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


def _group_limits() -> list[int]:
    limits = []
    for file in _LIMIT_FILES:
        try:
            text = Path(file).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return limits
