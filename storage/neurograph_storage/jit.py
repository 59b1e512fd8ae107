"""How are kernels compiled?

With numba: GIL released, cached on disk, no fast-math (results must not depend on how the compiler reorders sums).
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile ``function`` on first call; later processes load it from the disk cache."""
    return cast("F", numba.njit(nogil=True, cache=True, fastmath=False)(function))
