"""How does Ctrl-C find a run in order?

Python's handler of a signal may run anywhere, also where steps are half done. `Deferred` keeps SIGINT and SIGTERM until
the run stands between two steps, where their handlers are called as if the signal came just then. A second one
is not kept: whoever cannot wait ends at once, and the run cannot go on.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM came, and is treated as Ctrl-C is."""


class Deferred:
    """Context manager: within it, signals wait for `now`. Only the main thread gets any; elsewhere nothing changes."""

    def __enter__(self) -> "Deferred":
        self._came: int | None = None
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if callable(handler := signal.getsignal(number)):
                    self._handlers[number] = handler
                    signal.signal(number, self._keep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if kind is None:
            self.now()

    def now(self) -> None:
        """Let a signal that has come have its effect."""
        if self._came is not None:
            number, self._came = self._came, None
            self._handlers[number](number, None)

    def _keep(self, number: int, frame: FrameType | None) -> None:
        if self._came is not None:
            self._handlers[number](number, frame)
        self._came = number


@contextmanager
def termination() -> Iterator[None]:
    """Within it, SIGTERM raises `Terminated`."""

    def terminate(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
