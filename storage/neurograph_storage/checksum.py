"""What is the checksum of a granule?

CRC-32C, the sum that Zarr's own codec uses; one uint32 for each 64 KiB of an array's bytes.

Where the processor has an instruction for it, whole granules are summed by a kernel, which neither copies them nor
holds the GIL; elsewhere, and for the rest of an array, by google-crc32c.
"""

import platform
from collections.abc import Callable
from typing import Any, cast

import google_crc32c
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from neurograph_storage.jit import get_function, kernel
from neurograph_storage.layout import GRANULE_BYTES

_HAS_INSTRUCTION = platform.machine() in ("x86_64", "AMD64")
_ALL_ONES = np.uint64(0xFFFFFFFF)


def _word_added(context: Any, sum_so_far: Any, word: Any) -> Any:  # noqa: ARG001 (numba's typing context)
    """In a kernel: return the sum with eight more bytes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(64)
        function = get_function(builder.module, ir.FunctionType(word, [word, word]), "llvm.x86.sse42.crc32.64.64")
        return builder.call(function, arguments)

    return types.uint64(types.uint64, types.uint64), generate


_add_word = cast("Callable[[Any, Any], Any]", intrinsic(_word_added))


@kernel
def _sum_granules(words: NDArray[np.uint64], sums: NDArray[np.uint32]) -> None:
    """Write the checksum of each row of ``words``, (granules, 8192) uint64."""
    for g in range(len(sums)):
        total = _ALL_ONES
        for word in words[g]:
            total = _add_word(total, word)
        sums[g] = np.uint32(total ^ _ALL_ONES)


def granule_checksums(data: NDArray[np.generic]) -> NDArray[np.uint32]:
    """Return the checksum of each granule of a contiguous array that starts on a granule boundary."""
    view = np.ascontiguousarray(data).view(np.uint8)
    whole = len(view) // GRANULE_BYTES if _HAS_INSTRUCTION else 0
    sums = np.empty(-(-len(view) // GRANULE_BYTES), np.uint32)
    if whole:
        _sum_granules(view[: whole * GRANULE_BYTES].view(np.uint64).reshape(whole, -1), sums[:whole])
    for g in range(whole, len(sums)):
        sums[g] = google_crc32c.value(view[g * GRANULE_BYTES : (g + 1) * GRANULE_BYTES].tobytes())
    return sums
