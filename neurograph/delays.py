"""How does a delay in ms become whole steps?

Rounded to the grid, halves up; what rounds to less than one step is refused. `largest_rounding` says what that changed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.distributions import Distribution, discrete
from neurograph.draws import DiscreteTable
from neurograph.edges import ListedValues
from neurograph.network import Network, Projection
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.layout import MAX_DELAY_STEPS


def delay_table(delay: Distribution, dt: float) -> DiscreteTable:
    """Return the distribution of a delay in steps.

    Raises
    ------
    ArgumentError
        If it can be shorter than one step or longer than the format allows.
    """
    check_delays(delay.bounds(), dt)
    return discrete(delay, dt)


def check_delays(bounds: tuple[float, float], dt: float) -> None:
    """Refuse smallest and largest delay, in ms, that are not one step to as many as the format allows.

    Raises
    ------
    ArgumentError
    """
    problem = _out_of_range(np.array(bounds), dt)
    if problem:
        raise ArgumentError(f"{problem}; bound the distribution with low= and high=")


def delay_steps(delays: NDArray[np.floating[Any]], dt: float) -> NDArray[np.int64]:
    """Return listed delays, (synapses,) in ms, as steps.

    Raises
    ------
    DataError
        If one is shorter than one step or longer than the format allows.
    """
    problem = _out_of_range(delays, dt)
    if problem:
        raise DataError(problem)
    steps: NDArray[np.int64] = np.floor(delays / dt + 0.5).astype(np.int64)
    return steps


def largest_rounding(network: Network) -> float:
    """Return by how much, in ms, rounding changes a delay that was given as a number."""
    return max((_rounding(projection, network.dt) for projection in network.projections), default=0.0)


def _rounding(projection: Projection, dt: float) -> float:
    delay = projection.delay
    if isinstance(delay, ListedValues):
        # The extremes first, so that a bad delay is named whichever piece it is in.
        delay_steps(np.array([delay.low, delay.high])[: 2 * delay.count], dt)
        changes = (np.abs(delay_steps(values, dt) * dt - values).max(initial=0.0) for values in delay.distinct())
        return max((float(change) for change in changes), default=0.0)
    low, high = projection.bounds(delay)
    constant = low if low == high else 0.0
    return abs(float(np.floor(constant / dt + 0.5)) * dt - constant)


def _out_of_range(delays: NDArray[np.floating[Any]], dt: float) -> str | None:
    """Say which of the delays, in ms, is not one to 8,191 steps when rounded."""
    steps = np.floor(np.asarray(delays, np.float64) / dt + 0.5)
    allowed = f"allowed are {dt:g} to {MAX_DELAY_STEPS * dt:g} ms"
    if len(steps) and steps.min() < 1:
        return f"a delay of {delays[steps.argmin()]:g} ms is shorter than one step; {allowed}"
    if len(steps) and steps.max() > MAX_DELAY_STEPS:
        return f"a delay of {delays[steps.argmax()]:g} ms is too long; {allowed}"
    return None
