"""Leaky integrate-and-fire with alpha-shaped synaptic currents, integrated exactly.

    C_m dV/dt = -C_m/tau_m (V - E_L) + i_ex + i_in + I_e + current
    di/dt = r - i/tau_syn        dr/dt = -r/tau_syn        r += e/tau_syn x weight of each event

A weight is the peak of the current it causes, tau_syn after the event. Source: Rotter and Diesmann 1999, Biol.
Cybern. 81:381, section 3.2 (exact integration); the choices within a step are those of NEST's ``iaf_psc_alpha``, with
which it agrees spike for spike. While refractory V is held and the currents go on.
"""

import math
from typing import Any

from neurograph.models.base import Receptor
from neurograph.models.lif_exp import current_to_voltage
from neurograph.models.step_model import StepModel


def rise_to_voltage(tau_syn: float, tau_m: float, c_m: float, dt: float) -> float:
    """Return the voltage (mV) that r = 1 pA/ms causes in one step; finite for equal time constants.

    It is exp(-dt/tau_m)/C_m times the integral of s exp(-g s) over the step, with g = 1/tau_syn - 1/tau_m.
    """
    x = dt * (1 / tau_syn - 1 / tau_m)
    if abs(x) < 1:
        # The closed form takes a difference of nearly equal numbers here; its series does not.
        integral = sum((-x) ** k / (math.factorial(k) * (k + 2)) for k in range(20))
    else:
        integral = (1 - math.exp(-x) * (1 + x)) / x**2
    return dt * dt * integral * math.exp(-dt / tau_m) / c_m


class LIFAlpha(StepModel):
    """Leaky integrate-and-fire neuron with alpha-shaped currents (NEST's ``iaf_psc_alpha``, whose defaults it has).

    Parameters
    ----------
    tau_m, tau_syn_ex, tau_syn_in : float
        Time constants of membrane, excitatory and inhibitory current, in ms.
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
    tau_syn_ex: float = 2.0
    tau_syn_in: float = 2.0
    C_m: float = 250.0
    E_L: float = -70.0
    V_th: float = -55.0
    V_reset: float = -70.0
    t_ref: float = 2.0
    I_e: float = 0.0

    receptors = (Receptor("excitatory", "pA"), Receptor("inhibitory", "pA"))
    currents = (Receptor("current", "pA"),)
    states = ("v", "i_ex", "r_ex", "i_in", "r_in")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("tau_m", "tau_syn_ex", "tau_syn_in", "C_m")
        self._require_below("V_reset", "V_th")

    def derived(self, dt: float) -> dict[str, float]:
        """Return the propagators of one step, those to v in mV/pA and mV ms/pA, and the r that a weight adds."""
        numbers = {"p_v": math.exp(-dt / self.tau_m)}
        numbers["p_current"] = -math.expm1(-dt / self.tau_m) * self.tau_m / self.C_m
        for side, tau in (("ex", self.tau_syn_ex), ("in", self.tau_syn_in)):
            numbers[f"p_{side}"] = math.exp(-dt / tau)
            numbers[f"p_v_i_{side}"] = current_to_voltage(tau, self.tau_m, self.C_m, dt)
            numbers[f"p_v_r_{side}"] = rise_to_voltage(tau, self.tau_m, self.C_m, dt)
            numbers[f"rise_{side}"] = math.e / tau
        return numbers

    def default_state(self) -> dict[str, float]:
        """Return V at rest and no currents."""
        return {"v": self.E_L, "i_ex": 0.0, "r_ex": 0.0, "i_in": 0.0, "r_in": 0.0}

    @staticmethod
    def step(
        v: Any, i_ex: Any, r_ex: Any, i_in: Any, r_in: Any, excitatory: Any, inhibitory: Any, current: Any,
        E_L: Any, V_th: Any, V_reset: Any, I_e: Any, p_v: Any, p_current: Any, p_ex: Any, p_in: Any, p_v_i_ex: Any,
        p_v_r_ex: Any, p_v_i_in: Any, p_v_r_in: Any, rise_ex: Any, rise_in: Any, dt: Any, held: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Advance one neuron; see `StepModel`."""
        moved = E_L + (v - E_L) * p_v + (I_e + current) * p_current
        moved = moved + i_ex * p_v_i_ex + r_ex * p_v_r_ex + i_in * p_v_i_in + r_in * p_v_r_in
        v = v if held else moved
        spiked = v >= V_th
        i_ex, r_ex = (i_ex + dt * r_ex) * p_ex, r_ex * p_ex + rise_ex * excitatory
        i_in, r_in = (i_in + dt * r_in) * p_in, r_in * p_in + rise_in * inhibitory
        return V_reset if spiked else v, i_ex, r_ex, i_in, r_in, spiked
