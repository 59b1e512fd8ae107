"""How do threads work ahead without running away?

Results come in order; at most a few tasks a thread are under way or waiting, however slowly they are taken.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import joblib

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 8
# Where tasks read, some wait for the disk while others have a processor.
_READERS_A_PROCESSOR = 3


def threads_of(jobs: int | None) -> int:
    """Return the number of threads: as given, or one for each processor."""
    return jobs or os.cpu_count() or 1


def readers_of(jobs: int | None) -> int:
    """Return the number of threads whose tasks begin with a read: as given, or three for each processor."""
    return jobs or _READERS_A_PROCESSOR * (os.cpu_count() or 1)


def in_order(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int | None = None, *, ahead: int = AHEAD
) -> Iterator[Result]:
    """Yield ``function(task)`` for each task, in order, computed by threads.

    In windows, since joblib goes on working however far the consumer falls behind. The first error is raised here, and
    all threads end on every way out.

    Parameters
    ----------
    jobs : int, optional
        Threads; by default one for each processor.
    ahead : int
        Tasks for each thread that are started before their results are taken.
    """
    threads, pending = threads_of(jobs), iter(tasks)
    with joblib.Parallel(n_jobs=threads, backend="threading", return_as="generator") as workers:
        while window := list(islice(pending, ahead * threads)):
            yield from workers(joblib.delayed(function)(task) for task in window)
