"""What is the checksum of a granule?

CRC-32C, the sum that Zarr's own codec uses; one uint32 for each 64 KiB of an array's bytes.
"""

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from neurograph_storage.layout import GRANULE_BYTES


def granule_checksums(data: NDArray[np.generic]) -> NDArray[np.uint32]:
    """Return the checksum of each granule of a contiguous array that starts on a granule boundary."""
    view = np.ascontiguousarray(data).view(np.uint8)
    pieces = range(0, len(view), GRANULE_BYTES)
    return np.array([google_crc32c.value(view[i : i + GRANULE_BYTES].tobytes()) for i in pieces], dtype=np.uint32)
