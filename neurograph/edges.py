"""In what form do listed synapses reach the builder?

In pieces of 65,536, whatever the source: arrays, a rule that computes them, a file. Nobody holds them all. The piece is
fixed, not a share of the memory budget, so that sums over pieces do not depend on the budget.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.ids import IdMap

PIECE = 2**16
# Of each sign; beyond that, values are not listed one by one.
MAX_DISTINCT = 2**16

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class EdgePiece(NamedTuple):
    """Some consecutive synapses of a list, each array (synapses,).

    Attributes
    ----------
    source, target : int64
        Counted within their populations.
    weight, delay : float64 or None
        In the receptor's unit and in ms; None if the projection draws them.
    """

    source: I64
    target: I64
    weight: F64 | None
    delay: F64 | None


class EdgeStream(ABC):
    """An edge rule whose synapses come from outside, piece by piece.

    Attributes
    ----------
    count : int
        Synapses in all.
    identity : str
        Equal for two streams exactly if they give the same synapses.
    """

    count: int
    identity: str

    @abstractmethod
    def pieces(self, start: int = 0) -> Iterator[EdgePiece]:
        """Yield the synapses from number ``start`` on, in pieces of any size."""


@dataclass(frozen=True, eq=False)
class ListedValues:
    """What must be known of listed weights or delays beforehand, without holding them.

    Attributes
    ----------
    count : int
    low, high : float
        Smallest and largest; 0 if there are none.
    negative, positive : (n,) float64 or None
        The different values below 0, and those from 0 on, ascending; None if there are more than 65,536.
    pieces : function
        Passes over all values again.
    array : (count,) or None
        The values themselves, where the user holds them anyway.
    """

    count: int
    low: float
    high: float
    negative: F64 | None
    positive: F64 | None
    pieces: Callable[[], Iterator[F64]]
    array: NDArray[np.floating[Any]] | None = None

    @classmethod
    def of_array(cls, values: NDArray[np.floating[Any]]) -> "ListedValues":
        """Describe values held in memory."""

        def pieces() -> Iterator[F64]:
            for start in range(0, len(values), PIECE):
                yield np.asarray(values[start : start + PIECE], np.float64)

        return replace(ValueSurvey.over(pieces()).result(pieces), array=values)

    @property
    def largest(self) -> float:
        """Largest magnitude."""
        return max(-self.low, self.high)

    def distinct(self) -> Iterator[F64]:
        """Yield arrays that hold every different value, at least once."""
        if self.negative is None or self.positive is None:
            yield from self.pieces()
        else:
            yield self.negative
            yield self.positive

    def of_sign(self, *, negative: bool) -> "ListedValues":
        """Return the values below 0, or those from 0 on; ``count`` stays that of all."""

        def pieces() -> Iterator[F64]:
            return (piece[(piece < 0) == negative] for piece in self.pieces())

        nothing = np.empty(0)
        if negative:
            return replace(self, high=min(self.high, 0.0), positive=nothing, pieces=pieces, array=None)
        return replace(self, low=max(self.low, 0.0), negative=nothing, pieces=pieces, array=None)


class ValueSurvey:
    """Gathers `ListedValues` piece by piece."""

    def __init__(self) -> None:
        self.count, self._low, self._high = 0, np.inf, -np.inf
        self._sets: list[IdMap | None] = [IdMap(), IdMap()]

    @classmethod
    def over(cls, pieces: Iterator[F64]) -> "ValueSurvey":
        """Return a survey of all pieces."""
        survey = cls()
        for piece in pieces:
            survey.add(piece)
        return survey

    def add(self, values: F64) -> None:
        """Add some values, (n,) float64."""
        if len(values) == 0:
            return
        self.count += len(values)
        self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))
        for k, chosen in enumerate((values < 0, values >= 0)):
            known = self._sets[k]
            if known is not None:
                # Adding 0 makes -0.0 the same bits as 0.0.
                bits = (values[chosen] + 0.0).view(np.int64)
                known.add(bits, bits)
                self._sets[k] = known if len(known) <= MAX_DISTINCT else None

    def result(self, pieces: Callable[[], Iterator[F64]]) -> ListedValues:
        """Return what was found; ``pieces`` passes over the values again."""
        low, high = (self._low, self._high) if self.count else (0.0, 0.0)
        negative, positive = (
            None if found is None else np.sort(found.ordered()[0].view(np.float64)) for found in self._sets
        )
        return ListedValues(self.count, low, high, negative, positive, pieces)
