"""How do threads work ahead without running away?

Results come in order; at most a few tasks a thread are under way or waiting, however slowly they are taken.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import joblib

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 8
# Where tasks read, some wait for the disk while others have a processor.
_READERS_A_PROCESSOR = 3


def threads_of(jobs: int | None) -> int:
    """Return the number of threads: as given, or one for each processor that this process may use."""
    return jobs or joblib.cpu_count()


def readers_of(jobs: int | None) -> int:
    """Return the number of threads whose tasks begin with a read: as given, or three for each processor."""
    return jobs or _READERS_A_PROCESSOR * joblib.cpu_count()


def in_order(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int | None = None, *, ahead: int = AHEAD
) -> Iterator[Result]:
    """Yield ``function(task)`` for each task, in order, computed by threads.

    The first error is raised here, and all threads end on every way out.

    Parameters
    ----------
    jobs : int, optional
        Threads; by default one for each processor.
    ahead : int
        Tasks for each thread that are under way or whose results wait to be taken.
    """
    threads, pending = threads_of(jobs), iter(tasks)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="neurograph-ahead")
    try:
        under_way = deque(pool.submit(function, task) for task in islice(pending, ahead * threads))
        while under_way:
            yield under_way.popleft().result()
            under_way.extend(pool.submit(function, task) for task in islice(pending, 1))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
