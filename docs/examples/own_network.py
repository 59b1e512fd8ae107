"""Describe a network of one's own: populations, connections with distributions, drives."""

import tempfile
from pathlib import Path

import numpy as np

import neurograph as ng

net = ng.Network(dt=0.1)
e = net.population("E", 800, ng.LIFExp(tau_m=10.0, tau_syn_ex=0.5), initial={"v": ng.Normal(-58.0, 5.0)})
i = net.population("I", 200, ng.LIFExp(tau_m=10.0), initial={"v": ng.Normal(-58.0, 5.0)})

excitation = {"weight": ng.Normal(200.0, 20.0, low=0.0), "delay": ng.Normal(1.5, 0.75, low=0.1)}
inhibition = {"weight": ng.Normal(-1600.0, 160.0, high=0.0), "delay": ng.Normal(0.8, 0.4, low=0.1)}
net.connect(e, e, ng.FixedIndegree(80), **excitation)
net.connect(e, i, ng.FixedOutdegree(20), **excitation)
net.connect(i, e, ng.FixedOutdegree(80), **inhibition)
net.connect(i, i, ng.Edges(np.arange(200), np.roll(np.arange(200), 1)), weight=-800.0, delay=1.0)

net.drive(e, ng.PoissonInput(rate=1200.0, weight=500.0))
net.drive(i, ng.PoissonInput(rate=1200.0, weight=500.0))
net.drive(e[:100], ng.PoissonInput(rate=2000.0, weight=500.0, start=100.0, stop=150.0))

circuit = ng.build(Path(tempfile.mkdtemp()) / "mine.zarr", net, seed=1)
with ng.Simulation(circuit, seed=1) as sim:
    sim.run(200.0)

stimulated = sim.spikes.neurons < 100
during = (sim.spikes.times >= 100.0) & (sim.spikes.times < 150.0)
print(f"{circuit.synapses} synapses, delays up to {circuit.store.max_delay * circuit.dt:g} ms")
print(f"before the stimulus: {(stimulated & (sim.spikes.times < 100.0)).sum() / 100 / 0.1:.1f} Hz")
print(f"during it:           {(stimulated & during).sum() / 100 / 0.05:.1f} Hz")
