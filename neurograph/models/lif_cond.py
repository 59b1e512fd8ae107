"""Leaky integrate-and-fire with synaptic conductances that decay exponentially.

    C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + current        dg/dt = -g/tau_syn

Method: exponential midpoint rule, of second order and stable for any step. The conductances decay exactly; over a step
those of its middle are taken as constant, and V then relaxes exactly towards the potential they give.
Source: Brette et al. 2007, J. Comput. Neurosci. 23:349, Appendix 2, benchmark 1, after Vogels and Abbott 2005.
"""

import math
from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.exponential import exp
from neurograph.models.step_model import StepModel


class LIFCond(StepModel):
    """Leaky integrate-and-fire neuron with exponential conductances.

    A weight is what an event adds to a conductance, in nS: of ``excitatory`` the positive ones, of ``inhibitory`` the
    negative ones, which add their size (NEST's ``iaf_cond_exp`` has it so). Defaults are those of Brette et al. 2007.

    Parameters
    ----------
    C_m : float
        Capacitance, in pF.
    g_L : float
        Leak conductance, in nS.
    E_L, E_ex, E_in : float
        Reversal potentials of leak, excitation and inhibition, in mV.
    V_th, V_reset : float
        Threshold and reset potential, in mV.
    tau_syn_ex, tau_syn_in : float
        Time constants of the conductances, in ms.
    t_ref : float
        Refractory time, in ms, rounded to whole steps; V is held, the conductances go on.
    I_e : float
        Constant current, in pA.
    """

    C_m: float = 200.0
    g_L: float = 10.0
    E_L: float = -60.0
    E_ex: float = 0.0
    E_in: float = -80.0
    V_th: float = -50.0
    V_reset: float = -60.0
    tau_syn_ex: float = 5.0
    tau_syn_in: float = 10.0
    t_ref: float = 5.0
    I_e: float = 0.0

    receptors = (Receptor("excitatory", "nS"), Receptor("inhibitory", "nS"))
    currents = (Receptor("current", "pA"),)
    states = ("v", "g_ex", "g_in")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("C_m", "g_L", "tau_syn_ex", "tau_syn_in")
        self._require_below("V_reset", "V_th")

    def derived(self, dt: float) -> dict[str, float]:
        """Return how much of each conductance is left after half a step, and the negative step over C_m (1/nS)."""
        return {
            "half_ex": math.exp(-dt / 2 / self.tau_syn_ex),
            "half_in": math.exp(-dt / 2 / self.tau_syn_in),
            "minus_dt_C": -dt / self.C_m,
        }

    def default_state(self) -> dict[str, float]:
        """Return V at rest and no conductances."""
        return {"v": self.E_L, "g_ex": 0.0, "g_in": 0.0}

    @staticmethod
    def step(
        v: Any, g_ex: Any, g_in: Any, excitatory: Any, inhibitory: Any, current: Any, g_L: Any, E_L: Any, E_ex: Any,
        E_in: Any, V_th: Any, V_reset: Any, I_e: Any, half_ex: Any, half_in: Any, minus_dt_C: Any, held: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Advance one neuron; see `StepModel`."""
        g_ex, g_in = g_ex * half_ex, g_in * half_in
        total = g_L + g_ex + g_in
        goal = (g_L * E_L + g_ex * E_ex + g_in * E_in + I_e + current) / total
        moved = goal + (v - goal) * exp(total * minus_dt_C)
        v = v if held else moved
        spiked = v >= V_th
        return V_reset if spiked else v, g_ex * half_ex + excitatory, g_in * half_in - inhibitory, spiked
