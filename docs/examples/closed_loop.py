"""A closed loop: watch the activity, and answer with events.

A controller looks at the rate of the excitatory neurons every 10 ms. When it is above a target it sends inhibitory
events to all of them, the stronger the further it is above; then one module is silenced, and the loop goes on.
"""

import tempfile
from pathlib import Path

import numpy as np

import neurograph as ng

TARGET = 4.0  # Hz
WINDOW = 10.0  # ms
GAIN = 60.0  # pA for each Hz above the target

network = ng.recipes.modular(neurons=2_000, synapses_per_neuron=200, modules=4)
circuit = ng.build(Path(tempfile.mkdtemp()) / "loop.zarr", network, seed=1)
excitatory = circuit.neuron_ids("E")


def rate(sim: ng.Simulation) -> float:
    """Return the mean rate of the excitatory neurons over the last window, in Hz."""
    recent = (sim.spikes.times >= sim.now - WINDOW) & np.isin(sim.spikes.neurons, excitatory)
    return recent.sum() / len(excitatory) / WINDOW * 1000


with ng.Simulation(circuit, seed=1) as sim:
    free, controlled = [], []
    for _ in range(20):
        sim.run(WINDOW)
        free.append(rate(sim))
    for _ in range(20):
        excess = rate(sim) - TARGET
        if excess > 0:
            sim.inject(excitatory, -GAIN * excess)
        sim.run(WINDOW)
        controlled.append(rate(sim))
    sim.silence(excitatory[:400])
    sim.run(WINDOW)
    voltage = sim.state("v", excitatory[:400])

print(f"free:       {np.mean(free):.1f} Hz")
print(f"controlled: {np.mean(controlled):.1f} Hz")
print(f"membrane potentials of the silenced module: {voltage.mean():.1f} +- {voltage.std():.1f} mV")
