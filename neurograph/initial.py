"""What is the state of every neuron before the first step?

Numbers, distributions or one value for each neuron, as described with the population; draws are keyed by
(seed, state, original id). The reference and the executor both start from here.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.draws import PURPOSE_INITIAL, mix64, stream_keys, uniforms


def initial_state(circuit: Circuit, population: int, seed: int) -> NDArray[np.float64]:
    """Return the stored state of one population, (states, size) float64."""
    chosen = list(circuit.populations.values())[population]
    ids = circuit.ids[chosen.first : chosen.first + chosen.size]
    state = np.empty((len(chosen.model.states), chosen.size))
    for k, (name, value) in enumerate(circuit.initial_values(population).items()):
        if isinstance(value, (float, np.ndarray)):
            values = np.broadcast_to(np.asarray(value, np.float64), chosen.size)
        else:
            values = value.quantile(uniforms(mix64(stream_keys(seed, PURPOSE_INITIAL, ids, part=k))))
        state[chosen.model.states.index(name)] = chosen.model.to_stored(name, values)
    return state
