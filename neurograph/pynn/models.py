"""Which neurons has PyNN that our own models lack? Written as anyone would write their own.

Conductances that rise and fall as t exp(-t/tau), and the adaptive exponential neuron with conductances. A weight is the
peak of the alpha function it causes; weights onto ``inhibitory`` are negative, as for `LIFCond`.
"""

import math
from typing import Any

from neurograph.models import LIFCond, Receptor, StepModel
from neurograph.models.exponential import HIGHEST, exp

_STEEPEST = HIGHEST - 100.0


class LIFCondAlpha(StepModel):
    """Leaky integrate-and-fire neuron with alpha-shaped conductances; parameters as `LIFCond`.

    Method: that of `LIFCond`, with the exact conductance of the middle of the step.
    """

    C_m: float = 1000.0
    g_L: float = 50.0
    E_L: float = -65.0
    E_ex: float = 0.0
    E_in: float = -70.0
    V_th: float = -50.0
    V_reset: float = -65.0
    tau_syn_ex: float = 0.3
    tau_syn_in: float = 0.5
    t_ref: float = 0.1
    I_e: float = 0.0

    receptors = LIFCond.receptors
    currents = LIFCond.currents
    states = ("v", "g_ex", "r_ex", "g_in", "r_in")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("C_m", "g_L", "tau_syn_ex", "tau_syn_in")

    def derived(self, dt: float) -> dict[str, float]:
        """Return what is left after half a step, and the rise that a weight of 1 starts (nS/ms)."""
        return {
            "half": dt / 2,
            "half_ex": math.exp(-dt / 2 / self.tau_syn_ex),
            "half_in": math.exp(-dt / 2 / self.tau_syn_in),
            "rise_ex": math.e / self.tau_syn_ex,
            "rise_in": math.e / self.tau_syn_in,
            "minus_dt_C": -dt / self.C_m,
        }

    def default_state(self) -> dict[str, float]:
        """Return V at rest and no conductances."""
        return {**dict.fromkeys(self.states, 0.0), "v": self.E_L}

    @staticmethod
    def step(
        v: Any, g_ex: Any, r_ex: Any, g_in: Any, r_in: Any, excitatory: Any, inhibitory: Any, current: Any, g_L: Any,
        E_L: Any, E_ex: Any, E_in: Any, V_th: Any, V_reset: Any, I_e: Any, half: Any, half_ex: Any, half_in: Any,
        rise_ex: Any, rise_in: Any, minus_dt_C: Any, held: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Advance one neuron; see `StepModel`."""
        g_ex, r_ex = (g_ex + half * r_ex) * half_ex, r_ex * half_ex
        g_in, r_in = (g_in + half * r_in) * half_in, r_in * half_in
        total = g_L + g_ex + g_in
        goal = (g_L * E_L + g_ex * E_ex + g_in * E_in + I_e + current) / total
        moved = goal + (v - goal) * exp(total * minus_dt_C)
        v = v if held else moved
        spiked = v >= V_th
        g_ex, r_ex = (g_ex + half * r_ex) * half_ex, r_ex * half_ex + rise_ex * excitatory
        g_in, r_in = (g_in + half * r_in) * half_in, r_in * half_in - rise_in * inhibitory
        return V_reset if spiked else v, g_ex, r_ex, g_in, r_in, spiked


class AdExCond(StepModel):
    """Adaptive exponential integrate-and-fire neuron with exponential conductances (Brette and Gerstner 2005).

    Parameters are those of `AdEx`, and reversal potentials E_ex and E_in, in mV. With ``Delta_T`` 0 it spikes at V_th.
    Method: classical Runge-Kutta, with the exact conductances of the beginning, middle and end of the step.
    """

    C_m: float = 281.0
    g_L: float = 30.0
    E_L: float = -70.6
    V_th: float = -50.4
    V_peak: float = -40.0
    V_reset: float = -70.6
    Delta_T: float = 2.0
    tau_w: float = 144.0
    a: float = 4.0
    b: float = 80.5
    E_ex: float = 0.0
    E_in: float = -80.0
    tau_syn_ex: float = 5.0
    tau_syn_in: float = 5.0
    t_ref: float = 0.1
    I_e: float = 0.0

    receptors = (Receptor("excitatory", "nS"), Receptor("inhibitory", "nS"))
    currents = (Receptor("current", "pA"),)
    states = ("v", "w", "g_ex", "g_in")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("C_m", "g_L", "tau_w", "tau_syn_ex", "tau_syn_in")

    def derived(self, dt: float) -> dict[str, float]:
        """Return what is left after half a step, where a spike is seen, and the slope of the exponential (1/mV)."""
        steep = self.Delta_T > 0
        return {
            "half_ex": math.exp(-dt / 2 / self.tau_syn_ex),
            "half_in": math.exp(-dt / 2 / self.tau_syn_in),
            "peak": self.V_peak if steep else self.V_th,
            "steep": min(1.0 / self.Delta_T, _STEEPEST / max(self.V_peak - self.V_th, 1.0)) if steep else 0.0,
        }

    def default_state(self) -> dict[str, float]:
        """Return V at rest, no adaptation and no conductances."""
        return {"v": self.E_L, "w": 0.0, "g_ex": 0.0, "g_in": 0.0}

    @staticmethod
    def step(
        v: Any, w: Any, g_ex: Any, g_in: Any, excitatory: Any, inhibitory: Any, current: Any, C_m: Any, g_L: Any,
        E_L: Any, V_th: Any, V_reset: Any, Delta_T: Any, tau_w: Any, a: Any, b: Any, E_ex: Any, E_in: Any, I_e: Any,
        half_ex: Any, half_in: Any, peak: Any, steep: Any, dt: Any, held: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Advance one neuron; see `StepModel`."""
        still = 0.0 if held else 1.0 / C_m

        def slope_v(v: Any, w: Any, e: Any, i: Any) -> Any:
            v = peak if v > peak else v
            upswing = g_L * Delta_T * exp((v - V_th) * steep)
            return (upswing - g_L * (v - E_L) - e * (v - E_ex) - i * (v - E_in) - w + I_e + current) * still

        def slope_w(v: Any, w: Any) -> Any:
            v = peak if v > peak else v
            return (a * (v - E_L) - w) / tau_w

        half = 0.5 * dt
        e_1, i_1 = g_ex * half_ex, g_in * half_in
        e_2, i_2 = e_1 * half_ex, i_1 * half_in
        v_1, w_1 = slope_v(v, w, g_ex, g_in), slope_w(v, w)
        v_2, w_2 = slope_v(v + half * v_1, w + half * w_1, e_1, i_1), slope_w(v + half * v_1, w + half * w_1)
        v_3, w_3 = slope_v(v + half * v_2, w + half * w_2, e_1, i_1), slope_w(v + half * v_2, w + half * w_2)
        v_4, w_4 = slope_v(v + dt * v_3, w + dt * w_3, e_2, i_2), slope_w(v + dt * v_3, w + dt * w_3)
        v = v + dt / 6.0 * (v_1 + 2.0 * v_2 + 2.0 * v_3 + v_4)
        w = w + dt / 6.0 * (w_1 + 2.0 * w_2 + 2.0 * w_3 + w_4)
        spiked = v >= peak
        return V_reset if spiked else v, w + b if spiked else w, e_2 + excitatory, i_2 - inhibitory, spiked
