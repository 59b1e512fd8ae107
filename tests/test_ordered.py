"""Threads work ahead in order, within bounds, and their errors arrive."""

import threading

import pytest

from neurograph_storage.ordered import in_order


def test_results_come_in_order() -> None:
    assert list(in_order(lambda n: n * n, range(100), 3)) == [n * n for n in range(100)]


def test_only_a_window_is_taken_ahead() -> None:
    """However slowly results are taken, no more tasks are asked for than the window holds."""
    asked: list[int] = []

    def tasks():
        for n in range(1000):
            asked.append(n)
            yield n

    results = in_order(lambda n: n, tasks(), 2, ahead=4)
    for taken in range(1, 100):
        next(results)
        # The one that was just taken is still in use.
        assert len(asked) - taken < 8
    results.close()


def test_an_error_is_raised_and_threads_end() -> None:
    def fail(n: int) -> int:
        if n == 7:
            raise ValueError("seven")
        return n

    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="seven"):
        list(in_order(fail, range(50), 3))
    ours = set(threading.enumerate()) - before
    for thread in ours:
        thread.join(10.0)
    assert not any(thread.is_alive() for thread in ours)
