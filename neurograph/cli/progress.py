"""How is progress shown? On standard error, only on a terminal, only for what takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(description: str, total: int | None, unit: str) -> Iterator[Callable[[int], object]]:
    """Yield a function to be called with the amount just done; the bar shows rate and time left."""
    from tqdm import tqdm

    binary = 1024 if unit == "B" else 1000
    with tqdm(
        desc=description,
        total=total,
        unit=unit,
        unit_scale=True,
        unit_divisor=binary,
        delay=2,
        disable=None,
        leave=False,
    ) as bar:
        yield bar.update
