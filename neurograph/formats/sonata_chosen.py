"""Which edges of a SONATA file go to some of its targets, or are of some of its types?

A population of edges whose targets have models of several classes, or whose types name several receptors, is read once
for each.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edge_files import FilePiece
from neurograph.edge_sonata import SonataEdges
from neurograph.ids import Ids


class ChosenEdges:
    """The edges of a file onto some targets, of some types; an `EdgeFile`.

    Parameters
    ----------
    targets : (n,) int64
        Node ids, ascending.
    types : (k,) int64, optional
        All, if not given.
    """

    ids: Ids | None = None
    counted = False

    def __init__(self, file: SonataEdges, targets: Ids, types: NDArray[np.int64] | None) -> None:
        self._file, self._targets, self._types = file, targets, types
        self.path, self.has_delay = file.path, file.has_delay

    @property
    def identity(self) -> list[Any]:
        """See `EdgeFile`."""
        types = None if self._types is None else self._types.tolist()
        return [*self._file.identity, hashlib.sha256(self._targets.tobytes()).hexdigest(), types]

    def pieces(self, start: int = 0) -> Iterator[FilePiece]:
        """See `EdgeFile`."""
        read = 0
        for piece in self._file.pieces():
            inside = np.isin(piece.target, self._targets)
            if self._types is not None:
                inside &= np.isin(self._file.types(read), self._types)
            read += len(piece.source)
            chosen = np.flatnonzero(inside)
            skipped, start = min(start, len(chosen)), max(0, start - len(chosen))
            chosen = chosen[skipped:]
            delay = None if piece.delay is None else piece.delay[chosen]
            yield FilePiece(piece.source[chosen], piece.target[chosen], piece.weight[chosen], delay)

    def weights(self) -> Iterator[NDArray[Any]]:
        """See `EdgeFile`."""
        return (piece.weight for piece in self.pieces())

    def delays(self) -> Iterator[NDArray[np.float64]]:
        """See `EdgeFile`."""
        return (piece.delay for piece in self.pieces() if piece.delay is not None)

    def widen(self) -> bool:
        """See `EdgeFile`; types are known."""
        return False
