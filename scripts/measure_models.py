"""How long does one step of each model take? ``python scripts/measure_models.py`` prints ns per neuron and step.

The compiled step alone, on tiles that stay in the cache, without delivery or drives. The last row has the equations of
`LIFExp` written as a user's own model; the second figure is its speed in parts of that of `LIFExp`.
"""

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurograph as ng
from neurograph.models import BUILT_IN, Model
from neurograph.models import base as tiles
from neurograph.models.lif_exp import current_to_voltage
from neurograph_storage.atomics import call
from neurograph_storage.jit import kernel

DT, TILES, ROUNDS, BEST_OF = 0.1, 16, 500, 7


class OwnLIFExp(ng.StepModel):
    """`LIFExp` as a user would write it."""

    tau_m: float = 10.0
    tau_syn: float = 0.5
    C_m: float = 250.0
    E_L: float = -65.0
    V_th: float = -50.0
    V_reset: float = -65.0
    t_ref: float = 2.0

    receptors = (ng.Receptor("excitatory", "pA"), ng.Receptor("inhibitory", "pA"))
    currents = (ng.Receptor("current", "pA"),)
    states = ("v", "i_ex", "i_in")

    def derived(self, dt: float) -> dict[str, float]:
        """Return the propagators of one step."""
        left = math.exp(-dt / self.tau_m)
        return {
            "p_v": left,
            "p_i": math.exp(-dt / self.tau_syn),
            "p_v_i": current_to_voltage(self.tau_syn, self.tau_m, self.C_m, dt),
            "p_current": self.tau_m / self.C_m * (1.0 - left),
        }

    @staticmethod
    def step(
        v: Any, i_ex: Any, i_in: Any, excitatory: Any, inhibitory: Any, current: Any, E_L: Any, V_th: Any,
        V_reset: Any, p_v: Any, p_i: Any, p_v_i: Any, p_current: Any, held: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Advance one neuron."""
        if not held:
            v = E_L + (v - E_L) * p_v + (i_ex + i_in) * p_v_i + current * p_current
        spiked = v >= V_th
        return V_reset if spiked else v, i_ex * p_i + excitatory, i_in * p_i + inhibitory, spiked


@kernel
def advance_all(address: int, block: NDArray[np.int64], rounds: int, tiles_: int) -> None:
    """Call the step of ``tiles_`` tiles, one after the other, ``rounds`` times."""
    state, countdown = block[tiles.AT_STATE], block[tiles.AT_COUNTDOWN]
    for _ in range(rounds):
        for k in range(tiles_):
            block[tiles.AT_STATE] = state + 8 * k * tiles.TILE
            block[tiles.AT_COUNTDOWN] = countdown + 4 * k * tiles.TILE
            call(address, block)
    block[tiles.AT_STATE], block[tiles.AT_COUNTDOWN] = state, countdown


def nanoseconds(model: Model) -> float:
    """Return the time of a step of one neuron, at rest and without input."""
    neurons, start = TILES * tiles.TILE, model.default_state()
    state = np.zeros((max(len(model.states), 1), neurons))
    for k, name in enumerate(model.states):
        state[k] = model.to_stored(name, np.full(neurons, start[name]))
    countdown, constants = np.zeros(neurons, np.int32), model.constants(DT)
    inputs, spikes = np.zeros((len(model.inputs()), tiles.TILE)), np.empty(tiles.TILE, np.int32)
    block = np.array(
        [
            tiles.TILE,
            len(constants),
            neurons,
            *(a.ctypes.data for a in (constants, state, countdown, countdown, inputs, spikes)),
        ]
    )
    times = []
    for _ in range(BEST_OF):
        began = time.perf_counter()
        advance_all(model.tile.address, block, ROUNDS, TILES)
        times.append(time.perf_counter() - began)
    return min(times) / ROUNDS / neurons * 1e9


def main() -> None:
    """Print a row for each model."""
    built_in = {model.__name__: nanoseconds(model()) for model in BUILT_IN}
    for name, time_of_step in built_in.items():
        print(f"{name:15} {time_of_step:6.2f} ns")
    own = nanoseconds(OwnLIFExp())
    print(f"{'OwnLIFExp':15} {own:6.2f} ns, {built_in['LIFExp'] / own:.2f} of the speed of LIFExp")


if __name__ == "__main__":
    main()
