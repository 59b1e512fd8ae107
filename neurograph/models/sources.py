"""Neurons that spike when they are told to: a parrot, a spike source, a Poisson source.

All three spike in the step in which something of positive weight arrives, and have no state. A neuron spikes at most
once a step, so what arrives together is repeated once (NEST's ``parrot_neuron`` repeats each event).
"""

import math
from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.step_model import StepModel
from neurograph_storage.errors import ArgumentError


class Parrot(StepModel):
    """Repeats what arrives: spikes in each step in which an event of positive weight does; others are ignored."""

    receptors = (Receptor("repeat", "1"), Receptor("ignore", "1"))
    states = ()

    @staticmethod
    def step(repeat: Any) -> tuple[Any]:
        """Advance one neuron; see `StepModel`."""
        return (repeat > 0.0,)


class SpikeSource(StepModel):
    """Spikes exactly when events from outside say so: those of a file, or of `Simulation.inject`, with weight 1."""

    receptors = (Receptor("fire", "1"),)
    states = ()

    @staticmethod
    def step(fire: Any) -> tuple[Any]:
        """Advance one neuron; see `StepModel`."""
        return (fire > 0.0,)


class PoissonSource(StepModel):
    """Spikes at random, each neuron by itself: in each step with probability ``rate`` x dt.

    `Network.population` gives each such population the `PoissonInput` that does it, so its draws are those of all
    drives: decided by seed, original id and step alone. Events that arrive make it spike as well.

    Parameters
    ----------
    rate : float
        Hz, at least 0, and below one spike a step.
    """

    rate: float = 10.0

    receptors = (Receptor("fire", "1"),)
    states = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate < 0:
            raise ArgumentError(f"PoissonSource.rate is {self.rate} Hz, it must be at least 0")

    def event_rate(self, dt: float) -> float:
        """Return the rate of events, in Hz, of which a step holds at least one with probability ``rate`` x dt.

        Raises
        ------
        ArgumentError
            If the rate is a spike a step or more.
        """
        if self.rate * dt >= 1000.0:
            raise ArgumentError(f"PoissonSource.rate is {self.rate} Hz, but a step of {dt} ms holds one spike at most")
        return -math.log1p(-self.rate * dt / 1000.0) * 1000.0 / dt

    @staticmethod
    def step(fire: Any) -> tuple[Any]:
        """Advance one neuron; see `StepModel`."""
        return (fire > 0.0,)
