"""Checksums are CRC-32C, whichever way they are computed."""

import google_crc32c
import numpy as np
import pytest

from neurograph_storage import checksum
from neurograph_storage.layout import GRANULE_BYTES


@pytest.mark.parametrize("instruction", [True, False])
@pytest.mark.parametrize("length", [0, 1, 7, GRANULE_BYTES - 8, GRANULE_BYTES, 3 * GRANULE_BYTES + 5])
def test_sums_are_those_of_the_library(length: int, instruction: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "_HAS_INSTRUCTION", instruction and checksum._HAS_INSTRUCTION)
    data = np.random.default_rng(length).integers(0, 256, length, np.uint8)
    expected = [google_crc32c.value(data[i : i + GRANULE_BYTES].tobytes()) for i in range(0, length, GRANULE_BYTES)]
    assert checksum.granule_checksums(data).tolist() == expected
    assert checksum.granule_checksums(data[: length // 8 * 8].view(np.float64)).tolist() == [
        google_crc32c.value(data[i : min(i + GRANULE_BYTES, length // 8 * 8)].tobytes())
        for i in range(0, length // 8 * 8, GRANULE_BYTES)
    ]


def test_a_known_sum() -> None:
    """The check value of CRC-32C."""
    assert checksum.granule_checksums(np.frombuffer(b"123456789", np.uint8)).tolist() == [0xE3069283]
