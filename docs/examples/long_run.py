"""A long run that may be interrupted: spikes go to a file, and it is taken up from a checkpoint."""

import tempfile
from pathlib import Path

import neurograph as ng

folder = Path(tempfile.mkdtemp())
network = ng.recipes.modular(neurons=2000, synapses_per_neuron=100, modules=10)
circuit = ng.build(folder / "long.zarr", network, seed=1)

with ng.Simulation(circuit, seed=1, spikes=folder / "spikes.parquet") as sim:
    trace = sim.record("v", circuit.neuron_ids("E")[:3], every=10.0)
    sim.run(200.0, checkpoint=folder / "run.checkpoint", checkpoint_every=50.0)
    # Ctrl-C, or a power cut, would end it here; the spikes up to the last checkpoint are safe.

# In another process, with other workers and another budget, as if nothing had happened.
with ng.Simulation.resume(folder / "run.checkpoint", workers=1, memory="64MiB") as sim:
    print(f"taken up at {sim.now:g} ms, after {sim.statistics.spikes} spikes")
    sim.run(100.0)
    (trace,) = sim.traces

times, neurons, _ = ng.read_spikes(folder / "spikes.parquet")
print(f"{len(times)} spikes, the last at {times[-1]:.1f} ms")
print(f"{len(trace.times)} times x {len(trace.neurons)} neurons of {trace.name}, the last at {trace.times[-1]:g} ms")
print(f"rates by intervals of {sim.rates.interval:g} ms: {sim.rates.rates.shape}")
