"""Leaky integrate-and-fire whose whole state stands still while refractory.

    tau_m dv/dt = v_rest - v + g        tau_g dg/dt = -g

The model of Shiu et al. 2024 (Nature 634:210) for the fly brain. It differs from `LIFExp` in kind, not in numbers:
weights are in mV and both signs enter one variable g; the threshold is strict; v and g are frozen while
refractory, and whatever arrives then, or in the step of the spike, is lost; a second receptor adds straight to v.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurograph.models.base import Floats, Integers, Model, Receptor, at_least, tile_of, whole_steps
from neurograph_storage.errors import ArgumentError
from neurograph_storage.jit import CFunction, kernel

P_V, P_V_G, P_G, THRESHOLD, RESET = range(5)


@kernel
def advance(
    n: int, c: Floats, state: Floats, countdown: Integers, refractory: Integers, inputs: Floats, spikes: Integers
) -> int:
    """Advance a tile by one step; arguments as `neurograph.models.base.tile_of` gives them."""
    v, g, synaptic, membrane = state[0], state[1], inputs[0], inputs[1]
    p_v, p_v_g, p_g, threshold, reset = c[P_V], c[P_V_G], c[P_G], c[THRESHOLD], c[RESET]
    for i in range(n):
        left = max(countdown[i] - 1, 0)
        countdown[i] = left
        moved = v[i] * p_v + g[i] * p_v_g
        free = left == 0
        fires = free and moved > threshold
        v[i] = reset if fires else moved + membrane[i] if free else v[i]
        g[i] = 0.0 if fires else g[i] * p_g + synaptic[i] if free else g[i]
        synaptic[i] = 1.0 if fires else 0.0
    count = at_least(synaptic[:n], 1.0, spikes)
    for k in range(count):
        countdown[spikes[k]] = refractory[spikes[k]]
    return count


@CFunction
def tile(block: Any) -> int:
    """Advance the tile that a block describes."""
    return advance(*tile_of(block, 2, 2))


@dataclass(frozen=True, kw_only=True)
class LIFFrozen(Model):
    """Leaky integrate-and-fire neuron that is frozen while refractory (Shiu et al. 2024).

    Defaults are those of the paper's whole-brain model of the adult fly.

    Parameters
    ----------
    tau_m, tau_g : float
        Time constants of membrane and synaptic variable, in ms.
    v_rest, v_threshold, v_reset : float
        In mV; a neuron spikes when v is above the threshold, not at it.
    t_ref : float
        Refractory time, in ms, rounded to whole steps. A neuron that spikes at step k next moves at step k + t_ref/dt.
    """

    tau_m: float = 20.0
    tau_g: float = 5.0
    v_rest: float = -52.0
    v_threshold: float = -45.0
    v_reset: float = -52.0
    t_ref: float = 2.2

    receptors: ClassVar = (Receptor("synaptic", "mV"), Receptor("membrane", "mV"))
    states: ClassVar = ("v", "g")
    tile: ClassVar = tile

    def __post_init__(self) -> None:
        self._require_positive("tau_m", "tau_g")
        self._require_finite("v_rest", "v_threshold", "v_reset", "t_ref")
        if self.t_ref < 0:
            raise ArgumentError(f"LIFFrozen.t_ref is {self.t_ref}, it must be at least 0 ms")
        if self.v_reset > self.v_threshold:
            raise ArgumentError(f"LIFFrozen.v_reset is {self.v_reset}, above v_threshold {self.v_threshold}")

    def constants(self, dt: float) -> Floats:
        """Return the propagators over one step and the potentials relative to v_rest."""
        decay_v, decay_g = math.exp(-dt / self.tau_m), math.exp(-dt / self.tau_g)
        c = np.empty(5)
        c[P_V], c[P_G] = decay_v, decay_g
        if self.tau_g == self.tau_m:
            c[P_V_G] = dt / self.tau_m * decay_v
        else:
            c[P_V_G] = self.tau_g / (self.tau_m - self.tau_g) * (decay_v - decay_g)
        c[THRESHOLD] = self.v_threshold - self.v_rest
        c[RESET] = self.v_reset - self.v_rest
        return c

    def refractory_steps(self, dt: float) -> int:
        """Return the steps from a spike to the next movement."""
        return whole_steps(self.t_ref, dt)

    def default_state(self) -> dict[str, float]:
        """Return v at rest and no synaptic input."""
        return {"v": self.v_rest, "g": 0.0}

    def to_stored(self, state: str, value: Floats) -> Floats:
        """Return v relative to v_rest; g as it is."""
        return value - self.v_rest if state == "v" else value

    def to_user(self, state: str, value: Floats) -> Floats:
        """Return v in mV from v relative to v_rest."""
        return value + self.v_rest if state == "v" else value

    @classmethod
    def receptor_of_sign(cls, *, negative: bool) -> int:  # noqa: ARG003 (both signs enter g)
        """Return the synaptic receptor for either sign."""
        return 0

    @staticmethod
    def reference_step(
        constants: Floats,
        state: Floats,
        countdown: NDArray[np.int32],
        refractory: NDArray[np.int32],
        inputs: Floats,
    ) -> NDArray[np.bool_]:
        """Advance one population, in place; see `Model.reference_step`."""
        c, (v, g) = constants, state
        countdown[countdown > 0] -= 1
        free = countdown == 0
        advanced = v * c[P_V] + g * c[P_V_G]
        spiking: NDArray[np.bool_] = free & (advanced > c[THRESHOLD])
        moving = free & ~spiking
        v[moving] = (advanced + inputs[1])[moving]
        g[moving] = (g * c[P_G] + inputs[0])[moving]
        v[spiking], g[spiking] = c[RESET], 0.0
        countdown[spiking] = refractory[spiking]
        return spiking
