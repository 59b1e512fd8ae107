"""Which distributions are made from the normal one?

Each is a frozen description and offers what `neurograph.distributions.Distribution` asks for. All end seven standard
deviations from the middle, so that weights and delays have a smallest and a largest value.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neurograph_storage.errors import ArgumentError

# Beyond seven standard deviations lies less than 3e-12 of a normal distribution.
_TAIL = 7.0
# With a larger sigma, seven of them are more than a float holds.
_MAX_SIGMA = 100.0


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
        check_bounds(self, self.low, self.high)

    def bounds(self) -> tuple[float, float]:
        """Return the bounds given, or seven standard deviations to either side."""
        middle, side = self.mean, _TAIL * self.std
        low, high = clipped(np.array([middle - side, middle + side]), self.low, self.high)
        return float(low), float(high)

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each probability."""
        values = self.mean + self.std * np.clip(special.ndtri(u), -_TAIL, _TAIL)
        return clipped(values, self.low, self.high)

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a value no larger than each ``x``."""
        low, high = self.bounds()
        inner = special.ndtr((x - self.mean) / self.std) if self.std > 0 else (x >= self.mean).astype(np.float64)
        return np.where(x >= high, 1.0, np.where(x < low, 0.0, inner))


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
class LogNormal:
    """Lognormal distribution, ``median * exp(sigma * z)`` with z standard normal.

    What falls outside ``low`` or ``high`` is moved to that bound. Weights share one scale with the largest of their
    receptor, and without a bound that is ``exp(7 sigma)`` medians: a bound makes the others finer.

    Parameters
    ----------
    median : float
        Negative for values that are all negative, as inhibitory weights are; not 0.
    sigma : float
        Standard deviation of the logarithm, 0 to 100.
    low, high : float or None
        Bounds, inclusive.
    """

    median: float
    sigma: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.median) and self.median != 0):
            raise ArgumentError(f"LogNormal.median is {self.median}, it must be positive or negative, and finite")
        if not 0 <= self.sigma <= _MAX_SIGMA:
            raise ArgumentError(f"LogNormal.sigma is {self.sigma}, allowed are 0 to {_MAX_SIGMA:g}")
        check_bounds(self, self.low, self.high)

    def bounds(self) -> tuple[float, float]:
        """Return the bounds given, or the values at seven sigma."""
        low, high = np.sort(self._value(np.array([-_TAIL, _TAIL])))
        return float(low), float(high)

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each probability."""
        return self._value(np.sign(self.median) * np.clip(special.ndtri(u), -_TAIL, _TAIL))

    def cumulative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a value no larger than each ``x``."""
        low, high = self.bounds()
        return np.where(x >= high, 1.0, np.where(x < low, 0.0, self._inner(x)))

    def _value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return clipped(self.median * np.exp(self.sigma * z), self.low, self.high)

    def _inner(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the cumulative probability before bounds."""
        if self.sigma == 0:
            return (x >= self.median).astype(np.float64)
        # On the other side of 0 there is nothing: all of it is below a positive x, or above a negative one.
        ratio = np.maximum(x / self.median, np.finfo(np.float64).tiny)
        inner: NDArray[np.float64] = special.ndtr(np.sign(self.median) * np.log(ratio) / self.sigma)
        return inner


def check_bounds(distribution: object, low: float | None, high: float | None) -> None:
    """Refuse a lower bound above the upper one."""
    if low is not None and high is not None and low > high:
        raise ArgumentError(f"{type(distribution).__name__}.low is {low}, above high {high}")


def clipped(values: NDArray[np.float64], low: float | None, high: float | None) -> NDArray[np.float64]:
    """Return ``values`` with what is outside ``low`` or ``high`` moved to that bound; None is no bound."""
    return np.clip(values, -np.inf if low is None else low, np.inf if high is None else high)
