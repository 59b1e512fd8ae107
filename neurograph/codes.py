"""Which weights can be told apart, once they are integers?

All weights of one receptor share one scale: weight = code x scale, codes are 16 or 8 bits wide.

1. If every weight is one of few values (constants, listed arrays), look for a unit they are all exact multiples of.
2. Otherwise the largest absolute weight gets the largest code, and the rounding error is measured and reported.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.distributions import Constant, Distribution
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.layout import MAX_CODE

Weights = Distribution | NDArray[np.floating[Any]]
# A unit is the smallest weight divided by one of these; beyond that, rounding is as good.
_DIVISORS = 1024
_MAX_DISTINCT = 2**16


@dataclass(frozen=True)
class Scale:
    """How the weights of one receptor are coded.

    Attributes
    ----------
    unit : float
        Weight of code 1, in the receptor's unit.
    max_error, rms_error : float
        Largest and root-mean-square difference between a stored weight and the one asked for; 0 if exact.
    max_code : int
        Largest absolute code.
    """

    unit: float
    max_error: float = 0.0
    rms_error: float = 0.0
    max_code: int = MAX_CODE

    def encode(self, weights: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
        """Return the code of each weight.

        Raises
        ------
        DataError
            If a weight is beyond the largest code.
        """
        codes = np.floor(weights / self.unit + 0.5)
        beyond = np.abs(codes) > self.max_code
        if beyond.any():
            largest = self.max_code * self.unit
            raise DataError(
                f"weight {weights[beyond][0]} does not fit: with unit {self.unit:g} it may be {largest:g} at most"
            )
        narrow: NDArray[np.int16] = codes.astype(np.int16)
        return narrow


def choose_scale(weights: list[Weights], unit: float | None = None, *, bits: int = 16) -> Scale:
    """Return the scale for all weights of one receptor.

    Parameters
    ----------
    weights : list
        Distributions and arrays of listed weights, in the receptor's unit.
    unit : float, optional
        Demand this unit, of which constant and listed weights must be exact multiples; drawn ones are rounded to it.
    bits : {16, 8}
        Width of the codes.

    Raises
    ------
    ArgumentError, DataError
    """
    if bits not in (8, 16):
        raise ArgumentError(f"weight bits are {bits}, allowed are 8 and 16")
    max_code = 2 ** (bits - 1) - 1
    listed = [np.array([w.value]) if isinstance(w, Constant) else w for w in weights]
    arrays = [np.asarray(w, np.float64) for w in listed if isinstance(w, np.ndarray)]
    values = np.concatenate([np.empty(0), *(np.unique(a) for a in arrays)])
    drawn = [w for w in listed if not isinstance(w, np.ndarray)]
    if unit is not None:
        return _demanded(unit, values, max_code, [bound for w in drawn for bound in w.bounds()])
    found = None if drawn or len(values) > _MAX_DISTINCT else _common_unit(np.unique(np.abs(values)), max_code)
    if found is not None:
        return Scale(found, max_code=max_code)
    largest = max([*np.abs(values), *(abs(b) for w in drawn for b in w.bounds())], default=0.0)
    return _measured(largest / max_code if largest > 0 else 1.0, arrays, max_code, drawn=bool(drawn))


def _demanded(unit: float, values: NDArray[np.float64], max_code: int, bounds: list[float]) -> Scale:
    if not (np.isfinite(unit) and unit > 0):
        raise ArgumentError(f"weight unit is {unit}, it must be positive")
    scale = Scale(unit, max_code=max_code)
    if bounds:
        # Drawn weights are on no grid: they must fit, and are rounded.
        scale.encode(np.array(bounds))
        scale = Scale(unit, unit / 2, unit / float(np.sqrt(12)), max_code)
    wrong = scale.encode(values) * unit != values
    if wrong.any():
        raise DataError(f"weight {values[wrong][0]} is not a multiple of the weight unit {unit:g}")
    return scale


def _common_unit(magnitudes: NDArray[np.float64], max_code: int) -> float | None:
    """Return the largest unit of which all magnitudes are exact multiples, or None."""
    magnitudes = magnitudes[magnitudes > 0]
    if len(magnitudes) == 0:
        return 1.0
    for divisor in range(1, _DIVISORS + 1):
        unit = float(magnitudes[0] / divisor)
        codes = np.round(magnitudes / unit)
        if codes[-1] > max_code:
            return None
        if np.array_equal(codes * unit, magnitudes):
            return unit
    return None


def _measured(unit: float, arrays: list[NDArray[np.float64]], max_code: int, *, drawn: bool) -> Scale:
    errors = np.concatenate([np.zeros(1), *(np.floor(a / unit + 0.5) * unit - a for a in arrays)])
    largest = max(float(np.abs(errors).max()), unit / 2 if drawn else 0.0)
    rms = max(float(np.sqrt(np.mean(errors**2))), unit / np.sqrt(12) if drawn else 0.0)
    return Scale(unit, largest, rms, max_code)
