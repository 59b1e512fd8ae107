"""Which values can a weight, a delay or a start value take, and how are they drawn?

A frozen description each; `Constant` is what a plain number becomes. `discrete` gives the exact distribution of the
value rounded to a grid, so that drawing is a table look-up on integers and the same on every machine.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.draws import DiscreteTable
from neurograph.normals import LogNormal, Normal, TruncatedNormal, check_bounds, clipped
from neurograph_storage.errors import ArgumentError


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


@dataclass(frozen=True)
class LinearInDistance:
    """Weight or delay that follows the distance between source and target; goes with `DistanceOutdegree`.

    The value is ``base + slope * distance``; what falls outside ``low`` or ``high`` is moved to that bound. With a
    conduction speed, the slope of a delay is 1 / speed.

    Parameters
    ----------
    base : float
        Value at distance 0, in pA, mV or ms.
    slope : float
        Change of the value with each mm.
    low, high : float or None
        Bounds, inclusive.
    """

    base: float
    slope: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not np.isfinite([self.base, self.slope]).all():
            raise ArgumentError(f"LinearInDistance has base {self.base} and slope {self.slope}; both must be finite")
        check_bounds(self, self.low, self.high)

    def bounds(self, reach: float) -> tuple[float, float]:
        """Return the smallest and largest value at distances of 0 to ``reach`` mm."""
        low, high = clipped(np.sort([self.base, self.base + self.slope * reach]), self.low, self.high)
        return float(low), float(high)


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
    kinds = {kind.__name__: kind for kind in (Constant, LogNormal, Normal, TruncatedNormal, Uniform)}
    arguments = {key: value for key, value in description.items() if key != "distribution"}
    made: Distribution = kinds[description["distribution"]](**arguments)
    return made
