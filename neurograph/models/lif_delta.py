"""Leaky integrate-and-fire with inputs that jump the membrane potential, integrated exactly.

    C_m dV/dt = -C_m/tau_m (V - E_L) + I_e + current        V += weight of each event

Source: Rotter and Diesmann 1999, Biol. Cybern. 81:381, section 3.1 (exact integration); the choices within a step are
those of NEST's ``iaf_psc_delta``, with which it agrees spike for spike: what arrives counts for the threshold of the
same step, and what arrives while refractory is lost.
"""

import math
from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.step_model import StepModel


class LIFDelta(StepModel):
    """Leaky integrate-and-fire neuron with delta inputs (NEST's ``iaf_psc_delta``, whose defaults it has).

    Parameters
    ----------
    tau_m : float
        Membrane time constant, in ms.
    C_m : float
        Capacitance, in pF.
    E_L, V_th, V_reset : float
        Resting, threshold and reset potential, in mV.
    t_ref : float
        Refractory time, in ms, rounded to whole steps.
    I_e : float
        Constant current, in pA.
    """

    tau_m: float = 10.0
    C_m: float = 250.0
    E_L: float = -70.0
    V_th: float = -55.0
    V_reset: float = -70.0
    t_ref: float = 2.0
    I_e: float = 0.0

    receptors = (Receptor("membrane", "mV"),)
    currents = (Receptor("current", "pA"),)
    states = ("v",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("tau_m", "C_m")
        self._require_below("V_reset", "V_th")

    def derived(self, dt: float) -> dict[str, float]:
        """Return the propagators of one step: of v, and from a current to v (mV/pA)."""
        return {"p_v": math.exp(-dt / self.tau_m), "p_current": -math.expm1(-dt / self.tau_m) * self.tau_m / self.C_m}

    def default_state(self) -> dict[str, float]:
        """Return V at rest."""
        return {"v": self.E_L}

    @staticmethod
    def step(
        v: Any, membrane: Any, current: Any, E_L: Any, V_th: Any, V_reset: Any, I_e: Any, p_v: Any, p_current: Any,
        held: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Advance one neuron; see `StepModel`."""
        moved = E_L + (v - E_L) * p_v + (I_e + current) * p_current + membrane
        v = v if held else moved
        spiked = v >= V_th
        return V_reset if spiked else v, spiked
