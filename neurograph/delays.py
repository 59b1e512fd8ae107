"""How does a delay in ms become whole steps?

Rounded to the grid, halves up; never below one step. `largest_rounding` says what that changed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.distributions import Distribution, discrete
from neurograph.draws import DiscreteTable
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
    table = discrete(delay, dt)
    problem = _out_of_range(table.values, dt)
    if problem:
        raise ArgumentError(f"{problem}; bound the distribution with low= and high=")
    return table


def delay_steps(delays: NDArray[np.floating[Any]], dt: float) -> NDArray[np.int64]:
    """Return listed delays, (synapses,) in ms, as steps.

    Raises
    ------
    DataError
        If one is shorter than one step or longer than the format allows.
    """
    steps: NDArray[np.int64] = np.floor(delays / dt + 0.5).astype(np.int64)
    problem = _out_of_range(steps, dt)
    if problem:
        raise DataError(problem)
    return steps


def largest_rounding(network: Network) -> float:
    """Return by how much, in ms, rounding changes a delay that was given as a number."""
    return max((_rounding(projection, network.dt) for projection in network.projections), default=0.0)


def _rounding(projection: Projection, dt: float) -> float:
    delay = projection.delay
    if isinstance(delay, np.ndarray):
        return float(np.abs(delay_steps(delay, dt) * dt - delay).max(initial=0.0))
    bounds = delay.bounds() if hasattr(delay, "bounds") else (0.0, 1.0)
    constant = bounds[0] if bounds[0] == bounds[1] else 0.0
    return abs(float(np.floor(constant / dt + 0.5)) * dt - constant)


def _out_of_range(steps: NDArray[np.int64], dt: float) -> str | None:
    if len(steps) and steps.min() < 1:
        found = f"a delay of {steps.min() * dt:g} ms is shorter than one step"
        return f"{found}; allowed are {dt:g} to {MAX_DELAY_STEPS * dt:g} ms"
    if len(steps) and steps.max() > MAX_DELAY_STEPS:
        return f"a delay of {steps.max() * dt:g} ms is too long; allowed are {dt:g} to {MAX_DELAY_STEPS * dt:g} ms"
    return None
