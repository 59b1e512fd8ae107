"""How do threads share the work on ranges of rows?

By joblib, since compiled code and NumPy release the GIL, and results need not be copied; in order, in windows.
"""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import joblib

_AHEAD = 8
# Of a synapse while its row is made, and for each of the windowful that waits.
_BYTES_MADE, _BYTES_WAITING = 24, 5
_SMALLEST_BATCH = 2**14

T = TypeVar("T")


def threads_of(jobs: int | None) -> int:
    """Return the number of threads: as given, or one for each processor."""
    return jobs or os.cpu_count() or 1


def batch_synapses(largest: int, memory: int, jobs: int | None) -> int:
    """Return how many synapses a batch may have, so that all in flight take half of ``memory``, at most ``largest``."""
    fitting = memory // 2 // (threads_of(jobs) * (_BYTES_MADE + _AHEAD * _BYTES_WAITING))
    return min(largest, max(_SMALLEST_BATCH, fitting))


def in_order(function: Callable[[int, int], T], cuts: list[tuple[int, int]], jobs: int | None) -> Iterator[T]:
    """Yield ``function(start, stop)`` of every range, in order.

    In windows, since joblib goes on working however far the consumer, usually the disk, falls behind.
    """
    window = _AHEAD * threads_of(jobs)
    with joblib.Parallel(n_jobs=threads_of(jobs), backend="threading", return_as="generator") as workers:
        for first in range(0, len(cuts), window):
            yield from workers(joblib.delayed(function)(start, stop) for start, stop in cuts[first : first + window])
