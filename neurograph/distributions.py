"""Which values can a weight, a delay or a start value take, and how are they drawn?

A frozen description each; `Constant` is what a plain number becomes. `discrete` gives the exact distribution of the
value rounded to a grid, so that drawing is a table look-up on integers and the same on every machine.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph.draws import DiscreteTable
from neurograph_storage.errors import ArgumentError

# Beyond seven standard deviations lies less than 3e-12 of a normal distribution.
_TAIL = 7.0


class Distribution(Protocol):
    """What all distributions offer."""

    def bounds(self) -> tuple[float, float]:
        """Return the smallest and largest value that can be drawn."""

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each probability in (0, 1)."""

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a value no larger than each ``x``."""


@dataclass(frozen=True)
class Constant:
    """Always the same value."""

    value: float

    def bounds(self) -> tuple[float, float]:
        """Return the value twice."""
        return self.value, self.value

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value for each probability."""
        return np.full(len(u), self.value)

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a step at the value."""
        return (x >= self.value).astype(np.float64)


@dataclass(frozen=True)
class Normal:
    """Normal distribution; what falls outside ``low`` or ``high`` is moved to that bound.

    Parameters
    ----------
    mean, std : float
        ``std`` is at least 0.
    low, high : float or None
        Bounds, inclusive.
    """

    mean: float
    std: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.std >= 0:
            raise ArgumentError(f"Normal.std is {self.std}, it must be at least 0")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ArgumentError(f"Normal.low is {self.low}, above high {self.high}")

    def bounds(self) -> tuple[float, float]:
        """Return the bounds given, or seven standard deviations to either side."""
        low, high = self._clip(np.array([self.mean - _TAIL * self.std, self.mean + _TAIL * self.std]))
        return float(low), float(high)

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each probability."""
        return self._clip(self.mean + self.std * np.clip(special.ndtri(u), -_TAIL, _TAIL))

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a value no larger than each ``x``."""
        low, high = self.bounds()
        inner = special.ndtr((x - self.mean) / self.std) if self.std > 0 else (x >= self.mean).astype(np.float64)
        return np.where(x >= high, 1.0, np.where(x < low, 0.0, inner))

    def _clip(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return np.clip(values, low, high)


@dataclass(frozen=True)
class TruncatedNormal:
    """Normal distribution, drawn again as long as the value is outside ``low`` to ``high``.

    Parameters
    ----------
    mean, std : float
        Before truncation; ``std`` is above 0.
    low, high : float
        Bounds, inclusive.
    """

    mean: float
    std: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ArgumentError(f"TruncatedNormal.std is {self.std}, it must be above 0")
        if not self.low < self.high or self._edges()[1] - self._edges()[0] < 1e-9:
            raise ArgumentError(f"TruncatedNormal has nothing between {self.low} and {self.high}")

    def bounds(self) -> tuple[float, float]:
        """Return low and high."""
        return self.low, self.high

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each probability."""
        low, high = self._edges()
        values = self.mean + self.std * special.ndtri(low + u * (high - low))
        return np.clip(values, self.low, self.high)

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a value no larger than each ``x``."""
        low, high = self._edges()
        return np.clip((special.ndtr((x - self.mean) / self.std) - low) / (high - low), 0.0, 1.0)

    def _edges(self) -> tuple[float, float]:
        """Return the probability below low and below high, before truncation."""
        low, high = (float(special.ndtr((bound - self.mean) / self.std)) for bound in (self.low, self.high))
        return low, high


@dataclass(frozen=True)
class Uniform:
    """Uniform distribution between ``low`` and ``high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ArgumentError(f"Uniform.low is {self.low}, it must be below high {self.high}")

    def bounds(self) -> tuple[float, float]:
        """Return low and high."""
        return self.low, self.high

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each probability."""
        return self.low + (self.high - self.low) * u

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a value no larger than each ``x``."""
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)


def as_distribution(value: "float | Distribution") -> Distribution:
    """Return ``value`` itself, or `Constant` for a plain number."""
    if isinstance(value, (int, float, np.number)):
        if not np.isfinite(value):
            raise ArgumentError(f"value {value} is not finite")
        return Constant(float(value))
    return value


def discrete(distribution: Distribution, unit: float) -> DiscreteTable:
    """Return the distribution of ``round(value / unit)``, halves rounded up."""
    low, high = (int(np.floor(bound / unit + 0.5)) for bound in distribution.bounds())
    values = np.arange(low, high + 1)
    cumulative = distribution.cumulative(np.nextafter((values + 0.5) * unit, -np.inf))
    cumulative[-1] = 1.0
    return DiscreteTable.from_cumulative(cumulative, values)


def describe(value: "float | Distribution") -> Any:
    """Return a number, or a JSON object that `restore` reads back."""
    if isinstance(value, (int, float)):
        return float(value)
    return {"distribution": type(value).__name__, **vars(value)}


def restore(description: Any) -> "float | Distribution":
    """Return what `describe` described."""
    if not isinstance(description, dict):
        return float(description)
    kinds = {kind.__name__: kind for kind in (Constant, Normal, TruncatedNormal, Uniform)}
    arguments = {key: value for key, value in description.items() if key != "distribution"}
    made: Distribution = kinds[description["distribution"]](**arguments)
    return made
