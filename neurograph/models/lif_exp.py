"""Leaky integrate-and-fire with exponential synaptic currents, integrated exactly.

    C_m dV/dt = -C_m/tau_m (V - E_L) + i_ex + i_in + I_e + current        di/dt = -i/tau_syn

Source: Rotter and Diesmann 1999, Biol. Cybern. 81:381 (exact integration); the choices within a step are those of
NEST's ``iaf_psc_exp``, with which it agrees spike for spike. While refractory V is held at V_reset and the currents
go on. NEST stamps a spike at the end of its step, we at the beginning: NEST's time = ours + dt.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurograph.models.base import Floats, Integers, Model, Receptor, at_least, tile_of, whole_steps
from neurograph_storage.errors import ArgumentError
from neurograph_storage.jit import CFunction, kernel

# Positions in the vector of constants.
P_V, P_V_EX, P_V_IN, P_EX, P_IN, P_CURRENT, DRIVE, THRESHOLD, RESET = range(9)


def current_to_voltage(tau_syn: float, tau_m: float, c_m: float, dt: float) -> float:
    """Return the voltage (mV) that a synaptic current of 1 pA causes in one step; finite for equal time constants."""
    if tau_syn == tau_m:
        return dt / c_m * math.exp(-dt / tau_m)
    beta = tau_syn * tau_m / (tau_m - tau_syn)
    rate_difference = (tau_m - tau_syn) / (tau_syn * tau_m)
    return beta / c_m * math.exp(-dt * (1 / tau_syn)) * math.expm1(dt * rate_difference)


@kernel
def _hold_or_move(
    n: int, c: Floats, v: Floats, i_ex: Floats, i_in: Floats, current: Floats, countdown: Integers
) -> None:
    # As locals: the compiler cannot know that writing v leaves the constants as they are.
    p_v, p_v_ex, p_v_in, p_current, drive = c[P_V], c[P_V_EX], c[P_V_IN], c[P_CURRENT], c[DRIVE]
    for i in range(n):
        moved = v[i] * p_v + i_ex[i] * p_v_ex + i_in[i] * p_v_in + drive + current[i] * p_current
        free = countdown[i] == 0
        v[i] = moved if free else v[i]
        countdown[i] -= 0 if free else 1


@kernel
def _decay_and_add(n: int, decay: float, current: Floats, arriving: Floats) -> None:
    for i in range(n):
        current[i] = current[i] * decay + arriving[i]


@kernel
def advance(
    n: int, c: Floats, state: Floats, countdown: Integers, refractory: Integers, inputs: Floats, spikes: Integers
) -> int:
    """Advance a tile by one step; arguments as `neurograph.models.base.tile_of` gives them.

    In loops over few arrays each, which the compiler vectorises. Traffic: 28 bytes read and written a neuron, besides
    its inputs.
    """
    v = state[0][:n]
    _hold_or_move(n, c, v, state[1], state[2], inputs[2], countdown)
    _decay_and_add(n, c[P_EX], state[1], inputs[0])
    _decay_and_add(n, c[P_IN], state[2], inputs[1])
    count = at_least(v, c[THRESHOLD], spikes)
    for k in range(count):
        v[spikes[k]] = c[RESET]
        countdown[spikes[k]] = refractory[spikes[k]]
    return count


@CFunction
def tile(block: Any) -> int:
    """Advance the tile that a block describes."""
    return advance(*tile_of(block, 3, 3))


@dataclass(frozen=True, kw_only=True)
class LIFExp(Model):
    """Leaky integrate-and-fire neuron with exponential currents (NEST's ``iaf_psc_exp``).

    Defaults are those of Potjans and Diesmann 2014 (Cereb. Cortex 24:785, Table 5).

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
    tau_syn_ex: float = 0.5
    tau_syn_in: float = 0.5
    C_m: float = 250.0
    E_L: float = -65.0
    V_th: float = -50.0
    V_reset: float = -65.0
    t_ref: float = 2.0
    I_e: float = 0.0

    receptors: ClassVar = (Receptor("excitatory", "pA"), Receptor("inhibitory", "pA"))
    currents: ClassVar = (Receptor("current", "pA"),)
    states: ClassVar = ("v", "i_ex", "i_in")
    tile: ClassVar = tile

    def __post_init__(self) -> None:
        self._require_positive("tau_m", "tau_syn_ex", "tau_syn_in", "C_m")
        self._require_finite("E_L", "V_th", "V_reset", "I_e", "t_ref")
        if self.t_ref < 0:
            raise ArgumentError(f"LIFExp.t_ref is {self.t_ref}, it must be at least 0 ms")
        self._require_below("V_reset", "V_th")

    def constants(self, dt: float) -> Floats:
        """Return the propagators over one step and the potentials relative to E_L."""
        c = np.empty(9)
        c[P_V] = math.exp(-dt / self.tau_m)
        c[P_V_EX] = current_to_voltage(self.tau_syn_ex, self.tau_m, self.C_m, dt)
        c[P_V_IN] = current_to_voltage(self.tau_syn_in, self.tau_m, self.C_m, dt)
        c[P_EX] = math.exp(-dt / self.tau_syn_ex)
        c[P_IN] = math.exp(-dt / self.tau_syn_in)
        c[P_CURRENT] = self.tau_m / self.C_m * (1.0 - c[P_V])
        c[DRIVE] = self.I_e * c[P_CURRENT]
        c[THRESHOLD] = self.V_th - self.E_L
        c[RESET] = self.V_reset - self.E_L
        return c

    def refractory_steps(self, dt: float) -> int:
        """Return the steps for which V is held after a spike."""
        return whole_steps(self.t_ref, dt)

    def default_state(self) -> dict[str, float]:
        """Return V at rest and no currents."""
        return {"v": self.E_L, "i_ex": 0.0, "i_in": 0.0}

    def to_stored(self, state: str, value: Floats) -> Floats:
        """Return V relative to E_L, which saves an addition in each step; currents as they are."""
        return value - self.E_L if state == "v" else value

    def to_user(self, state: str, value: Floats) -> Floats:
        """Return V in mV from V relative to E_L."""
        return value + self.E_L if state == "v" else value

    @staticmethod
    def reference_step(
        constants: Floats,
        state: Floats,
        countdown: NDArray[np.int32],
        refractory: NDArray[np.int32],
        inputs: Floats,
    ) -> NDArray[np.bool_]:
        """Advance one population, in place; see `Model.reference_step`."""
        c, (v, i_ex, i_in) = constants, state
        free = countdown == 0
        v[free] = (v * c[P_V] + i_ex * c[P_V_EX] + i_in * c[P_V_IN] + c[DRIVE] + inputs[2] * c[P_CURRENT])[free]
        countdown[~free] -= 1
        spiking: NDArray[np.bool_] = v >= c[THRESHOLD]
        state[1] = i_ex * c[P_EX] + inputs[0]
        state[2] = i_in * c[P_IN] + inputs[1]
        v[spiking] = c[RESET]
        countdown[spiking] = refractory[spiking]
        return spiking
