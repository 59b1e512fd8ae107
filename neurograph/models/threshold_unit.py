"""A binary threshold unit: sums what arrives, and spikes at the threshold. For sparse activations on a graph.

    x(t) = exp(-dt/tau) x(t - 1) + sum of the weights that arrive at t        spike at x >= threshold: x = 0

Without memory (tau = 0) it is the unit of McCulloch and Pitts 1943, Bull. Math. Biophys. 5:115, evaluated wherever
something arrives: with delays of one step a layered graph computes one layer a step.
"""

import math
from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.step_model import StepModel
from neurograph_storage.errors import ArgumentError


class ThresholdUnit(StepModel):
    """Binary unit that spikes in the step in which the sum of its inputs reaches the threshold.

    Parameters
    ----------
    threshold : float
        In the unit of the weights; above 0, or the unit would spike without input.
    tau : float
        Time constant with which the sum is forgotten, in ms; at 0 it is forgotten at once.
    """

    threshold: float = 1.0
    tau: float = 0.0

    receptors = (Receptor("input", "1"),)
    states = ("x",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("threshold")
        if self.tau < 0:
            raise ArgumentError(f"ThresholdUnit.tau is {self.tau}, it must be at least 0 ms")

    def derived(self, dt: float) -> dict[str, float]:
        """Return how much of the sum is left after a step."""
        return {"left": math.exp(-dt / self.tau) if self.tau > 0 else 0.0}

    @staticmethod
    def step(x: Any, input: Any, threshold: Any, left: Any) -> tuple[Any, Any]:  # noqa: A002 (the receptor's name)
        """Advance one unit; see `StepModel`."""
        x = x * left + input
        spiked = x >= threshold
        return 0.0 if spiked else x, spiked
