"""Adaptive exponential integrate-and-fire with exponential synaptic currents.

    C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th)/Delta_T) - w + i_ex + i_in + I_e + current
    tau_w dw/dt = a (V - E_L) - w        di/dt = -i/tau_syn        spike at V >= V_peak: V = V_reset, w += b

Method: the classical Runge-Kutta rule of fourth order, one to a step; the currents decay exactly. Within a step V is
clipped at V_peak on the right-hand sides, as NEST's ``aeif`` models do, so that the upswing cannot overflow; take
steps of 0.1 ms or less. Source: Brette and Gerstner 2005, J. Neurophysiol. 94:3637, equations 2 and 3.
"""

import math
from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.exponential import HIGHEST, exp
from neurograph.models.step_model import StepModel
from neurograph_storage.errors import ArgumentError

# Far enough below where the exponential overflows that conductances and steps cannot make the product overflow.
_STEEPEST = HIGHEST - 100.0


class AdEx(StepModel):
    """Adaptive exponential integrate-and-fire neuron (Brette and Gerstner 2005, whose Table 1 gives the defaults).

    The time constants of the currents are those of NEST's ``aeif_psc_exp``.

    Parameters
    ----------
    C_m : float
        Capacitance, in pF.
    g_L : float
        Leak conductance, in nS.
    E_L, V_th, V_peak, V_reset : float
        Leak reversal potential, threshold of the upswing, where it counts as a spike, and reset potential, in mV.
    Delta_T : float
        Slope factor, in mV.
    tau_w : float
        Time constant of adaptation, in ms.
    a, b : float
        Subthreshold adaptation, in nS, and adaptation by each spike, in pA.
    tau_syn_ex, tau_syn_in : float
        Time constants of the currents, in ms.
    t_ref : float
        Refractory time, in ms, rounded to whole steps; V is held, w and the currents go on.
    I_e : float
        Constant current, in pA.
    """

    C_m: float = 281.0
    g_L: float = 30.0
    E_L: float = -70.6
    V_th: float = -50.4
    V_peak: float = 20.0
    V_reset: float = -70.6
    Delta_T: float = 2.0
    tau_w: float = 144.0
    a: float = 4.0
    b: float = 80.5
    tau_syn_ex: float = 0.2
    tau_syn_in: float = 2.0
    t_ref: float = 0.0
    I_e: float = 0.0

    receptors = (Receptor("excitatory", "pA"), Receptor("inhibitory", "pA"))
    currents = (Receptor("current", "pA"),)
    states = ("v", "w", "i_ex", "i_in")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("C_m", "g_L", "Delta_T", "tau_w", "tau_syn_ex", "tau_syn_in")
        self._require_below("V_reset", "V_peak")
        if (self.V_peak - self.V_th) / self.Delta_T > _STEEPEST:
            raise ArgumentError(
                f"AdEx.Delta_T is {self.Delta_T}, too small for V_peak {self.V_peak}: the exponential overflows"
            )

    def derived(self, dt: float) -> dict[str, float]:
        """Return how much of each current is left after half a step."""
        return {"half_ex": math.exp(-dt / 2 / self.tau_syn_ex), "half_in": math.exp(-dt / 2 / self.tau_syn_in)}

    def default_state(self) -> dict[str, float]:
        """Return V at rest, no adaptation and no currents."""
        return {"v": self.E_L, "w": 0.0, "i_ex": 0.0, "i_in": 0.0}

    @staticmethod
    def step(
        v: Any, w: Any, i_ex: Any, i_in: Any, excitatory: Any, inhibitory: Any, current: Any, C_m: Any, g_L: Any,
        E_L: Any, V_th: Any, V_peak: Any, V_reset: Any, Delta_T: Any, tau_w: Any, a: Any, b: Any, I_e: Any,
        half_ex: Any, half_in: Any, dt: Any, held: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Advance one neuron; see `StepModel`."""
        still = 0.0 if held else 1.0 / C_m

        def slope_v(v: Any, w: Any, i: Any) -> Any:
            v = V_peak if v > V_peak else v
            return (g_L * (Delta_T * exp((v - V_th) / Delta_T) - (v - E_L)) - w + i) * still

        def slope_w(v: Any, w: Any) -> Any:
            v = V_peak if v > V_peak else v
            return (a * (v - E_L) - w) / tau_w

        half = 0.5 * dt
        i_ex_half, i_in_half = i_ex * half_ex, i_in * half_in
        i_ex_end, i_in_end = i_ex_half * half_ex, i_in_half * half_in
        i_0 = i_ex + i_in + I_e + current
        i_1 = i_ex_half + i_in_half + I_e + current
        i_2 = i_ex_end + i_in_end + I_e + current
        v_1, w_1 = slope_v(v, w, i_0), slope_w(v, w)
        v_2, w_2 = slope_v(v + half * v_1, w + half * w_1, i_1), slope_w(v + half * v_1, w + half * w_1)
        v_3, w_3 = slope_v(v + half * v_2, w + half * w_2, i_1), slope_w(v + half * v_2, w + half * w_2)
        v_4, w_4 = slope_v(v + dt * v_3, w + dt * w_3, i_2), slope_w(v + dt * v_3, w + dt * w_3)
        v = v + dt / 6.0 * (v_1 + 2.0 * v_2 + 2.0 * v_3 + v_4)
        w = w + dt / 6.0 * (w_1 + 2.0 * w_2 + 2.0 * w_3 + w_4)
        spiked = v >= V_peak
        return V_reset if spiked else v, w + b if spiked else w, i_ex_end + excitatory, i_in_end + inhibitory, spiked
