"""Which weights can be told apart, once they are integers?

All weights of one receptor share one scale: weight = code x scale, codes are 16 or 8 bits wide.

1. If every weight is one of few values (constants, listed arrays), look for a unit they are all exact multiples of:
   of the smallest weight's fractions, or where the smallest difference says.
2. Otherwise the largest absolute weight gets the largest code, and the rounding error is measured and reported.
3. Unless weights must be exact: then they are written with several codes each (`neurograph.digits`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.digits import binary_unit, split
from neurograph.distributions import Constant, Distribution
from neurograph.edges import MAX_DISTINCT, ListedValues
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.layout import MAX_CODE

Weights = Distribution | ListedValues | NDArray[np.floating[Any]]
MAX_BITS = 16
# A unit is the smallest weight divided by one of these; beyond that, rounding is as good.
_DIVISORS = 1024
# Weights that were codes before have two, among many, that are at most so many units apart.
_FEW_UNITS = 16


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
    digits : int
        Codes of a weight; if several, the unit is that of the last one (`neurograph.digits`).
    """

    unit: float
    max_error: float = 0.0
    rms_error: float = 0.0
    max_code: int = MAX_CODE
    digits: int = 1

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

    def encode_digits(self, weights: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the codes of each weight, (weights, digits) int64; see `encode`."""
        if self.digits == 1:
            return self.encode(weights).astype(np.int64)[:, np.newaxis]
        return split(weights, self.unit, self.digits)


def choose_scale(weights: list[Weights], unit: float | None = None, *, bits: int = 16, exact: bool = False) -> Scale:
    """Return the scale for all weights of one receptor.

    Parameters
    ----------
    weights : list
        Distributions and arrays of listed weights, in the receptor's unit.
    unit : float, optional
        Demand this unit, of which constant and listed weights must be exact multiples; drawn ones are rounded to it.
    bits : {16, 8}
        Width of the codes.
    exact : bool
        Refuse to round, and give weights as many digits as they need.

    Raises
    ------
    ArgumentError, DataError
    """
    if bits not in (8, MAX_BITS):
        raise ArgumentError(f"weight bits are {bits}, allowed are 8 and 16")
    max_code = 2 ** (bits - 1) - 1
    listed = [found for found in map(_as_listed, weights) if found is not None]
    drawn = [bound for w in weights if _as_listed(w) is None for bound in w.bounds()]  # type: ignore[union-attr]
    if exact and (drawn or bits != MAX_BITS):
        what = "drawn weights" if drawn else f"codes of {bits} bits"
        raise ArgumentError(f"{what} are rounded, so they cannot be exact; list the weights, or leave out 'exact'")
    if unit is not None:
        return _demanded(unit, listed, max_code, drawn)
    found = None if drawn else _common_unit(_magnitudes(listed), max_code)
    if found is not None:
        return Scale(found, max_code=max_code)
    if exact:
        binary, digits = binary_unit(listed)
        return Scale(binary, digits=digits)
    largest = max([*(values.largest for values in listed), *map(abs, drawn)], default=0.0)
    return _measured(largest / max_code if largest > 0 else 1.0, listed, max_code, drawn=bool(drawn))


def _as_listed(weights: Weights) -> ListedValues | None:
    """Return constant and listed weights as listed ones, None for drawn ones."""
    if isinstance(weights, Constant):
        return ListedValues.of_array(np.array([weights.value]))
    if isinstance(weights, np.ndarray):
        return ListedValues.of_array(weights)
    return weights if isinstance(weights, ListedValues) else None


def _magnitudes(listed: list[ListedValues]) -> NDArray[np.float64] | None:
    """Return the different magnitudes, ascending, or None if there are too many values."""
    parts = [part for values in listed for part in (values.negative, values.positive)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or sum(map(len, known)) > MAX_DISTINCT:
        return None
    return np.unique(np.abs(np.concatenate([np.empty(0), *known])))


def _demanded(unit: float, listed: list[ListedValues], max_code: int, bounds: list[float]) -> Scale:
    if not (np.isfinite(unit) and unit > 0):
        raise ArgumentError(f"weight unit is {unit}, it must be positive")
    scale = Scale(unit, max_code=max_code)
    if bounds:
        # Drawn weights are on no grid: they must fit, and are rounded.
        scale.encode(np.array(bounds))
        scale = Scale(unit, unit / 2, unit / float(np.sqrt(12)), max_code)
    for values in (part for weights in listed for part in weights.distinct()):
        wrong = scale.encode(values) * unit != values
        if wrong.any():
            raise DataError(f"weight {values[wrong][0]} is not a multiple of the weight unit {unit:g}")
    return scale


def _common_unit(magnitudes: NDArray[np.float64] | None, max_code: int) -> float | None:
    """Return the largest unit of which all magnitudes are exact multiples, or None."""
    if magnitudes is None:
        return None
    magnitudes = magnitudes[magnitudes > 0]
    if len(magnitudes) == 0:
        return 1.0
    for divisor in range(1, _DIVISORS + 1):
        unit = float(magnitudes[0] / divisor)
        if unit == 0 or float(magnitudes[-1]) / unit > max_code + 1:
            break
        codes = np.round(magnitudes / unit)
        if codes[-1] > max_code:
            break
        if np.array_equal(codes * unit, magnitudes):
            return unit
    return _unit_of_codes(magnitudes, max_code)


def _unit_of_codes(magnitudes: NDArray[np.float64], max_code: int) -> float | None:
    """Return the unit of weights that were codes before, times a unit with a long fraction: those of an export.

    The smallest difference is the unit, or a few of them, but for what floats lose; which of the numbers around it is
    decided by what multiplies exactly.
    """
    if len(magnitudes) < 2:
        return None
    difference, largest = float(np.diff(magnitudes).min()), float(magnitudes[-1])
    for divisor in range(1, _FEW_UNITS + 1):
        steps = round(largest * divisor / difference)
        if steps > max_code:
            return None
        unit = largest / steps
        for candidate in (unit, *(float(np.nextafter(unit, end)) for end in (0.0, np.inf))):
            if np.array_equal(np.round(magnitudes / candidate) * candidate, magnitudes):
                return candidate
    return None


def _measured(unit: float, listed: list[ListedValues], max_code: int, *, drawn: bool) -> Scale:
    """Return the scale of a unit that rounds, with the errors measured in one more pass over the listed weights."""
    largest, squares, count = 0.0, 0.0, 1
    for values in (piece for weights in listed for piece in weights.pieces()):
        errors = np.floor(values / unit + 0.5) * unit - values
        largest, squares = max(largest, float(np.abs(errors).max(initial=0.0))), squares + float(np.sum(errors**2))
        count += len(errors)
    rms = float(np.sqrt(squares / count))
    if drawn:
        largest, rms = max(largest, unit / 2), max(rms, unit / float(np.sqrt(12)))
    return Scale(unit, largest, rms, max_code)
