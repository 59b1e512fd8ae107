"""Which forms can rows have on disk?

| codec | words of a row | read by |
|---|---|---|
| `raw` | as `neurograph_storage.stream` describes them | mapping the files, without a copy |
| `compressed` | the bits of `neurograph_storage.compress`, about 0.6 times as many | turning them into plain ones |

Both are rows of 16-bit words, one behind the other, with the same arrays around them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.compress import compress
from neurograph_storage.decompress import decompress
from neurograph_storage.errors import ArgumentError
from neurograph_storage.rows import Rows

RAW, COMPRESSED = "raw", "compressed"
CODECS = (RAW, COMPRESSED)


class Encoded(NamedTuple):
    """Consecutive rows, and the words that lie on disk for them.

    Attributes
    ----------
    rows : Rows
    starts : (rows + 1,) int64
        First word on disk of each row, and the end.
    words : (words,) uint16
    """

    rows: Rows
    starts: NDArray[np.int64]
    words: NDArray[np.uint16]


def check_codec(codec: str) -> None:
    """Refuse a codec that does not exist.

    Raises
    ------
    ArgumentError
    """
    if codec not in CODECS:
        raise ArgumentError(f"codec is {codec!r}, allowed are {', '.join(CODECS)}")


def encode(rows: Rows, codec: str) -> Encoded:
    """Return rows with the words to be stored."""
    if codec == RAW:
        return Encoded(rows, rows.starts, rows.words)
    return Encoded(rows, *compress(rows.words, rows.starts, rows.block_neurons))


def decode(starts: NDArray[np.int64], words: NDArray[np.uint16], block_neurons: int, codec: str) -> Rows:
    """Return stored words as rows.

    Raises
    ------
    CorruptionError
        If compressed words say nothing; its ``row`` counts from the first one here.
    """
    if codec == RAW:
        return Rows(starts, words, block_neurons)
    return Rows(*decompress(words, starts, block_neurons), block_neurons)
