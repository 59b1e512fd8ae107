"""Build a circuit, run it, look at its spikes."""

import tempfile
from pathlib import Path

import neurograph as ng

path = Path(tempfile.mkdtemp()) / "cortex.zarr"

ng.build(path, ng.recipes.modular(neurons=5_000, synapses_per_neuron=200), seed=1)
circuit = ng.open(path)

with ng.Simulation(circuit, memory="1GiB", workers=2, seed=1) as sim:
    sim.run(200.0)  # ms

print(circuit.synapses, "synapses")
print(len(sim.spikes), "spikes; the first five:")
for time, neuron in zip(sim.spikes.times[:5], sim.spikes.neurons[:5], strict=True):
    print(f"{time:6.1f} ms  neuron {neuron}")
