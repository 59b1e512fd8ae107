"""How is progress shown? On standard error, only on a terminal, only for what takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(description: str, unit: str, total: int | None = None) -> Iterator[Callable[..., object]]:
    """Yield a function to be called with the amount just done, and the total where it is not known before.

    The bar shows rate and time left.
    """
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

        def update(done: int, of: int | None = None) -> None:
            bar.total = bar.total if of is None else of
            bar.update(done)

        yield update
