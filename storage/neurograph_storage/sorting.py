"""In which order do the synapses of a row lie?"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_CODE_BITS = np.uint64(16)


def sort_rows(packed: NDArray[np.uint64], offsets: NDArray[np.int64], digits: int) -> None:
    """Sort rows of synapses as integers (`neurograph_storage.stream.pack`) in place.

    Where a weight has several digits, those of different significance lie in different groups, and what tells which
    belong together is their order: so synapses that differ in nothing but the code stay as they came.

    Parameters
    ----------
    packed : (entries,) uint64
        Row r is ``packed[offsets[r] : offsets[r + 1]]``.
    """
    # NumPy's vectorised sort, called row by row, is 2.5 times as fast as a compiled loop over numba's.
    for first, last in pairwise(offsets.tolist()):
        if digits == 1:
            packed[first:last].sort()
        else:
            packed[first:last] = packed[first:last][np.argsort(packed[first:last] >> _CODE_BITS, kind="stable")]
