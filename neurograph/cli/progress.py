"""How is progress shown? On standard error, only on a terminal, only for what takes longer than two seconds."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

_DELAY = 2.0  # s


@contextmanager
def progress_bar(
    description: str, unit: str, total: int | None = None, *, waiting: str | None = None
) -> Iterator[Callable[..., object]]:
    """Yield a function to be called with the amount just done, and the total where it is not known before.

    The bar shows rate and time left. ``waiting`` is said, once, if nothing at all is done for two seconds.
    """
    from tqdm import tqdm

    notice = Timer(_DELAY, lambda: print(waiting, file=sys.stderr, flush=True))  # noqa: T201
    notice.daemon = True
    if waiting and sys.stderr.isatty():
        notice.start()

    binary = 1024 if unit == "B" else 1000
    with tqdm(
        desc=description,
        total=total,
        unit=unit,
        unit_scale=True,
        unit_divisor=binary,
        delay=_DELAY,
        disable=None,
        leave=False,
    ) as bar:

        def update(done: int, of: int | None = None) -> None:
            notice.cancel()
            bar.total = bar.total if of is None else of
            bar.update(done)

        try:
            yield update
        finally:
            notice.cancel()
