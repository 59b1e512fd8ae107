"""The model of Izhikevich 2003: two equations that give many firing patterns.

    dv/dt = 0.04 v^2 + 5 v + 140 - u + I_e + current        du/dt = a (b v - u)
    spike at v >= 30: v = c, u += d        v += weight of each event

Method: forward Euler, both equations from the values before the step, as NEST's ``izhikevich`` with its default
``consistent_integration``; with NEST it agrees spike for spike. What arrives counts for the threshold of the same step.
The paper's own script takes two half steps of v in a step of 1 ms; here the step is that of the circuit.
Source: Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569, equations 1 to 3.
"""

from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.step_model import StepModel


class Izhikevich(StepModel):
    """Izhikevich neuron; defaults are those of the paper's regular spiking cell.

    Time is in ms and v in mV; u and currents are in mV/ms.

    Parameters
    ----------
    a : float
        Rate of recovery, in 1/ms.
    b : float
        Sensitivity of the recovery u to v.
    c, V_th : float
        Reset and peak of v, in mV.
    d : float
        What a spike adds to u, in mV/ms.
    I_e : float
        Constant current, in mV/ms.
    """

    a: float = 0.02
    b: float = 0.2
    c: float = -65.0
    d: float = 8.0
    V_th: float = 30.0
    I_e: float = 0.0

    receptors = (Receptor("membrane", "mV"),)
    currents = (Receptor("current", "mV/ms"),)
    states = ("v", "u")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_below("c", "V_th")

    def default_state(self) -> dict[str, float]:
        """Return v = -65 mV and u = b v, as in the paper's script."""
        return {"v": -65.0, "u": -65.0 * self.b}

    @staticmethod
    def step(
        v: Any, u: Any, membrane: Any, current: Any, a: Any, b: Any, c: Any, d: Any, V_th: Any, I_e: Any, dt: Any
    ) -> tuple[Any, Any, Any]:
        """Advance one neuron; see `StepModel`."""
        moved = v + dt * (0.04 * v * v + 5.0 * v + 140.0 - u + current + I_e) + membrane
        u = u + dt * a * (b * v - u)
        spiked = moved >= V_th
        return c if spiked else moved, u + d if spiked else u, spiked
